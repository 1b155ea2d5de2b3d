"""Short forms of ``tests.faults.limits``, which measures what a run may cost at full length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import needs_corpus
from tests.faults.limits import Figure, bombs, growth, hangs, idle, scan, third

pytestmark = pytest.mark.alone


def holds(figures: list[Figure]) -> None:
    assert figures
    assert all(figure.holds for figure in figures), "\n".join(map(str, figures))


async def test_memory_and_open_files_do_not_grow_from_image_to_image(tmp_path: Path) -> None:
    holds(await growth(tmp_path, images=600, first=300))


async def test_with_three_in_ten_workers_killed_every_image_comes_through(tmp_path: Path) -> None:
    holds(await third(tmp_path, images=20))


async def test_a_worker_that_hangs_is_deaf_or_stopped_ends_soon_after_its_limit(tmp_path: Path) -> None:
    holds(await hangs(tmp_path, limit=0.5))


async def test_a_run_that_waits_uses_next_to_no_cpu(tmp_path: Path) -> None:
    holds(await idle(tmp_path, seconds=2.0))


async def test_a_catalogue_of_many_files_is_small(tmp_path: Path) -> None:
    holds(await scan(tmp_path, files=5_000, folders=20))


@needs_corpus
@pytest.mark.parametrize("pattern", ["*bomb*", "*huge*"])
async def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path, pattern: str) -> None:
    time, memory = await bombs(tmp_path, pattern)
    assert memory.holds, str(memory)
    assert time.value < 20 * time.goal, str(time)
