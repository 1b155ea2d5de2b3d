"""A short form of ``tests.mixed``, which goes through all commands with 1,000 files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from tests.mixed import check


def test_a_run_over_mixed_files_with_awkward_names_holds_to_the_schema(tmp_path: Path) -> None:
    assert len(list(islice(check(tmp_path, 24), 2))) == 2
