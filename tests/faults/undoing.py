"""Undo under faults: killed at every call that changes something, and with calls that fail; then undo once more, after
which every path holds exactly its old bytes, and then the run again, which does it all again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lanes import scene_of, sweep
from tests.faults.oracle import Loss, bad_words
from tests.faults.running import Ran, Whole, worker_commands
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, counts, injected, read_log

ERRORS = ("EIO", "ENOSPC")
READ_ERRORS = ("EIO",)
READING = ("read", "newfstatat", "getdents64")
KILL = "signal=SIGKILL"
KEPT = "backups:"
ENDS = (0, 1, 2, 3)
"""Exit codes: all is back, some was refused, nothing could be begun, nothing was found."""
MODES = ("in place", "instead", "copied")
PICTURES = 3


@dataclass(frozen=True, slots=True)
class UndoFault:
    """What happens to an undo."""

    mode: str
    call: str
    what: str
    """``KILL``, or strace's words for an error."""
    when: str
    """In strace's words."""
    paths: tuple[str, ...] = ()
    """Only calls that name one of these are counted; relative to the scene's folder, after ``KEPT`` to its backups."""


@dataclass(frozen=True, slots=True)
class UndoFailed:
    """What came of it."""

    fault: UndoFault
    hit: bool
    losses: tuple[Loss, ...]


def _words(scene: Scene) -> list[str]:
    return ["undo", "last", "--in", os.fspath(scene.root)]


def _relative(scene: Scene, path: str) -> str:
    kept = os.fspath(scene.backups)
    return KEPT + os.path.relpath(path, kept) if path.startswith(kept) else os.path.relpath(path, scene.base)


def _absolute(scene: Scene, path: str) -> str:
    base = scene.backups if path.startswith(KEPT) else scene.base
    return os.path.normpath(base / path.removeprefix(KEPT))


def _run(scene: Scene) -> Ran:
    with worker_commands():
        return scene.run()


def faults(scene: Scene) -> list[UndoFault]:
    """Every call of an undo that changes something: a kill at each, an error at each second, and at all of them."""
    scene.fresh()
    _run(scene)
    log = os.fspath(scene.base / "recorded")
    Whole(_words(scene), scene.state, before=injected(log=log, calls=(*CHANGING, *READING))).finish()
    here = (os.fspath(scene.base), os.fspath(scene.backups))
    ours = [call for call in read_log(log) if any(path.startswith(here) for path in call.paths)]
    paths = tuple(sorted({_relative(scene, path) for c in ours for path in c.paths if path.startswith(here)}))
    scene.clear_backups()
    found = []
    for name, most in sorted(counts(ours).items()):
        if name in CHANGING and name != "openat":  # nearly all of those create nothing
            found += [UndoFault(scene.mode, name, KILL, str(number + 1), paths) for number in range(most)]
        errors = READ_ERRORS if name in READING else ERRORS
        for error in errors:
            found += [UndoFault(scene.mode, name, f"error={error}", when, paths) for when in ("2+2", "1+")]
    return found


def fail(fault: UndoFault, samples: Sequence[Path]) -> UndoFailed:
    """Run, undo with the fault, look; undo without, look; run again, look."""
    scene = scene_of(fault.mode, samples)
    scene.fresh()
    done = _ended(_run(scene))
    log = os.fspath(scene.base / "log")
    paths = [_absolute(scene, path) for path in fault.paths]
    inject = f"{fault.call}:{fault.what}:when={fault.when}"
    first = Whole(_words(scene), scene.state, before=injected(log=log, calls=[fault.call], inject=inject, paths=paths))
    ran = first.finish()
    found = [*scene.losses(over=False), *bad_words("\n".join(ran.lines))]
    if fault.what != KILL and (ran.code not in ENDS or (ran.code and not ran.lines and not ran.output)):
        found.append(Loss("report", "", f"exit code {ran.code}, said {ran.lines}"))
    again = Whole(_words(scene), scene.state).finish()
    found += [*scene.tree.losses(replaced=False, over=True), *bad_words("\n".join(again.lines))]
    found += [Loss("backup", path, "left after the undo") for path in _kept(scene)]
    scene.tree.another_run()
    last = _run(scene)
    found += scene.losses(over=True, ran=last)
    if _ended(last) != done:
        found.append(Loss("restart", "", f"{_ended(last)} after the undo, {done} before"))
    scene.clear_backups()
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    return UndoFailed(fault, "killed by SIGKILL" in text or "(INJECTED)" in text, tuple(dict.fromkeys(found)))


def _ended(ran: Ran) -> list[tuple[str, str]]:
    """What became of each image."""
    return sorted((str(result["original_path"]), str(result["status"])) for result in ran.results)


def _kept(scene: Scene) -> list[str]:
    return [os.fspath(path) for path in scene.backups.rglob("*") if path.is_file()]


def undoing(bench: Bench) -> list[Row]:
    """Two rows for each mode."""
    if STRACE is None:
        return [Row("undo killed", "SIGKILL at every call", 0, note="strace is not installed")]
    rows: list[Row] = []
    for mode in MODES if bench.long else MODES[1:2]:
        scene = Scene(mode, bench.folder(f"recorded-{mode}"), bench.samples(PICTURES), bench.judge)
        scene.reference()
        every = faults(scene)
        done = list(sweep(fail, every if bench.long else every[::6], bench.samples(PICTURES), bench.base))
        for name, killed in (("undo killed", True), ("undo with I/O errors", False)):
            mine = [one for one in done if (one.fault.what == KILL) == killed]
            calls = ", ".join(sorted({one.fault.call for one in mine if one.hit}))
            losses: list[object] = [
                f"{one.fault.call} {one.fault.what} {one.fault.when}: {loss}" for one in mine for loss in one.losses
            ]
            rows.append(Row(f"{name}, {mode}", f"at {calls}", sum(one.hit for one in mine), losses))
    return rows
