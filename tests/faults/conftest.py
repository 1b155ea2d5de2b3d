"""What the tests of the fault suite share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.judge import Judge
from tests.faults.trees import make_samples


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight pictures in five formats."""
    return make_samples(tmp_path_factory.mktemp("pictures"), 8)


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.close()
