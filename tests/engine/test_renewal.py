"""Promises of how long a worker process lives, and of the memory it says it takes; real processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.budget import WORKER_BASE
from engine.corrections import WORTH_BYTES
from engine.events import Retried, WorkerGone, WorkerReady
from engine.settings import Settings
from engine.workers import REST_SECONDS
from tests.engine.test_pool import GOOD, statuses
from tests.pools import MIB, REAL, Recorder, make_jobs, open_pool


def replaced(recorder: Recorder) -> list[str]:
    return [line for _, line in recorder.lines if "is replaced" in line]


def order(recorder: Recorder) -> str:
    """When workers came and went."""
    return "".join("+" if isinstance(event, WorkerReady) else "-" for event in recorder.of(WorkerReady | WorkerGone))  # type: ignore[arg-type]  # isinstance takes a union


@pytest.mark.parametrize(("total", "expected"), [(512 * MIB, "++-"), (40 * MIB, "+-+")])
async def test_a_worker_that_has_grown_is_replaced_and_no_image_pays_for_it(
    tmp_path: Path, samples: Path, total: int, expected: str
) -> None:
    """The successor is started first, where there is memory for both."""
    names = ["x-grow", *(f"i{n}" for n in range(60))]
    async with open_pool(1, total=total) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "photo.jpg", names):
            await pool.submit(job)
        await pool.drain()
        assert order(recorder) == expected
        assert len(recorder.outcomes) == len(names)
        assert all(status in GOOD for status in statuses(recorder).values())
        assert recorder.of(WorkerGone)[0].reason == ""
        assert recorder.of(Retried) == []
        assert [line[:30] for line in replaced(recorder)] == ["worker 1 is replaced: it holds"]
        assert pool.budget.extra == 0
        assert pool.budget.held(0) == pool.budget.held(1) == 0


async def test_a_worker_is_replaced_after_many_images_and_none_is_lost(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.slots.IMAGES_PER_WORKER", 40)
    jobs = make_jobs(tmp_path, samples / "small.jpg", [f"i{n}" for n in range(2_000)])
    async with open_pool(2, module=REAL) as (pool, recorder):
        given = 0
        while len(replaced(recorder)) < 2 and given < len(jobs):  # a successor takes a while to start
            await pool.submit(jobs[given])
            given += 1
        await pool.drain()
        assert len(recorder.outcomes) == given
        assert all(status in GOOD for status in statuses(recorder).values())
        assert len(replaced(recorder)) >= 2
        assert {event.reason for event in recorder.of(WorkerGone)} == {""}


async def test_what_an_image_took_is_measured_for_each_anew(tmp_path: Path, samples: Path) -> None:
    """A large image does not make those after it look large; of small ones nothing is measured."""
    enlarge = "import sys, pyvips; pyvips.Image.new_from_file(sys.argv[1]).resize(4).write_to_file(sys.argv[2], Q=97)"
    large = tmp_path / "large.jpg"
    make = [sys.executable, "-W", "ignore", "-c", enlarge, str(samples / "photo.jpg"), str(large)]
    await asyncio.to_thread(subprocess.run, make, check=True)
    recipe = Settings(effort="fast", quality=96).recipe()
    async with open_pool(1, module=REAL) as (pool, recorder):
        for number, sample in enumerate([large, samples / "small.jpg"]):
            (job,) = make_jobs(tmp_path, sample, ["a"], recipe)
            await pool.submit(replace(job, index=number))
            await pool.drain()
        first, second = (recorder.outcomes[index] for index in (0, 1))
        assert first.predicted_bytes > WORTH_BYTES
        assert WORTH_BYTES < first.peak_bytes < WORKER_BASE + 2 * first.predicted_bytes
        assert second.peak_bytes == 0


async def test_workers_that_have_nothing_to_do_for_long_go_but_one_and_come_back_with_the_work(
    tmp_path: Path, samples: Path
) -> None:
    now = 0.0
    async with open_pool(3, clock=lambda: now) as (pool, recorder):
        await recorder.until(lambda: order(recorder) == "+++")
        now = REST_SECONDS
        await recorder.until(lambda: order(recorder) == "+++--")
        assert all(event.reason == "" for event in recorder.of(WorkerGone))
        jobs = make_jobs(tmp_path, samples / "photo.jpg", ["x-hang", *(f"i{n}" for n in range(6))])
        for job in jobs:
            await pool.submit(job)
        await recorder.until(lambda: order(recorder) == "+++--++" and len(recorder.outcomes) == 6)
        assert set(pool.pids()) == {0, 1, 2}
