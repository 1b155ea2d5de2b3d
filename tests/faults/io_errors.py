"""The I/O error sweep: every n-th call of a worker on the tree's files fails, the rest of the run goes on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lanes import scene_of, sweep
from tests.faults.oracle import Loss
from tests.faults.running import REAL, worker_commands
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, injected, read_log

WRITE_ERRORS = ("ENOSPC", "EIO", "EACCES", "EDQUOT", "EFBIG")
READ_ERRORS = ("EIO", "ESTALE", "ENOMEM")
READING = ("read", "fstat", "newfstatat", "close")
BROKEN = ("EIO", "ESTALE")
REMOVING = ("unlink", "unlinkat")
"""Where these fail a temp is left, for the next run to remove."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Which calls fail, and how."""

    mode: str
    call: str
    error: str
    every: int
    """Every how many-th call of a thread on the tree's files."""
    paths: tuple[str, ...]
    """The tree's files, relative to the scene's folder."""
    module: str = REAL
    unsafe: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """What came of it."""

    fault: Fault
    times: int
    """Calls that failed."""
    ends: tuple[tuple[str, int], ...]
    """Status → images."""
    losses: tuple[Loss, ...]


def faults(scene: Scene, steps: Sequence[int]) -> list[Fault]:
    """Every call on the scene's files, every error, every step."""
    scene.fresh()
    log = os.fspath(scene.base / "recorded")
    with worker_commands(injected(log=log, calls=(*CHANGING, *READING))):
        scene.run()
    base = os.fspath(scene.base)
    ours = [call for call in read_log(log) if any(path.startswith(base) for path in call.paths)]
    paths = tuple(sorted({os.path.relpath(path, base) for c in ours for path in c.paths if path.startswith(base)}))
    return [
        Fault(scene.mode, call, error, every, paths)
        for call in sorted({call.name for call in ours})
        for error in (READ_ERRORS if call in READING else WRITE_ERRORS)
        for every in steps
    ]


def fail(fault: Fault, samples: Sequence[Path]) -> Failed:
    """Run with the fault, look; where a temp could not be removed, run again and look once more."""
    scene = scene_of(fault.mode, samples)
    scene.fresh()
    log = os.fspath(scene.base / "log")
    paths = [os.path.normpath(scene.base / path) for path in fault.paths]
    inject = f"{fault.call}:error={fault.error}:when={fault.every}+{fault.every}"
    os.environ["IMGOPT_UNSAFE"] = fault.unsafe
    words = injected(log=log, calls=[fault.call], inject=inject, paths=paths, more=["--seccomp-bpf"])
    with worker_commands(words, fault.module):
        ran = scene.run()
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        times = file.read().count("(INJECTED)")
    found = [*scene.losses(over=fault.call not in REMOVING, ran=ran), *scene.tree.untold(ran.results)]
    found += scene.denied(ran)
    ends = Counter(str(result["status"]) for result in ran.results)
    # A file system that fails every image is out of order, and ends the run; of siblings every third call is in each.
    if ran.code and not (fault.error in BROKEN and set(ends) <= {"failed"}):
        found.append(Loss("report", "", f"the run did not go on: {ran.lines[-3:]}"))
    if fault.call in REMOVING:
        scene.tree.another_run()
        with worker_commands():
            scene.run()
        found += scene.losses(over=True)
    return Failed(fault, times, tuple(sorted(ends.items())), tuple(dict.fromkeys(found)))


def _rows(done: Sequence[Failed]) -> Iterator[Row]:
    for mode in dict.fromkeys(one.fault.mode for one in done):
        for error in dict.fromkeys(one.fault.error for one in done):
            mine = [one for one in done if (one.fault.mode, one.fault.error) == (mode, error)]
            if not mine:
                continue
            losses: list[object] = [
                f"{one.fault.call} every {one.fault.every}: {loss}" for one in mine for loss in one.losses
            ]
            calls = sorted({one.fault.call for one in mine if one.times})
            ends = Counter[str]()
            for one in mine:
                ends.update(dict(one.ends))
            note = ", ".join(f"{count} {status}" for status, count in sorted(ends.items()))
            yield Row(f"{error}, {mode}", f"at {', '.join(calls)}", sum(one.times for one in mine), losses, note)


def io_errors(bench: Bench) -> list[Row]:
    """Errors of the file system under a worker."""
    if STRACE is None:
        return [Row("I/O errors", "at every n-th call", 0, note="strace is not installed")]
    count = 10 if bench.long else 4
    every: list[Fault] = []
    for mode in ("in place", "beside", "siblings") if bench.long else ("in place",):
        scene = Scene(mode, bench.folder(f"recorded-{mode}"), bench.samples(count), bench.judge)
        scene.reference()
        every += faults(scene, (1, 3) if bench.long else (2,))
    done = list(sweep(fail, every if bench.long else every[::6], bench.samples(count), bench.base))
    return list(_rows(done))
