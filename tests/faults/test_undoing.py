"""An undo that is killed, or whose calls fail, costs nothing that another undo does not put right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.judge import Judge
from tests.faults.lanes import sweep
from tests.faults.scenes import ELSEWHERE, Scene
from tests.faults.tracing import STRACE
from tests.faults.undoing import KILL, fail, faults

pytestmark = pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("mode", "chosen"),
    [
        ("instead", {("unlinkat", "error=EIO", "2+2"), ("unlink", "error=EIO", "2+2"), ("unlinkat", KILL, "2")}),
        ("copied", {("renameat", KILL, "2"), ("unlinkat", "error=EIO", "1+")}),
    ],
)
def test_an_undo_in_trouble_is_finished_by_another(
    mode: str, chosen: set[tuple[str, str, str]], tmp_path: Path, pictures: list[Path], judge: Judge
) -> None:
    if mode == "copied" and not ELSEWHERE.is_dir():
        pytest.skip(f"{ELSEWHERE} is not there")
    scene = Scene(mode, tmp_path / "recorded", pictures[:3], judge)
    scene.reference()
    every = [one for one in faults(scene) if (one.call, one.what, one.when) in chosen]
    assert len(every) == len(chosen)
    for done in sweep(fail, every, pictures[:3], tmp_path):
        assert done.losses == (), done.fault
        assert done.hit, done.fault
