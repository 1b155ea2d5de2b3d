"""What a run would come to, before it is started: bytes saved, time, memory and failures, each with its range.

    candidates ──draw──▶ pool (each image on trial: all but the write) ──outcomes──▶ forecast ──▶ Estimate

Nothing is written anywhere. The sample is the run's own work on some of its images (``strata.py``); what that says of
the others is in ``forecast.py``.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from engine import monitor
from engine.candidates import Candidates, Listed
from engine.events import Event, Finished, WorkerReady
from engine.folder_settings import FolderSettings
from engine.forecast import Estimate, Load, Row, Tried, forecast
from engine.headroom import Headroom
from engine.interval import Range
from engine.plan import make_plan
from engine.pool import ParallelProcessPool
from engine.settings import Settings
from engine.strata import draw

__all__ = ["QUICK", "SAMPLE", "Estimate", "Range", "Row", "Sample", "Trial", "estimate"]

LEAST_ALONE = 0.2
"""Below this the CPU is not what the images waited for."""
TELL_SECONDS = 0.25
"""Between two estimates that are told on the way."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How much is looked at."""

    images: int = 200
    """Drawn from the tree; a tree with not many more is done whole."""
    seconds: float | None = None
    """After this time no further image is begun; None: as long as it takes."""
    seed: int | None = None
    """The same one draws the same images; None: others each time."""


SAMPLE = Sample()
QUICK = Sample(60, 15.0)
"""For a look on the side."""


async def estimate(
    roots: Sequence[str],
    settings: Settings,
    *,
    own: FolderSettings | None = None,
    only: Collection[str] = (),
    sample: Sample = SAMPLE,
    progress: Callable[[Estimate], None] = lambda estimate: None,
    cancel: asyncio.Event | None = None,
    note: Callable[[str, str], None] = lambda level, line: None,
    listed: Listed = lambda folder, found, what: None,
    clock: Callable[[], float] = time.monotonic,
) -> Estimate:
    """What a run over ``roots`` with ``settings``, and with ``own`` of single folders, would come to, over the images
    ``only`` unless it is empty.

    ``progress`` is told better estimates on the way, on this event loop: the first has counts alone. Setting ``cancel``
    ends it early with what is known by then, whose ``complete`` is False; cancelling the task ends it at once. ``note``
    takes a level and a line for a log, ``listed`` every file of the scan before the first is tried. Raises PlanError as
    a run does, and PoolError when no worker can be started.
    """
    candidates = Candidates(make_plan(roots, settings, own, only))
    await candidates.scan(note, listed)
    trial = Trial(candidates, settings, sample, progress, note, clock)
    progress(trial.estimate())
    if trial.drawn.order:
        await trial.run(cancel or asyncio.Event())
    return trial.estimate()


class Trial:
    """The sample on its way through a pool."""

    def __init__(
        self,
        candidates: Candidates,
        settings: Settings,
        sample: Sample,
        progress: Callable[[Estimate], None],
        note: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        self.candidates = candidates
        self._limit = sample.seconds
        self._out_of_time = False
        self._progress = progress
        self._clock = clock
        self.sizes = candidates.sizes()
        self.drawn = draw(candidates.groups(), self.sizes, sample.images, random.Random(sample.seed))
        self.tried: dict[int, Tried] = {}
        """What came of each image, by its number."""
        self._room = room = Headroom(settings.workers, settings.memory_limit, note)
        self._pool = ParallelProcessPool(
            min(room.workers, max(1, len(self.drawn.order))),
            budget=room.budget,
            headroom=room,
            report=self._reported,
            log=note,
            timeout=settings.timeout,
            backlog=room.backlog,
        )
        self._began = self._told = clock()
        self._start: float | None = None
        self._idle = 0
        self._cpu_before: dict[int, float] = {}
        """Process → CPU seconds of a worker when it began."""
        self._alone = 1.0

    def estimate(self) -> Estimate:
        """From what is through by now."""
        candidates, room = self.candidates, self._room
        load = Load(
            workers=room.workers,
            budget=room.budget.total,
            start=self._start or 0.0,
            idle=self._idle,
            host=monitor.own_memory(os.getpid()),
            alone=self._alone,
        )
        found = forecast(
            self.drawn,
            self.sizes,
            self.tried,
            load,
            already=candidates.already,
            left_out=candidates.left_out,
            complete=len(self.tried) == len(self.drawn.order),
        )
        return replace(found, time_limit=self._limit if self._out_of_time and not found.complete else None)

    def _reported(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, WorkerReady):
            self._start = now - self._began if self._start is None else self._start
            self._idle = max(self._idle, monitor.own_memory(event.pid))
            self._cpu_before[event.pid] = monitor.cpu_seconds(event.pid)
        if not isinstance(event, Finished):
            return
        self.tried[event.index] = Tried.of(event.outcome, self.sizes[event.index])
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self._progress(self.estimate())

    async def run(self, cancel: asyncio.Event) -> None:
        """Until all images of the sample are through, or it is to end."""
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stopped(cancel))
        ended = False
        try:
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._pool.drop_waiting()
            await work
            self._alone = self._share()
            ended = True
        finally:
            for task in (work, stop):
                task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)
            await asyncio.shield(self._pool.close(now=not ended))

    def _share(self) -> float:
        """See ``Load.alone``: CPU seconds of the workers to the time their images took; where there are more workers
        than CPUs, to what they could have had."""
        spent = sum(one.seconds for one in self.tried.values())
        used = sum(max(0.0, monitor.cpu_seconds(pid) - before) for pid, before in self._cpu_before.items())
        if not used or not spent:  # too short to be counted, or the workers have gone
            return 1.0
        possible = min(1.0, monitor.usable_cpus() / max(1, len(self._cpu_before)))
        return min(1.0, max(LEAST_ALONE, used / spent / possible))

    async def _work(self) -> None:
        await self._pool.start()
        for index, _ in self.drawn.order:
            await self._pool.submit(self.candidates.job(index))
        await self._pool.drain()

    async def _stopped(self, cancel: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(cancel.wait(), self._limit)
        except TimeoutError:
            self._out_of_time = True
