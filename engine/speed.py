"""How fast this machine does images with given settings: real workers do all but the write, for a short while each.

What is counted is the time that images took in workers which were all busy: that says what a long run would get
through, without the waiting at the beginning and the end of such a short one. Nothing is written anywhere.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from engine import monitor
from engine.candidates import Candidates
from engine.errors import PoolError
from engine.events import Event, Finished
from engine.headroom import Headroom
from engine.job import Job, Outcome, Recipe
from engine.plan import make_plan
from engine.pool import ParallelProcessPool
from engine.settings import Settings
from engine.strata import draw

__all__ = ["ENOUGH", "Rate", "Speed", "counts_to_try", "recommended"]

SAMPLE = 60
"""Images drawn from a tree."""
HANDSHAKE_SECONDS = 60.0
LIMIT_SECONDS = 30.0
"""A line that has waited so long for its next image ends with what it has."""
ENOUGH = 0.97
"""Of the best speed; more workers for the rest are not worth their memory."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What some workers got through."""

    format: str
    """As ``Settings.format``."""
    effort: str
    workers: int
    images: int = 0
    """That were counted."""
    megapixels: float = 0.0
    """Of their results."""
    seconds: float = 0.0
    """That workers spent on them, together."""
    reason: str = ""
    """Why there are none; empty when there are."""

    @property
    def images_per_second(self) -> float:
        """Of all workers together."""
        return self.workers * self.images / self.seconds if self.seconds else 0.0

    @property
    def megapixels_per_second(self) -> float:
        """Of all workers together."""
        return self.workers * self.megapixels / self.seconds if self.seconds else 0.0


def counts_to_try(cpus: float, wanted: int, most: int) -> list[int]:
    """Numbers of workers from 1 up to what fills the CPUs, or to ``wanted`` where that is more; at most ``most``."""
    last = max(math.ceil(cpus), wanted)
    steps = {count for power in range(9) for count in (2**power, 3 * 2**power) if count < last}
    return sorted(count for count in {1, *steps, last, wanted} if count <= most) or [1]


def recommended(rates: Sequence[Rate]) -> int:
    """The least number of workers that comes close to the best speed; 0 when there is no speed."""
    best = max((rate.megapixels_per_second for rate in rates), default=0.0)
    good = [rate.workers for rate in rates if best and rate.megapixels_per_second >= ENOUGH * best]
    return min(good, default=0)


class Speed:
    """Measures over the images of some roots; use as an async context manager."""

    def __init__(self, roots: Sequence[str], settings: Settings, output: str, seconds: float) -> None:
        """``seconds`` is for each line. ``output`` is a folder that results would go to; nothing comes to lie there.
        Raises PlanError."""
        elsewhere = replace(settings, output=output, in_place=False, replace=False, suffix=None, flat=False)
        self.settings = replace(elsewhere, remember="none", overwrite="all")
        self._candidates = Candidates(make_plan(roots, self.settings))
        self._seconds = seconds
        self._room = Headroom(settings.workers, settings.memory_limit, lambda level, line: None)
        self.wanted = self._room.workers
        """Workers that a run would have."""
        cpus = monitor.usable_cpus()
        most = Headroom(max(math.ceil(cpus), self.wanted), settings.memory_limit, lambda level, line: None).workers
        self.counts = counts_to_try(cpus, self.wanted, most)
        self._pool: ParallelProcessPool | None = None
        self._finished: asyncio.Queue[Finished] = asyncio.Queue()
        self._ready = asyncio.Event()
        self._numbers = itertools.count()
        self._warm: set[tuple[int, str]] = set()
        """Workers and formats: a worker's first image of a format takes longer."""
        self.images: list[int] = []
        """Of the tree, those that are used."""

    @property
    def bytes(self) -> int:
        """Of the images that are used."""
        sizes = self._candidates.sizes()
        return sum(sizes[index] for index in self.images)

    async def __aenter__(self) -> Self:
        await self._candidates.scan(lambda level, line: None)
        drawn = draw(self._candidates.groups(), self._candidates.sizes(), SAMPLE, random.Random(0))
        self.images = [index for index, _ in drawn.order]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def measure(self, format: str, effort: str, workers: int) -> Rate:
        """One line; raises PoolError when the workers cannot be had."""
        await self._have(workers)
        recipe = self._candidates.plan.recipe(replace(self.settings, format=format, effort=effort))
        first, others = await self._outcomes(recipe, workers, format)
        good = _written(others) or _written(first)
        if not good:
            why = [*first, *others][0].reason if first or others else f"not one image within {LIMIT_SECONDS:g} s"
            return Rate(format, effort, workers, reason=why)
        pixels = sum(one.width * one.height for one in good)
        return Rate(format, effort, workers, len(good), pixels / 1e6, sum(one.seconds for one in good))

    async def _outcomes(self, recipe: Recipe, workers: int, format: str) -> tuple[list[Outcome], list[Outcome]]:
        """Of images that were done while every worker had one: each worker's first, and the others."""
        assert self._pool is not None
        turns, given = itertools.cycle(self.images), 0
        end = time.monotonic() + self._seconds
        first: list[Outcome] = []
        others: list[Outcome] = []
        flying, most = 0, workers + (workers + 1) // 2  # some wait, so that no worker does

        def wanted() -> bool:
            """Whether there is time, or too little to go by and an image that was not tried."""
            few = len(_written(others)) < workers
            return time.monotonic() < end or (few and given < workers + len(self.images))

        while True:
            while flying < most and wanted():
                await self._pool.submit(self._job(next(turns), recipe))
                flying, given = flying + 1, given + 1
            if not flying:
                return first, others
            try:
                event = await asyncio.wait_for(self._finished.get(), LIMIT_SECONDS)
            except TimeoutError:
                await self._close()
                return first, others
            flying -= 1
            if wanted() or not _written(others):  # later not all workers are busy
                (others if (event.slot, format) in self._warm else first).append(event.outcome)
            self._warm.add((event.slot, format))

    def _job(self, image: int, recipe: Recipe) -> Job:
        return replace(self._candidates.job(image), index=next(self._numbers), recipe=recipe, trial=True)

    async def _have(self, workers: int) -> None:
        """So many, all of them ready."""
        if self._pool is None:
            self._finished, self._warm = asyncio.Queue(), set()
            room = Headroom(workers, self.settings.memory_limit, lambda level, line: None)
            self._pool = ParallelProcessPool(
                workers,
                budget=room.budget,
                report=self._reported,
                log=lambda level, line: None,
                backlog=4 * workers,
            )
            await self._pool.start()
        else:
            self._pool.resize(workers)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                while not len(self._pool.pids()) == len(self._pool.workers.slots) == workers:
                    self._ready.clear()
                    await self._ready.wait()
        except TimeoutError:
            raise PoolError(f"{workers} workers cannot be started; try fewer with -j") from None

    def _reported(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._finished.put_nowait(event)
        else:
            self._ready.set()

    async def _close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close(now=True)


def _written(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.status.written]
