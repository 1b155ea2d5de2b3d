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
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from engine import monitor
from engine.budget import Budget, fitting_workers, image_budget
from engine.catalog import Catalog
from engine.child import keep_ahead
from engine.errors import PoolError
from engine.events import Event, Finished
from engine.feed import Feed
from engine.folders import unmark
from engine.job import Status
from engine.metrics import ParallelProcessingMetrics
from engine.plan import Plan, make_plan
from engine.pool import ParallelProcessPool
from engine.progress import BatchedProgress, RunState
from engine.records import RunRecords
from engine.report import benchmark_report, human_bytes
from engine.runlog import RunLog
from engine.settings import Settings
from engine.slots import QUEUE_IMAGES
from engine.summary import summary
from engine.view import (
    BatchRow,
    Gauges,
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
        on_event: Callable[[Event], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Checks roots and output and raises PlanError; nothing is started or written yet."""
        self.settings = settings
        self._log = RunLog()
        self.note = self._log.note
        self._plan: Plan = make_plan(roots, settings)
        self._clock = clock
        run_id = run_id or secrets.token_hex(4)
        recipe = settings.recipe()
        recipe = replace(recipe, policy=replace(recipe.policy, overwrite=self._plan.overwrite))
        self._records = RunRecords([root.source for root in self._plan.roots], settings, run_id)
        limit = settings.memory_limit or monitor.default_memory_limit()
        wanted = settings.workers or monitor.default_workers(monitor.usable_cpus())
        self._workers = fitting_workers(limit, wanted)
        keep_ahead(self._workers)
        self._budget = Budget(image_budget(limit, self._workers), self._workers)
        self.state = RunState(Catalog(), ParallelProcessingMetrics(settings.batch_size), clock)
        self._told = on_event
        self._progress = BatchedProgress(self.state, on_event=self._seen)
        self._pool = ParallelProcessPool(
            self._workers,
            budget=self._budget,
            report=self._progress.put,
            log=self.note,
            timeout=settings.timeout,
            backlog=2 * QUEUE_IMAGES * max(self._workers, 4),
        )
        self._monitor = monitor.Monitor(clock)
        self._gauges = Gauges(cpus=monitor.usable_cpus(), budget=self._budget.total)
        self._worker_figures: dict[int, tuple[int, float]] = {}
        self._phase = Phase.STARTING
        self._began = clock()
        self._paused_at: float | None = None
        self._paused = 0.0
        self._ended: float | None = None
        recipes = self._records.recipes(recipe)
        self._feed = Feed(self._plan, recipes, self.state, self._progress, self._pool, self.note)
        self._created: tuple[str, ...] = ()
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
        if self._workers < wanted:
            self.note("warning", f"{self._workers} workers instead of {wanted}: the memory limit holds no more")

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._created = self._plan.prepare()
        if problem := self._records.prepare():
            self.note("warning", problem)
        self._progress.start()
        self._phase = Phase.RUNNING
        await self._pool.start()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sample())]
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
        except Exception as error:  # a bug must end the run with a word, not leave it hanging
            self.note("error", f"the run cannot go on: {type(error).__name__}: {error}; please report it")
            end = Phase.FAILED
        scanner.cancel()
        await asyncio.gather(scanner, return_exceptions=True)
        await self._pool.close(now=end is Phase.FAILED)
        for folder in self._created:
            unmark(folder)
        self._records.sweep()
        self._ended = self._clock()
        self._sample_once()
        await self._progress.close()
        totals = self.state.totals()
        saved = human_bytes(totals.saved)
        self.note("info", f"{end.value}: {totals.through} of {totals.found} images, {saved} saved")
        self._phase = end
        self._over.set()
        self._progress.announce()

    # ── gauges ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _sample(self) -> None:
        while not self._over.is_set():
            self._sample_once()
            self._progress.touch()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _sample_once(self) -> None:
        pids = self._pool.pids()
        self._gauges = self._monitor.sample(pids.values(), self._budget.total, sum(self._pool.allowances().values()))
        self._worker_figures = {
            slot: (monitor.own_memory(pid), self._monitor.process_cpu(pid)) for slot, pid in pids.items()
        }

    def _seen(self, event: Event) -> None:
        """Name what failed in the log, and pass everything on."""
        if isinstance(event, Finished) and event.outcome.status is Status.FAILED:
            self.note("failed", f"{self.state.catalog.path(event.index)}: {event.outcome.reason}")
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
        return Update(
            version=state.version,
            phase=self._phase,
            elapsed=now - self._began,
            eta=self._eta(now),
            rate=state.rate.rate,
            workers_wanted=self._pool.size,
            totals=state.totals(),
            gauges=self._gauges,
            workers=worker_rows(state, self._worker_figures, now),
            batches_complete=state.metrics.completed_batches,
            batches_open=state.metrics.concurrent_batches,
            log_lines=self._log.count,
            message=self._log.message,
            states=bytes(state.catalog.states) if changes is None else None,
            changes=tuple((index, state.catalog.states[index]) for index in changes or ()),
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
        elapsed = (self._ended or self._clock()) - self._began
        return benchmark_report(self.state, self._info, self._phase, elapsed, self._gauges.mem_peak)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def pause(self) -> None:
        """Finish the images in work, start no further one."""
        if self._phase is Phase.RUNNING:
            self._phase, self._paused_at = Phase.PAUSED, self._clock()
            self._pool.pause()
            self.note("info", "paused")
            self._progress.touch()

    async def resume(self) -> None:
        """Go on after a pause."""
        if self._phase is Phase.PAUSED:
            self._paused += self._clock() - (self._paused_at or self._clock())
            self._phase, self._paused_at = Phase.RUNNING, None
            self._pool.resume()
            self.note("info", "continued")
            self._progress.touch()

    async def set_workers(self, count: int) -> None:
        """Change the number of worker processes, 1 to 256."""
        count = max(1, min(256, count))
        if count != self._pool.size and not self._phase.over:
            self._pool.resize(count)
            self.note("info", f"{count} workers from now on")
            self._progress.touch()

    async def cancel(self, *, now: bool = False) -> None:
        """End the run: after the images in work, or at once."""
        if self._phase.over:
            return
        self._phase = Phase.STOPPING
        self.note("info", "stopping now" if now else "stopping after the images in work")
        self._feed.stop()
        self._pool.drop_waiting()
        self._progress.touch()
        if now:
            await self._pool.close(now=True)

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
