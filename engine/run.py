"""Run: ties planner, pool, store and gauges together; the local form of ``RunView``.

    scan ──rows──▶ catalogue ──whole batches──▶ pool ──events──▶ merger ──▶ store ──▶ updates()

Use as an async context manager: entering starts the work, ``wait`` lasts until it is over, leaving ends what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from engine.catalog import Catalog
from engine.child import keep_ahead
from engine.control import Controls
from engine.errors import PoolError
from engine.events import Event, Finished, Queued, Retried
from engine.feed import Feed
from engine.folder_settings import FolderSettings
from engine.ground import Ground
from engine.guard import DiskGuard
from engine.headroom import Headroom
from engine.job import Status
from engine.life import Life
from engine.memory import RunMemory
from engine.metrics import ParallelProcessingMetrics
from engine.plan import Plan, make_plan
from engine.pool import ParallelProcessPool
from engine.priority import IoClass
from engine.progress import BatchedProgress, RunState
from engine.recipes import Recipes
from engine.records import RunRecords
from engine.report import benchmark_report, human_bytes
from engine.runlog import RunLog
from engine.sampling import Sampler
from engine.settings import Settings
from engine.summary import summary
from engine.view import (
    BatchRow,
    Hangup,
    LogLine,
    Page,
    Phase,
    RunInfo,
    Update,
    Window,
)
from engine.watch import Watch
from engine.window import page, worker_rows

__all__ = ["Run"]

SAMPLE_SECONDS = 0.5
ROWS_ON_LOOP = 5_000
"""Larger catalogues are filtered and sorted in a thread."""


class Run(Controls):
    """One run over some roots with some settings; what it can be told is in ``Controls``."""

    def __init__(
        self,
        roots: Sequence[str],
        settings: Settings,
        own: FolderSettings | None = None,
        *,
        run_id: str | None = None,
        resumes: str = "",
        only: Collection[str] = (),
        watch: Watch | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Checks roots and output and raises PlanError or ConfigError; nothing is started or written yet. ``own`` are
        the settings of single folders; ``resumes`` is the id of the run that this one continues; ``only``: of all
        images just those with these full paths, unless empty; ``watch`` finds the images, and ends the run."""
        self.settings = settings
        self._watch = watch
        self._log = RunLog()
        note = self._log.note
        self._plan: Plan = make_plan(roots, settings, own, only)
        self._clock = clock
        run_id = run_id or secrets.token_hex(4)
        self._records = RunRecords([root.source for root in self._plan.roots], settings, run_id)
        room = Headroom(settings.workers, settings.memory_limit, note)
        keep_ahead(room.workers)
        state = RunState(Catalog(), ParallelProcessingMetrics(settings.batch_size), clock)
        self._told = on_event
        progress = BatchedProgress(state, on_event=self._seen)
        pool = ParallelProcessPool(
            room.workers,
            budget=room.budget,
            headroom=room,
            report=self._reported,
            log=note,
            timeout=settings.timeout,
            backlog=room.backlog,
        )
        recipes = Recipes(self._plan, self._records.of_roots)
        self._memory = RunMemory(run_id, roots, self._plan, own, self._records, state, self._log, resumes)
        feed = Feed(self._plan, recipes, state, progress, pool, note, self._memory.known, watch)
        self._ground = Ground(self._plan, self._records)
        guard = DiskGuard(
            self._ground.room(),
            pauses=settings.on_full != "stop",
            pause=self._stand_still,
            resume=self._go_on,
            stop=self._stop_admitting,
            note=note,
        )
        super().__init__(Life(clock), room, state, progress, pool, feed, guard, note)
        self._sampler = Sampler(pool, room, guard, clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._info = RunInfo(
            run_id=run_id,
            pid=os.getpid(),
            host=socket.gethostname(),
            roots=tuple(root.source for root in self._plan.roots),
            output=self._plan.output,
            batch_size=settings.batch_size,
            started=time.time(),
            summary=("watch  " if watch is not None else "") + summary(settings, own),
        )
        self.on_hangup = Hangup(settings.on_hangup)
        if settings.nice is not None or settings.ionice != IoClass.NORMAL:
            self.rank(settings.nice, IoClass(settings.ionice))
        if room.fewer:
            note("warning", room.fewer)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._ground.take(self.note)
        self._progress.start()
        self._life.begin()
        self._guard.look()
        await self._pool.start()
        self._memory.start()
        self._tasks = [asyncio.create_task(each) for each in (self._work(), self._sample(), self._guard.watch())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._life.over:
            await self.cancel(now=True)
        with contextlib.suppress(asyncio.CancelledError):
            await self._over.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait(self) -> None:
        """Until the run is over."""
        await self._over.wait()

    @property
    def phase(self) -> Phase:
        """Where the run is in its life."""
        return self._life.phase

    @property
    def limit(self) -> str:
        """Why a limit ended the run, as a sentence; empty when none did."""
        return self._guard.limit

    @property
    def _watched_all(self) -> bool:
        """Whether everything is through that came into what is watched: such a run has no end but to be ended."""
        return self._watch is not None and self.state.through == len(self.state.catalog)

    async def _work(self) -> None:
        scanner = asyncio.create_task(self._feed.scan())
        try:
            while True:
                await self._feed.submit_all()
                await self._pool.drain()
                if self._life.stopping or not self._feed.waits:
                    break
            if not self._life.stopping:
                await scanner  # what went wrong there is this run's failure
            end = Phase.STOPPED if self._life.stopping and not self._watched_all else Phase.FINISHED
        except PoolError as error:
            self.note("error", str(error))
            end = Phase.FAILED
        except Exception as error:  # a refused thread, or a bug: the run must end with a word, not be left hanging
            self.note("error", f"the run cannot go on: {type(error).__name__}: {error}; please report it")
            end = Phase.FAILED
        if not scanner.done():
            self._feed.stop()  # its thread may wait for something to happen in what is watched
        scanner.cancel()
        await asyncio.gather(scanner, return_exceptions=True)
        await self._pool.close(now=end is Phase.FAILED)
        self._life.last_work()
        self._look()
        await self._progress.close()
        totals = self.state.totals()
        saved = human_bytes(totals.saved)
        self.note("info", f"{end.value}: {totals.through} of {totals.found} images, {saved} saved")
        await asyncio.to_thread(self._memory.finish, end, self._report(end))
        self._ground.leave()
        self._life.phase = end
        self._over.set()
        self._progress.announce()

    # ── gauges ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _sample(self) -> None:
        while not self._over.is_set():
            self._look()
            self._progress.touch()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _look(self) -> None:
        sampler = self._sampler
        sampler.sample()
        self._memory.sampled(self._life.elapsed, sampler.gauges, len(sampler.figures), self.state.through)

    def _reported(self, event: Event) -> None:
        """What the pool says; an image that found no room on the disk is not through but waits again."""
        if isinstance(event, Finished) and event.outcome.errno:
            size = self.state.catalog.original(event.index)
            if self._guard.takes_back(event, size):
                self._feed.again([event.index])
                event = Queued(event.index)
        self._progress.put(event)

    def _seen(self, event: Event) -> None:
        """Name what failed in the log, and pass everything on."""
        if isinstance(event, Finished):
            self._feed.room.settle(event.index, event.outcome)
            self._memory.finished(event, self._life.elapsed)
            if self._watch is not None:
                catalog = self.state.catalog
                self._watch.finished(catalog.source(event.index), catalog.target(event.index), event.outcome)
            if event.outcome.status is Status.FAILED:
                path = self.state.catalog.path(event.index)
                self.note("failed", f"{path}: {event.outcome.reason}")
                if self.settings.fail_fast:
                    self._guard.failed(path, event.outcome.reason)
        elif isinstance(event, Retried):
            self._memory.retried(event)
        self._told(event)

    # ── the view ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def info(self) -> RunInfo:
        """What does not change."""
        return self._info

    async def updates(self) -> AsyncIterator[Update]:
        """Whole state first, then what changed; ends after the update that is over."""
        version = -1
        while True:
            update = await self.next_update(version)
            version = update.version
            yield update
            if update.phase.over:
                return

    async def next_update(self, since: int) -> Update:
        """``update``, as soon as there is a version newer than ``since``; at once when the run is over."""
        while self.state.version == since and not self._life.over:
            await self._progress.changed()
        return self.update(since)

    def update(self, since: int) -> Update:
        """One redraw's worth for a client that knows version ``since`` (−1 for none)."""
        state, life = self.state, self._life
        changes = state.changes_since(since)
        last, median = state.metrics.recent_batches()
        return Update(
            version=state.version,
            phase=life.phase,
            elapsed=life.elapsed,
            eta=None if state.scanning or self._watch is not None else life.eta(state.bytes_through, state.bytes_found),
            rate=state.rate.rate,
            workers_wanted=self._pool.size,
            totals=state.totals(),
            gauges=self._sampler.gauges,
            workers=worker_rows(state, self._sampler.figures, life.now),
            batches_complete=state.metrics.completed_batches,
            batches_open=state.metrics.concurrent_batches,
            log_lines=self._log.count,
            message=self._log.message,
            waits_for=self._guard.waits_for,
            memory_limit=self._room.limit,
            nice=self.nice,
            on_hangup=self.on_hangup.value,
            states=bytes(state.catalog.states) if changes is None else None,
            changes=tuple((index, state.catalog.states[index]) for index in changes or ()),
            minute=state.minute.counts(life.now),
            batch_last=last,
            batch_median=median,
        )

    async def rows(self, window: Window) -> Page:
        """Image rows by window."""
        workers = list(self.state.workers.items())
        if len(self.state.catalog) > ROWS_ON_LOOP and (window.text or window.states or window.sort != "index"):
            return await asyncio.to_thread(page, self.state.catalog, window, workers)
        return page(self.state.catalog, window, workers)

    async def batches(self, first: int, count: int) -> tuple[BatchRow, ...]:
        """Batches ``first`` (from 0) and following."""
        metrics = self.state.metrics
        last = min(first + count, metrics.total_batches)
        return tuple(metrics.batch(number, self._clock()) for number in range(max(0, first), last))

    async def log(self, first: int, count: int) -> tuple[LogLine, ...]:
        """Log lines from number ``first``, of those still kept."""
        return self._log.lines(first, count)

    async def report(self) -> Mapping[str, Any]:
        """The benchmark report so far."""
        return self._report(self._life.phase)

    def _report(self, phase: Phase) -> dict[str, Any]:
        elapsed, peak = self._life.elapsed, self._sampler.gauges.mem_peak
        return benchmark_report(self.state, self._info, phase, elapsed, peak, self._feed.room.held)

    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        return list(self._pool.pids().values())

    def stood_still(self, seconds: float) -> None:
        """This process was stopped for so long: a time that says nothing of the run's speed."""
        self._life.stood_still(seconds)

    async def watch(self) -> None:
        """Whoever looks on is in this process and ends with it."""

    async def close(self) -> None:
        """Nothing to let go of: a local run ends with its context."""
