"""The checkers checked: writers that take no care are put through the same sweeps, and every file they damage, told by
its bytes alone, must be found by the oracle; so must what else they do wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.faults.kills import Killed, kill, points_of_a_worker
from tests.faults.lanes import sweep
from tests.faults.oracle import Loss
from tests.faults.power import can_mount, power_cuts, traced_order
from tests.faults.running import worker_commands
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import STRACE

UNSAFE = "tests.faults.unsafe_worker"
KILLED = ("truncate", "copy", "remove")
"""Unsafe ways that damage a file only when they are interrupted."""
ANYHOW = {"half": "damaged", "swapped": "damaged", "careless": "attributes", "unsynced": "order"}
"""Unsafe ways that do wrong always → the clause that must see it."""
PICTURES = 6


def missed(done: Sequence[Killed], scene: Scene, whole: dict[str, str]) -> tuple[int, list[str]]:
    """How many files were damaged after kills, and those that the oracle did not find or found wrongly. ``whole``: name
    of each file → digest of its complete result."""
    before = {os.path.basename(path): state.digest for path, state in scene.tree.before.items()}
    wrong, damaged_files = [], 0
    for one in done:
        damaged = {
            path for path, now in one.digests if now not in (before[(name := os.path.basename(path))], whole[name])
        }
        found = {loss.path for loss in one.at_once if loss.clause in ("damaged", "missing")}
        wrong += [f"{one.point.call} {one.point.number}: {path}" for path in sorted(found ^ damaged)]
        damaged_files += len(damaged)
    return damaged_files, wrong


def scene_with_results(base: Path, samples: Sequence[Path], bench: Bench) -> tuple[Scene, dict[str, str]]:
    """A scene in place, and the digests that a run without faults leaves."""
    scene = Scene("in place", base, samples, bench.judge)
    scene.reference()
    return scene, {os.path.basename(path): digest for path, digest in scene.tree.now()}


def _killed(bench: Bench, unsafe: str) -> Row:
    samples = bench.samples(PICTURES)
    scene, whole = scene_with_results(bench.folder(unsafe), samples, bench)
    os.environ["IMGOPT_UNSAFE"] = unsafe
    points = [replace(point, unsafe=unsafe) for point in points_of_a_worker(scene, module=UNSAFE)]
    done = [one for one in sweep(kill, points[:: 2 if bench.long else 6], samples, bench.base) if one.hit]
    damaged, wrong = missed(done, scene, whole)
    losses = wrong if damaged else [f"the unsafe writer {unsafe!r} damaged nothing: the sweep shows nothing"]
    note = f"{damaged} files damaged, all found" if not losses else ""
    return Row(f"checker: unsafe writer {unsafe!r}", "SIGKILL at every call", len(done), losses, note)


def _anyhow(bench: Bench, unsafe: str, clause: str) -> Row:
    samples = bench.samples(PICTURES)
    scene, _ = scene_with_results(bench.folder(unsafe), samples, bench)
    os.environ["IMGOPT_UNSAFE"] = unsafe
    if clause == "order":
        found = traced_order(scene, UNSAFE)[1] if STRACE else [Loss("order", "", "strace is not installed")]
    else:
        scene.fresh()
        with worker_commands((), UNSAFE):
            scene.run()
        found = scene.losses(over=True)
    seen = sum(loss.clause == clause for loss in found)
    losses = [] if seen >= PICTURES - 2 else [f"seen {seen} times in {PICTURES} files: {found}"]
    return Row(
        f"checker: unsafe writer {unsafe!r}", f"no fault; clause {clause}", PICTURES, losses, f"seen {seen} times"
    )


def checkers(bench: Bench) -> list[Row]:
    """Every unsafe writer."""
    rows = [_killed(bench, unsafe) for unsafe in KILLED] if STRACE else []
    rows += [_anyhow(bench, unsafe, clause) for unsafe, clause in ANYHOW.items()]
    if bench.long and not can_mount():
        os.environ["IMGOPT_UNSAFE"] = "unsynced"
        seen, found = power_cuts(bench, UNSAFE, runs=2)
        damaged = sum(loss.clause in ("damaged", "missing") for loss in found)
        losses = [] if damaged else ["nothing was lost in any copy: the copies show nothing"]
        rows.append(
            Row("checker: unsafe writer 'unsynced'", "copies of the disk", seen, losses, f"{damaged} files lost")
        )
    return rows
