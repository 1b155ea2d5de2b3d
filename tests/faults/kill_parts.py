"""Parts of the suite that kill: workers and runners at every call, whole runs at random instants."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.faults.judge import Judge
from tests.faults.kills import (
    WORKERS_GONE_SECONDS,
    Killed,
    Point,
    kill,
    points_of_a_runner,
    points_of_a_worker,
    points_of_the_protocol,
    restarted,
)
from tests.faults.lanes import sweep
from tests.faults.oracle import Loss
from tests.faults.running import Whole
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import STRACE

NO_STRACE = "strace is not installed"
WORKER_PICTURES = {"in place": 12, "tree": 12, "beside": 12, "instead": 8, "foreign": 12, "siblings": 6}
"""Mode → pictures of the long form, with 350 and more calls among them that change something."""
RUNNER_PICTURES = {"in place": 8, "instead": 4, "siblings": 4}
"""The same for the runner, which starts anew for each kill."""
PROTOCOL_WRITES = 40
"""Lines of a worker that are tried; the rest say the same of later images."""


def _rows(fault: str, bench: Bench, points: list[Point], pictures: int) -> Iterator[Row]:
    """One row for each mode and call."""
    done: list[Killed] = list(sweep(kill, points, bench.samples(pictures), bench.base))
    for mode in dict.fromkeys(point.mode for point in points):
        mine = [one for one in done if one.point.mode == mode]
        hit = [one for one in mine if one.hit]
        calls = sorted({one.point.call for one in hit})
        gone = max((one.gone for one in hit), default=0.0)
        note = f"workers gone after {gone:.2f} s at most" if gone else ""
        losses: list[object] = [f"{one.point.call} {one.point.number}: {loss}" for one in mine for loss in one.losses]
        yield Row(f"{fault}, {mode}", f"SIGKILL at {len(calls)} calls: {', '.join(calls)}", len(hit), losses, note)


def kill_workers(bench: Bench) -> list[Row]:
    """SIGKILL to a worker at every call that changes something."""
    if STRACE is None:
        return [Row("worker killed", "SIGKILL at every call", 0, note=NO_STRACE)]
    rows: list[Row] = []
    for mode, count in WORKER_PICTURES.items() if bench.long else (("in place", 4), ("siblings", 3)):
        scene = Scene(mode, bench.folder(f"recorded-{mode}"), bench.samples(count), bench.judge)
        scene.reference()
        points = points_of_a_worker(scene)
        points += points_of_the_protocol(mode, PROTOCOL_WRITES if bench.long and mode == "in place" else 2)
        rows += _rows("worker killed", bench, points if bench.long else points[::4], count)
    return rows


def kill_runners(bench: Bench) -> list[Row]:
    """SIGKILL to the runner of a whole run, and the same command again."""
    if STRACE is None:
        return [Row("runner killed", "SIGKILL at every call", 0, note=NO_STRACE)]
    rows: list[Row] = []
    for mode, count in RUNNER_PICTURES.items() if bench.long else (("in place", 4),):
        scene = Scene(mode, bench.folder(f"recorded-{mode}"), bench.samples(count), bench.judge)
        scene.reference()
        points = points_of_a_runner(scene)
        rows += _rows("runner killed", bench, points if bench.long else points[::10], count)
    return rows


def kill_at_random(bench: Bench) -> list[Row]:
    """SIGKILL to a whole run at random instants, and the same command again."""
    times = 100 if bench.long else 6
    samples = bench.samples(24)

    def lane(number: int) -> tuple[list[Loss], list[float]]:
        chance = random.Random(f"{bench.seed} {number}")
        scene = Scene("in place", bench.folder(f"lane-{number}"), samples, Judge())
        losses: list[Loss] = []
        gone: list[float] = []
        for _ in range(times // 2):
            scene.fresh(environment=False)
            whole = Whole(scene.words, scene.state)
            time.sleep(chance.uniform(0.1, 0.9))  # the instant is what is tried
            os.kill(whole.process.pid, signal.SIGKILL)
            after = whole.gone_after(WORKERS_GONE_SECONDS)
            whole.finish()
            gone.append(after or 0.0)
            losses += restarted(scene, after)
        return losses, gone

    with ThreadPoolExecutor(2) as lanes:
        results = list(lanes.map(lane, range(2)))
    losses = [loss for found, _ in results for loss in found]
    gone = max(seconds for _, each in results for seconds in each)
    note = f"workers gone after {gone:.2f} s at most"
    return [Row("run killed at a random instant", "SIGKILL, then the same command", times // 2 * 2, losses, note)]
