"""Killed at any call, no worker and no runner costs a file; and a writer that takes no care is caught at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checkers import UNSAFE, missed, scene_with_results
from tests.faults.judge import Judge
from tests.faults.kills import Killed, kill, points_of_a_runner, points_of_a_worker
from tests.faults.lanes import sweep
from tests.faults.scenes import Scene
from tests.faults.table import Bench
from tests.faults.tracing import STRACE

pytestmark = pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")


def _losses(done: list[Killed]) -> list[str]:
    return [f"{one.point}: {loss}" for one in done for loss in one.losses]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("mode", "every"), [("in place", 2), ("siblings", 4)])
def test_a_worker_killed_at_a_call_that_changes_something_costs_nothing(
    mode: str, every: int, tmp_path: Path, pictures: list[Path], judge: Judge
) -> None:
    scene = Scene(mode, tmp_path / "recorded", pictures[:3], judge)
    scene.reference()
    points = points_of_a_worker(scene)
    chosen = [point for point in points if point.number == 2][::every]
    done = list(sweep(kill, chosen, pictures[:3], tmp_path))
    assert _losses(done) == []
    assert sum(one.hit for one in done) >= 0.6 * len(chosen) >= 1


@pytest.mark.timeout(300)
def test_a_runner_killed_costs_nothing_and_leaves_no_process(
    tmp_path: Path, pictures: list[Path], judge: Judge
) -> None:
    scene = Scene("in place", tmp_path / "recorded", pictures[:4], judge)
    scene.reference()
    points = points_of_a_runner(scene)
    done = list(sweep(kill, points[:: len(points) // 3], pictures[:4], tmp_path))
    assert _losses(done) == []
    assert sum(one.hit for one in done) >= 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("unsafe", "calls"), [("truncate", ("write", "fsync")), ("remove", ("rename",))])
def test_every_file_that_an_unsafe_writer_loses_is_seen(
    unsafe: str,
    calls: tuple[str, ...],
    tmp_path: Path,
    pictures: list[Path],
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMGOPT_UNSAFE", unsafe)
    bench = Bench(tmp_path, long=False, judge=judge)
    scene, whole = scene_with_results(tmp_path / "recorded", pictures[:3], bench)
    points = [point for point in points_of_a_worker(scene, module=UNSAFE) if point.call in calls]
    points = [replace(point, unsafe=unsafe) for point in points if point.number in (1, 4)]
    done = [one for one in sweep(kill, points, pictures[:3], tmp_path) if one.hit]
    damaged, wrong = missed(done, scene, whole)
    assert wrong == []
    assert damaged >= 1
