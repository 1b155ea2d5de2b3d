"""A file system that fails costs no original, and everything that failed is reported; a writer that does not look at
errors is caught at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.io_errors import fail, faults
from tests.faults.judge import Judge
from tests.faults.lanes import sweep
from tests.faults.scenes import Scene
from tests.faults.tracing import STRACE

pytestmark = pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")
CHOSEN = {
    ("openat", "EACCES"),
    ("write", "ENOSPC"),
    ("fsync", "EIO"),
    ("renameat", "EDQUOT"),
    ("close", "EIO"),
    ("newfstatat", "ESTALE"),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, pictures: list[Path], judge: Judge) -> Scene:
    scene = Scene("in place", tmp_path_factory.mktemp("recorded"), pictures[:5], judge)
    scene.reference()
    return scene


@pytest.mark.timeout(300)
def test_calls_that_fail_cost_no_original_and_are_reported(scene: Scene, tmp_path: Path, pictures: list[Path]) -> None:
    every = [fault for fault in faults(scene, (2,)) if (fault.call, fault.error) in CHOSEN]
    assert len(every) == len(CHOSEN)
    for done in sweep(fail, every, pictures[:5], tmp_path):
        assert done.losses == (), done.fault
        assert done.times >= 2


@pytest.mark.timeout(300)
def test_a_writer_that_takes_no_notice_of_errors_is_caught(
    scene: Scene, tmp_path: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (fault,) = [one for one in faults(scene, (3,)) if (one.call, one.error) == ("write", "ENOSPC")]
    # Its temps have the names of the real writer's, which is what the fault looks for.
    fault = replace(fault, module="tests.faults.unsafe_worker", unsafe="blind")
    (done,) = sweep(fail, [fault], pictures[:5], tmp_path)
    assert done.times >= 1
    assert {loss.clause for loss in done.losses} == {"damaged"}


def test_a_result_whose_temp_cannot_be_removed_is_a_result(tmp_path: Path, pictures: list[Path], judge: Judge) -> None:
    scene = Scene("beside", tmp_path / "recorded", pictures[:2], judge)
    scene.reference()
    chosen = [fault for fault in faults(scene, (1,)) if (fault.call, fault.error) == ("unlinkat", "EIO")]
    (done,) = sweep(fail, chosen, pictures[:2], tmp_path)
    assert done.losses == ()
    assert done.times >= 2
    assert dict(done.ends) == {"done": 2}
