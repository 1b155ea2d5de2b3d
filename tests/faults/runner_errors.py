"""The file system fails under the runner: its output folder, its socket, its memory of runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lanes import scene_of, sweep
from tests.faults.oracle import Loss, bad_words
from tests.faults.running import run_whole
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, injected, read_log

ERRORS = ("ENOSPC", "EACCES")
READ_ERRORS = ("EIO",)
READING = ("read", "pread64", "newfstatat", "getdents64", "close")
ENDS = (0, 1, 2, 3)
"""Exit codes: all went well, something failed, nothing was begun, nothing was found."""


@dataclass(frozen=True, slots=True)
class RunnerFault:
    """Which calls of a runner fail."""

    mode: str
    call: str
    error: str
    when: str
    """In strace's words: ``2`` the second, ``1+`` all from the first."""
    paths: tuple[str, ...]
    """The tree's, the output's and the state's files, relative to the scene's folder."""


@dataclass(frozen=True, slots=True)
class RunnerFailed:
    """What came of it."""

    fault: RunnerFault
    times: int
    losses: tuple[Loss, ...]


def faults(scene: Scene, whens: Sequence[str]) -> list[RunnerFault]:
    """Every call on the scene's files, each error."""
    scene.fresh()
    log = os.fspath(scene.base / "recorded")
    before = injected(log=log, calls=(*CHANGING, *READING), more=["-b", "execve"])
    run_whole(scene.words, scene.state, before=before)
    base = os.fspath(scene.base)
    ours = [call for call in read_log(log) if any(path.startswith(base) for path in call.paths)]
    paths = tuple(sorted({os.path.relpath(path, base) for c in ours for path in c.paths if path.startswith(base)}))
    return [
        RunnerFault(scene.mode, call, error, when, paths)
        for call in sorted({call.name for call in ours})
        for error in (READ_ERRORS if call in READING else ERRORS)
        for when in whens
    ]


def fail(fault: RunnerFault, samples: Sequence[Path]) -> RunnerFailed:
    """Run with the fault, look, run without it, look again."""
    scene = scene_of(fault.mode, samples)
    scene.fresh()
    log = os.fspath(scene.base / "log")
    paths = [os.path.normpath(scene.base / path) for path in fault.paths]
    inject = f"{fault.call}:error={fault.error}:when={fault.when}"
    before = injected(log=log, calls=[fault.call], inject=inject, paths=paths, more=["-b", "execve"])
    ran = run_whole(scene.words, scene.state, before=before)
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        times = file.read().count("(INJECTED)")
    found = [*scene.losses(over=False), *bad_words("\n".join(ran.lines))]
    if ran.results:
        found += scene.tree.unreported(ran.results)
    if ran.code not in ENDS or (ran.code and not ran.lines and not ran.results):
        found.append(Loss("report", "", f"exit code {ran.code}, said {ran.lines}"))
    scene.tree.another_run()
    again = run_whole(scene.words, scene.state)
    found += scene.losses(over=True, ran=again)
    if again.code:
        found.append(Loss("restart", "", f"exit code {again.code}: {again.lines[-3:]}"))
    return RunnerFailed(fault, times, tuple(dict.fromkeys(found)))


def runner_errors(bench: Bench) -> list[Row]:
    """One row for each mode."""
    name = "I/O errors of the runner"
    if STRACE is None:
        return [Row(name, "at every call", 0, note="strace is not installed")]
    count, rows = 6, []
    for mode in ("in place", "siblings") if bench.long else ("in place",):
        scene = Scene(mode, bench.folder(f"recorded-{mode}"), bench.samples(count), bench.judge)
        scene.reference()
        every = faults(scene, ("1", "1+") if bench.long else ("1+",))
        done = list(sweep(fail, every if bench.long else every[::8], bench.samples(count), bench.base))
        calls = sorted({one.fault.call for one in done if one.times})
        losses: list[object] = [
            f"{one.fault.call} {one.fault.error} {one.fault.when}: {loss}" for one in done for loss in one.losses
        ]
        rows.append(Row(f"{name}, {mode}", f"at {', '.join(calls)}", sum(one.times for one in done), losses))
    return rows
