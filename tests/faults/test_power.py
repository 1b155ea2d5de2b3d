"""The order of calls that makes a power loss harmless; a writer that does not keep it is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.judge import Judge
from tests.faults.power import traced_order
from tests.faults.scenes import Scene
from tests.faults.tracing import STRACE

UNSAFE = "tests.faults.unsafe_worker"


@pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")
def test_a_result_is_synced_before_it_has_its_name_and_its_folder_before_it_is_told(
    tmp_path: Path, pictures: list[Path], judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene("in place", tmp_path, pictures, judge)
    results, losses = traced_order(scene)
    assert losses == []
    assert results >= 6
    monkeypatch.setenv("IMGOPT_UNSAFE", "unsynced")
    results, losses = traced_order(scene, UNSAFE)
    assert {loss.what for loss in losses} == {
        "got its name before the temp was synced",
        "was reported before its folder was synced",
    }
    assert len(losses) == 2 * results >= 12
