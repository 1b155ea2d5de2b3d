"""The kill-point sweep: SIGKILL at every call that changes something, of a worker and of a whole run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.lanes import scene_of
from tests.faults.oracle import Loss
from tests.faults.running import REAL, Whole, run_whole, worker_commands
from tests.faults.scenes import Scene
from tests.faults.tracing import CHANGING, counts, injected, read_log

WORKERS_GONE_SECONDS = 2.0
"""How long workers may outlive a killed runner."""
PROGRESS = ("epoll_wait", "futex")
"""Calls of a runner that change nothing and are made all the time: kills in between."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where to kill."""

    mode: str
    call: str
    number: int
    """The how many-th such call of a thread, from 1."""
    paths: tuple[str, ...] = ()
    """Only calls that name one of these, relative to the scene's folder, are counted; none: all calls are."""
    runner: bool = False
    """Kill the runner of a whole run instead of a worker."""
    module: str = REAL
    """What runs as a worker."""
    unsafe: str = ""


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of one point."""

    point: Point
    hit: bool
    """Whether the call was reached."""
    losses: tuple[Loss, ...]
    at_once: tuple[Loss, ...] = ()
    """Those of them that were there right after the kill."""
    gone: float = 0.0
    """Seconds until the workers of a killed runner were gone."""
    digests: tuple[tuple[str, str], ...] = ()
    """Path → digest right after the kill, for who asks the oracle for its own proof."""


def points_of_a_worker(scene: Scene, *, module: str = REAL) -> list[Point]:
    """Every call on the scene's files that a worker makes in a run without faults."""
    scene.fresh()
    log = os.fspath(scene.base / "recorded")
    with worker_commands(injected(log=log, calls=CHANGING), module):
        scene.run()
    base = os.fspath(scene.base)
    here = [call for call in read_log(log) if any(_below(path, base) for path in call.paths)]
    ours = [call for call in here if call.creates or call.name != "openat"]
    paths = tuple(sorted({os.path.relpath(path, base) for call in ours for path in call.paths if _below(path, base)}))
    writers = {call.thread for call in ours}
    # Of openat those count too that create nothing: they name the same folders.
    most = counts(call for call in here if call.thread in writers)
    wanted = {call.name for call in ours}
    return [
        Point(scene.mode, name, number + 1, paths, module=module)
        for name in CHANGING
        if name in wanted
        for number in range(most[name])
    ]


def points_of_the_protocol(mode: str, count: int) -> list[Point]:
    """A worker's writes to its pipe: before and after each thing that it says."""
    return [Point(mode, "write", number + 1) for number in range(count)]


def points_of_a_runner(scene: Scene) -> list[Point]:
    """Every call that a runner makes in a run without faults, and those of ``PROGRESS``."""
    scene.fresh()
    log = os.fspath(scene.base / "recorded")
    calls = [name for name in (*CHANGING, *PROGRESS) if name not in ("openat", "ioctl")]
    run_whole(scene.words, scene.state, before=injected(log=log, calls=calls, more=["-b", "execve"]))
    most = counts(read_log(log))
    return [Point(scene.mode, name, number + 1, runner=True) for name in calls for number in range(most.get(name, 0))]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def kill(point: Point, samples: Sequence[Path]) -> Killed:
    """Make the scene, kill, look, let the run go on or run again, look again."""
    scene = scene_of(point.mode, samples)
    scene.fresh()
    return _kill_runner(scene, point) if point.runner else _kill_worker(scene, point)


def _inject(scene: Scene, point: Point, log: str, more: Sequence[str] = ()) -> list[str]:
    paths = [os.path.normpath(scene.base / path) for path in point.paths]
    inject = f"{point.call}:signal=SIGKILL:when={point.number}"
    return injected(log=log, calls=[point.call], inject=inject, paths=paths, more=more)


def _died(log: str) -> bool:
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        return "killed by SIGKILL" in file.read()


def _kill_worker(scene: Scene, point: Point) -> Killed:
    """The run goes on with another worker, which is looked at as well."""
    log = os.fspath(scene.base / "log")
    at_once: list[Loss] = []
    digests: list[tuple[str, str]] = []

    def look() -> None:
        if not digests:
            at_once.extend(scene.losses(over=False))
            digests.extend(scene.tree.now())

    os.environ["IMGOPT_UNSAFE"] = point.unsafe
    with worker_commands(_inject(scene, point, log), point.module, look):
        ran = scene.run()
    hit = _died(log)
    found = [*at_once, *scene.losses(over=True, ran=ran), *scene.tree.untold(ran.results)]
    if hit and not any("died" in line for line in ran.lines):
        found.append(Loss("report", "", "the worker's death is not in the log"))
    return Killed(point, hit, tuple(dict.fromkeys(found)), tuple(at_once), digests=tuple(digests))


def _kill_runner(scene: Scene, point: Point) -> Killed:
    log = os.fspath(scene.base / "log")
    whole = Whole(scene.words, scene.state, before=_inject(scene, point, log, ["-b", "execve"]))
    first = whole.finish()
    gone = whole.gone_after(WORKERS_GONE_SECONDS)
    hit = first.code == -9
    found = restarted(scene, gone)
    return Killed(point, hit, tuple(dict.fromkeys(found)), gone=gone or 0.0)


def restarted(scene: Scene, gone: float | None) -> list[Loss]:
    """What is wrong after a runner was killed and after the same command once more; ``gone`` as ``Whole.gone_after``
    said."""
    found = scene.losses(over=False)
    if gone is None:
        found.append(Loss("processes", "", f"some are left {WORKERS_GONE_SECONDS} s after the runner was killed"))
    scene.tree.another_run()
    there = scene.there()
    again = run_whole(scene.words, scene.state)
    found += scene.losses(over=True, ran=again, expected=there)
    if again.code != 0:
        found.append(Loss("restart", "", f"exit code {again.code}: {' / '.join(again.lines)[:300]}"))
    return found
