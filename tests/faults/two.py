"""Two runs over one tree at the same time, on a file system without locks (as some network file systems are), where
nothing keeps them apart; then both are undone.

Nothing may be lost. What locks prevent and their lack does not: a run that has listed a file before the other replaced
it takes the other's result for an original, and makes another result of that. How often is said.
"""

from __future__ import annotations

import os

from tests.faults.oracle import Loss, bad_words
from tests.faults.running import Ran, Whole, run_whole
from tests.faults.scenes import Scene
from tests.faults.table import Bench, Row
from tests.faults.tracing import STRACE, injected

PICTURES = 48
NO_LOCKS = "flock:error=ENOLCK"


def _side_by_side(scene: Scene) -> list[Ran]:
    logs = [os.fspath(scene.base / f"log-{number}") for number in range(2)]
    before = [injected(log=log, calls=["flock"], inject=NO_LOCKS, more=["--seccomp-bpf"]) for log in logs]
    both = [Whole(scene.words, scene.state, before=words) for words in before]
    return [each.finish() for each in both]


def _twice(first: Ran, second: Ran) -> set[str]:
    """Paths that both runs say they have replaced."""
    done = [{str(one["original_path"]) for one in ran.results if one["status"] == "done"} for ran in (first, second)]
    return done[0] & done[1]


def _is_result(loss: Loss, twice: set[str]) -> bool:
    """Whether this is the backup of what the first run made, where both replaced a file."""
    return loss.clause == "backup" and any(loss.path.endswith(f"-{os.path.basename(path)}") for path in twice)


def two_at_once(bench: Bench) -> list[Row]:
    """One row for each mode."""
    rows = []
    for mode in ("in place", "instead"):
        name, what = f"two at once without locks, {mode}", "two runs, flock: ENOLCK, both undone"
        if STRACE is None:
            rows.append(Row(name, what, 0, note="strace is not installed"))
            continue
        scene = Scene(mode, bench.folder(mode.replace(" ", "-")), bench.samples(PICTURES), bench.judge)
        scene.reference()
        losses: list[Loss] = []
        times = 6 if bench.long else 2
        shared = twice = 0
        for _ in range(times):
            scene.fresh()
            first, second = _side_by_side(scene)
            both = _twice(first, second)
            twice += len(both)
            losses += [loss for loss in scene.losses(over=True) if not _is_result(loss, both)]
            losses += bad_words("\n".join((*first.lines, *second.lines)))
            shared += min(sum(one["status"] == "done" for one in ran.results) for ran in (first, second))
            runs = sorted(os.listdir(scene.backups))
            for run in (*runs, *runs):  # one refuses what the other replaced after it
                run_whole(["undo", run, "--in", os.fspath(scene.root)], scene.state)
            losses += scene.tree.losses(replaced=False, over=True)
        note = f"{shared} results by the run that had fewer, {twice} made twice"
        rows.append(Row(name, what, times, losses, note))
    return rows
