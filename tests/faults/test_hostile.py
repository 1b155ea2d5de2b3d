"""Files broken by a dice come out as they were or as whole pictures, and the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.broken import DAMAGES, break_all
from tests.faults.hostile import hostile, in_place
from tests.faults.judge import Judge
from tests.faults.oracle import Tree
from tests.faults.table import Bench


@pytest.mark.timeout(300)
def test_broken_files_come_out_as_they_were_or_as_whole_pictures(tmp_path: Path, judge: Judge) -> None:
    rows = hostile(Bench(tmp_path, long=False, judge=judge))
    assert [loss for row in rows for loss in row.losses] == []
    assert [row.times for row in rows] == [72, 72, 0]
    assert all("done" in row.note and "failed" in row.note for row in rows[:2]), "nothing was hostile, or everything"


def test_a_replaced_file_that_ends_early_is_seen(tmp_path: Path, pictures: list[Path], judge: Judge) -> None:
    """The clause of this part itself: what is called cut short here is a whole file, which is replaced."""
    root = tmp_path / "in"
    made = break_all(pictures[:1], root, each=1, seed=1)
    whole = root / "whole.jpg"
    whole.write_bytes(pictures[0].read_bytes())
    tree = Tree(root, tmp_path / "pristine", judge)
    _, losses = in_place(tree, tmp_path / "s", [str(whole)])
    assert [(loss.clause, loss.path) for loss in losses] == [("damaged", str(whole))]
    assert {one.damage for one in made} == set(DAMAGES)
