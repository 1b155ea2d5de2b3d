"""A pool with its events recorded, for tests that wait for what happens instead of sleeping."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from engine.budget import Budget
from engine.events import Event, Finished
from engine.job import Job, Outcome, Recipe
from engine.policy import Policy
from engine.pool import ParallelProcessPool
from engine.seam import ImagePool
from engine.settings import Settings

FAULTY = "tests.faulty_worker"
REAL = "engine.worker"
MIB = 1024**2
T = TypeVar("T")


class Recorder:
    """Every event and log line, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[float] = []
        self.lines: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def report(self, event: Event) -> None:
        self.events.append(event)
        self.times.append(time.monotonic())
        self._changed.set()

    def log(self, level: str, line: str) -> None:
        self.lines.append((level, line))
        self._changed.set()

    async def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        """Until ``done()``; looked at after every event and line."""
        async with asyncio.timeout(seconds):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def outcomes(self) -> dict[int, Outcome]:
        """Index → outcome; fails when an image ended twice."""
        finished = self.of(Finished)
        found = {event.index: event.outcome for event in finished}
        assert len(found) == len(finished), "an image was reported twice"
        return found


@contextlib.asynccontextmanager
async def open_pool(
    size: int = 2,
    *,
    module: str = FAULTY,
    total: int = 512 * MIB,
    timeout: float | None = None,
    backlog: int = 1000,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[ParallelProcessPool, Recorder]]:
    recorder = Recorder()
    pool = ParallelProcessPool(
        size,
        budget=Budget(total, size),
        report=recorder.report,
        log=recorder.log,
        timeout=timeout,
        backlog=backlog,
        module=module,
        clock=clock,
    )
    seam: ImagePool = pool  # what a run asks of whatever computes
    await pool.start()
    try:
        yield pool, recorder
    finally:
        async with asyncio.timeout(20):
            await seam.close(now=True)


RECIPE = Settings(min_savings=Settings().min_savings).recipe()


def make_jobs(
    folder: Path, sample: Path, names: list[str], recipe: Recipe = RECIPE, *, in_place: bool = False
) -> list[Job]:
    """Copies of ``sample`` in ``folder``, named ``names`` (without extension), and their jobs."""
    jobs = []
    for index, name in enumerate(names):
        source = folder / f"{name}{sample.suffix}"
        shutil.copyfile(sample, source)
        target = source if in_place else folder / "out" / source.name
        jobs.append(Job(index, str(source), str(target), recipe, source.stat().st_size))
    return jobs


LIBRARY_POLICY = Policy(keep_original=False)
