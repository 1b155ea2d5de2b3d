"""A source that somebody else changes during the write is left as they made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.judge import Judge
from tests.faults.meanwhile import change
from tests.faults.table import Bench
from tests.faults.tracing import STRACE


@pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")
def test_a_source_rewritten_with_the_same_size_and_time_is_left_alone(tmp_path: Path, judge: Judge) -> None:
    assert change(Bench(tmp_path, long=False, judge=judge), "rewritten") == []
