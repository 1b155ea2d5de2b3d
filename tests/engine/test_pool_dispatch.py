"""Promises of who gets which image when: memory, idle workers."""

from __future__ import annotations

from pathlib import Path

from engine.events import Finished, Held, Started, WorkerReady
from engine.slots import QUEUE_IMAGES
from tests.engine.test_pool import GOOD, statuses
from tests.pools import MIB, REAL, make_jobs, open_pool


async def test_images_too_large_for_what_is_free_are_held_and_done_later(tmp_path: Path, samples: Path) -> None:
    names = [f"i{n}" for n in range(6)]
    total = 12 * MIB  # one of these photos fits, two do not
    async with open_pool(2, total=total, module=REAL) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "photo.jpg", names):
            await pool.submit(job)
        most = 0
        while len(recorder.of(Finished)) < len(names):
            seen = len(recorder.events)
            await recorder.until(lambda seen=seen: len(recorder.events) > seen)  # type: ignore[misc]
            most = max(most, pool.budget.used)
        await pool.drain()
        assert recorder.of(Held)
        assert most <= total
        assert all(status in GOOD for status in statuses(recorder).values())
        assert pool.budget.used == 0


async def test_an_image_larger_than_the_whole_budget_runs_alone(tmp_path: Path, samples: Path) -> None:
    async with open_pool(2, total=4 * MIB, module=REAL) as (pool, recorder):
        jobs = make_jobs(tmp_path, samples / "photo.jpg", ["a", "b"])
        for job in jobs:
            await pool.submit(job)
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        running = 0
        for event in recorder.events:
            if isinstance(event, (Finished, Held)):
                running -= 1
            elif isinstance(event, Started):
                running += 1
        assert running == 0
        assert {event.index for event in recorder.of(Held)} == {0, 1}


async def test_no_worker_idles_while_an_image_waits(tmp_path: Path, samples: Path) -> None:
    """From the event log alone: when an image ends and others wait, its worker has begun the next one already.

    Nearly always: this process may itself be kept from the CPU for longer than a full queue lasts.
    """
    count = 200
    async with open_pool(2, module=REAL) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 2)
        for job in make_jobs(tmp_path, samples / "small.jpg", [f"i{n}" for n in range(count)]):
            await pool.submit(job)
        await pool.drain()
        in_hand: dict[int, set[int]] = {0: set(), 1: set()}
        begun, looked_at, lapses = 0, 0, 0
        for event in recorder.events:
            if isinstance(event, Started):
                begun += 1
                in_hand[event.slot].add(event.index)
            elif isinstance(event, Finished):
                in_hand[event.slot].remove(event.index)
                if count - begun > 2 * QUEUE_IMAGES:  # more than can be queued behind the images in work
                    looked_at += 1
                    lapses += not in_hand[event.slot]
        assert looked_at > count / 2
        assert lapses <= looked_at / 5, f"{lapses} of {looked_at} times a worker had nothing in hand"
        per_worker = [sum(e.slot == slot for e in recorder.of(Finished)) for slot in (0, 1)]
        assert min(per_worker) > count * 0.25


async def test_the_last_image_goes_to_the_worker_that_is_free(tmp_path: Path, samples: Path) -> None:
    """An image queued behind a long one is called back when another worker has nothing to do."""
    async with open_pool(2) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 2)
        for job in make_jobs(tmp_path, samples / "small.jpg", ["x-gate", "a", "b", "c"]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Finished)) == 3)
        (tmp_path / "go").touch()
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
