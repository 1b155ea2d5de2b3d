"""A short form of ``tests.mixed``, which does the same with 1,000 files."""

from __future__ import annotations

from pathlib import Path

from tests.mixed import check


def test_mixed_files_with_awkward_names_hold_to_the_schema(tmp_path: Path) -> None:
    assert len(list(check(tmp_path, 24))) == 5
