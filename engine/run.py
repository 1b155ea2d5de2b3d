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
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from engine.catalog import Catalog
from engine.child import keep_ahead
from engine.errors import PoolError
from engine.events import Event, Finished, Queued, Retried
from engine.feed import Feed
from engine.ground import Ground
from engine.guard import DiskGuard
from engine.headroom import Headroom
from engine.job import Status
from engine.memory import RunMemory
from engine.metrics import ParallelProcessingMetrics
from engine.plan import Plan, make_plan
from engine.pool import ParallelProcessPool
from engine.progress import BatchedProgress, RunState
from engine.records import RunRecords
from engine.report import benchmark_report, human_bytes
from engine.runlog import RunLog
from engine.sampling import Sampler
from engine.settings import Settings
from engine.slots import QUEUE_IMAGES
from engine.summary import summary
from engine.view import (
    BatchRow,
    ImageState,
    LogLine,
    Page,
    Phase,
    RunInfo,
    Update,
    Window,
)
from engine.window import page, worker_rows

__all__ = ["Run"]

SAMPLE_SECONDS = 0.5
ROWS_ON_LOOP = 5_000
"""Larger catalogues are filtered and sorted in a thread."""


class Run:
    """One run over some roots with some settings."""

    def __init__(
        self,
        roots: Sequence[str],
        settings: Settings,
        *,
        run_id: str | None = None,
        resumes: str = "",
        on_event: Callable[[Event], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Checks roots and output and raises PlanError; nothing is started or written yet. ``resumes`` is the id of
        the run that this one continues."""
        self.settings = settings
        self._log = RunLog()
        self.note = self._log.note
        self._plan: Plan = make_plan(roots, settings)
        self._clock = clock
        run_id = run_id or secrets.token_hex(4)
        self._records = RunRecords([root.source for root in self._plan.roots], settings, run_id)
        room = Headroom(settings.workers, settings.memory_limit, self.note)
        keep_ahead(room.workers)
        self.state = RunState(Catalog(), ParallelProcessingMetrics(settings.batch_size), clock)
        self._told = on_event
        self._progress = BatchedProgress(self.state, on_event=self._seen)
        self._pool = ParallelProcessPool(
            room.workers,
            budget=room.budget,
            headroom=room,
            report=self._reported,
            log=self.note,
            timeout=settings.timeout,
            backlog=2 * QUEUE_IMAGES * max(room.workers, 4),
        )
        self._phase = Phase.STARTING
        self._began = clock()
        self._paused_at: float | None = None
        self._paused = 0.0
        self._ended: float | None = None
        recipes = self._records.recipes(self._plan.recipe())
        self._memory = RunMemory(run_id, roots, self._plan, self._records, self.state, self.note, resumes)
        known = self._memory.known
        self._feed = Feed(self._plan, recipes, self.state, self._progress, self._pool, self.note, known)
        self._ground = Ground(self._plan, self._records)
        self._guard = DiskGuard(
            self._ground.room(),
            pauses=settings.on_full != "stop",
            pause=self._stand_still,
            resume=self._go_on,
            stop=self._stop_admitting,
            note=self.note,
        )
        self._sampler = Sampler(self._pool, room, self._guard, clock)
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
            summary=summary(settings),
        )
        if room.fewer:
            self.note("warning", room.fewer)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._ground.take(self.note)
        self._progress.start()
        self._phase = Phase.RUNNING
        self._guard.look()
        await self._pool.start()
        self._memory.start()
        self._tasks = [asyncio.create_task(each) for each in (self._work(), self._sample(), self._guard.watch())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._phase.over:
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
        return self._phase

    @property
    def limit(self) -> str:
        """Why a limit ended the run, as a sentence; empty when none did."""
        return self._guard.limit

    @property
    def _stopping(self) -> bool:
        return self._phase is Phase.STOPPING

    async def _work(self) -> None:
        scanner = asyncio.create_task(self._feed.scan())
        try:
            while True:
                await self._feed.submit_all()
                await self._pool.drain()
                if self._stopping or not self._feed.waits:
                    break
            if not self._stopping:
                await scanner  # what went wrong there is this run's failure
            end = Phase.STOPPED if self._stopping else Phase.FINISHED
        except PoolError as error:
            self.note("error", str(error))
            end = Phase.FAILED
        except Exception as error:  # a refused thread, or a bug: the run must end with a word, not be left hanging
            self.note("error", f"the run cannot go on: {type(error).__name__}: {error}; please report it")
            end = Phase.FAILED
        scanner.cancel()
        await asyncio.gather(scanner, return_exceptions=True)
        await self._pool.close(now=end is Phase.FAILED)
        self._ended = self._clock()
        self._sampler.sample()
        self._written_down()
        await self._progress.close()
        await asyncio.to_thread(self._memory.finish, end, self._report(end))
        self._ground.leave()
        totals = self.state.totals()
        saved = human_bytes(totals.saved)
        self.note("info", f"{end.value}: {totals.through} of {totals.found} images, {saved} saved")
        self._phase = end
        self._over.set()
        self._progress.announce()

    # ── gauges ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _sample(self) -> None:
        while not self._over.is_set():
            self._sampler.sample()
            self._written_down()
            self._progress.touch()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _written_down(self) -> None:
        sampler, at = self._sampler, self._clock() - self._began
        self._memory.sampled(at, sampler.gauges, len(sampler.figures), self.state.through)

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
            self._memory.finished(event, self._clock() - self._began)
            if event.outcome.status is Status.FAILED:
                self.note("failed", f"{self.state.catalog.path(event.index)}: {event.outcome.reason}")
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
        while self.state.version == since and not self._phase.over:
            await self._progress.changed()
        return self.update(since)

    def update(self, since: int) -> Update:
        """One redraw's worth for a client that knows version ``since`` (−1 for none)."""
        state = self.state
        changes = state.changes_since(since)
        now = self._ended or self._clock()
        last, median = state.metrics.recent_batches()
        return Update(
            version=state.version,
            phase=self._phase,
            elapsed=now - self._began,
            eta=self._eta(now),
            rate=state.rate.rate,
            workers_wanted=self._pool.size,
            totals=state.totals(),
            gauges=self._sampler.gauges,
            workers=worker_rows(state, self._sampler.figures, now),
            batches_complete=state.metrics.completed_batches,
            batches_open=state.metrics.concurrent_batches,
            log_lines=self._log.count,
            message=self._log.message,
            waits_for=self._guard.waits_for,
            states=bytes(state.catalog.states) if changes is None else None,
            changes=tuple((index, state.catalog.states[index]) for index in changes or ()),
            minute=state.minute.counts(now),
            batch_last=last,
            batch_median=median,
        )

    def _eta(self, now: float) -> float | None:
        """Seconds left, from bytes through and the time that was not paused."""
        state = self.state
        if state.scanning or self._phase.over or not state.bytes_through:
            return None
        pause = now - self._paused_at if self._paused_at is not None else 0.0
        active = now - self._began - self._paused - pause
        return active * max(0, state.bytes_found - state.bytes_through) / state.bytes_through

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
        return self._report(self._phase)

    def _report(self, phase: Phase) -> dict[str, Any]:
        elapsed = (self._ended or self._clock()) - self._began
        peak = self._sampler.gauges.mem_peak
        return benchmark_report(self.state, self._info, phase, elapsed, peak, self._feed.room.held)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def pause(self) -> None:
        """Finish the images in work, start no further one."""
        if self._stand_still():
            self.note("info", "paused")

    def _stand_still(self) -> bool:
        """Whether it was at work until now."""
        if self._phase is not Phase.RUNNING:
            return False
        self._phase, self._paused_at = Phase.PAUSED, self._clock()
        self._pool.pause()
        self._progress.touch()
        return True

    async def resume(self) -> None:
        """Go on after a pause."""
        if self._phase is Phase.PAUSED:
            self._guard.resumed()
            self._go_on()
            self.note("info", "continued")

    def _go_on(self) -> None:
        if self._phase is Phase.PAUSED:
            self._paused += self._clock() - (self._paused_at or self._clock())
            self._phase, self._paused_at = Phase.RUNNING, None
            self._pool.resume()
            self._progress.touch()

    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        return list(self._pool.pids().values())

    def stood_still(self, seconds: float) -> None:
        """This process was stopped for so long: a time that says nothing of the run's speed."""
        self._paused += seconds

    async def set_workers(self, count: int) -> None:
        """Change the number of worker processes, 1 to 256."""
        count = max(1, min(256, count))
        if count != self._pool.size and not self._phase.over:
            self._pool.resize(count)
            self.note("info", f"{self._pool.size} workers from now on")
            self._progress.touch()

    async def cancel(self, *, now: bool = False) -> None:
        """End the run: after the images in work, or at once."""
        if self._phase.over:
            return
        self.note("info", "stopping now" if now else "stopping after the images in work")
        self._stop_admitting()
        if now:
            await self._pool.close(now=True)

    def _stop_admitting(self) -> None:
        self._phase = Phase.STOPPING
        self._feed.stop()
        self._pool.drop_waiting()
        self._progress.touch()

    async def retry_failed(self) -> int:
        """Put failed images back to wait; returns how many. None once the run is over."""
        if self._phase.over or self._stopping:
            return 0
        failed = [index for index, state in enumerate(self.state.catalog.states) if state == ImageState.FAILED]
        for index in failed:
            self.state.again(index)
        self._feed.again(failed)
        self._progress.touch()
        return len(failed)

    async def close(self) -> None:
        """Nothing to let go of: a local run ends with its context."""
