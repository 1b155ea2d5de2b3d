"""From events to one redraw: ``BatchedProgress`` drains a queue every 100 ms, ``RunState`` is the store it folds into.

pool ──events──▶ asyncio.Queue ──every 100 ms──▶ RunState.fold ──one version──▶ whoever waits
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.catalog import Catalog
from engine.events import Event, Finished, Held, Queued, Retried, StageChanged, Started, WorkerGone, WorkerReady
from engine.job import Outcome
from engine.metrics import ParallelProcessingMetrics, PerSecond, RateMeter
from engine.view import ImageState, Totals
from engine.why import Why

__all__ = ["BatchedProgress", "RunState", "WorkerState"]

INTERVAL = 0.1
"""Seconds between two folds."""
CHANGES_KEPT = 100
"""Versions whose changes are remembered; a client further behind gets all states."""


@dataclass(slots=True)
class WorkerState:
    """What the events say of one worker."""

    pid: int
    index: int = -1
    stage: str = "idle"
    since: float = 0.0
    allowance: int = 0
    finished: int = 0


@dataclass(slots=True)
class RunState:
    """Everything a screen can ask about a run. Changed only by ``fold`` and the planner, on the event loop."""

    catalog: Catalog
    metrics: ParallelProcessingMetrics
    clock: Callable[[], float] = time.monotonic
    version: int = 0
    scanning: bool = True
    bytes_found: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_through: int = 0
    """Originals of all images that are through, skipped and failed ones included."""
    retried: int = 0
    already: int = 0
    """Images left out because an earlier run did them."""
    workers: dict[int, WorkerState] = field(default_factory=dict)
    counts: list[int] = field(default_factory=lambda: [0] * len(ImageState))
    rate: RateMeter = field(default_factory=RateMeter)
    minute: PerSecond = field(default_factory=PerSecond)
    _dirty: set[int] = field(default_factory=set)
    _changes: deque[tuple[int, tuple[int, ...]]] = field(default_factory=lambda: deque(maxlen=CHANGES_KEPT))

    def added(self, index: int, size: int) -> None:
        """The planner added an image."""
        self.counts[ImageState.WAITING] += 1
        self.bytes_found += size
        self._dirty.add(index)

    def fold(self, event: Event) -> None:
        """Take one event in."""
        _FOLD[type(event)](self, event)

    def publish(self) -> None:
        """Everything folded so far becomes one version."""
        self.version += 1
        self._changes.append((self.version, tuple(self._dirty)))
        self._dirty.clear()
        self.rate.add(self.clock(), self.through)
        self.minute.add(self.clock(), self.through)

    @property
    def through(self) -> int:
        """Images with a final state."""
        return sum(self.counts[ImageState.DONE :])

    def changes_since(self, version: int) -> tuple[int, ...] | None:
        """Images that changed after ``version``; None when that is too long ago to tell."""
        if version == self.version:
            return ()
        if version > self.version or not self._changes or version < self._changes[0][0] - 1:
            return None
        indexes: set[int] = set()
        for number, changed in self._changes:
            if number > version:
                indexes.update(changed)
        return tuple(indexes)

    def totals(self) -> Totals:
        """Counts and bytes now."""
        counts = self.counts
        return Totals(
            found=len(self.catalog),
            scanning=self.scanning,
            waiting=counts[ImageState.WAITING],
            held=counts[ImageState.HELD],
            running=counts[ImageState.RUNNING],
            done=counts[ImageState.DONE],
            kept=counts[ImageState.KEPT],
            skipped=counts[ImageState.SKIPPED],
            failed=counts[ImageState.FAILED],
            retried=self.retried,
            bytes_found=self.bytes_found,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
        )

    def again(self, index: int) -> None:
        """A finished image goes back to wait."""
        failed = self.catalog.states[index] == ImageState.FAILED
        self.metrics.again(index, failed)
        self.bytes_through -= self.catalog.original(index)
        self._move(index, ImageState.WAITING)
        self.catalog.reset(index)

    def _move(self, index: int, state: ImageState) -> None:
        states = self.catalog.states
        before = states[index]
        if before != state:
            self.counts[before] -= 1
            self.counts[state] += 1
            states[index] = state
            self._dirty.add(index)

    def _started(self, event: Started) -> None:
        self._move(event.index, ImageState.RUNNING)
        now = self.clock()
        self.metrics.started(event.index, now)
        worker = self.workers.get(event.slot)
        if worker is not None:
            worker.index, worker.stage, worker.since, worker.allowance = event.index, "probe", now, 0

    def _staged(self, event: StageChanged) -> None:
        worker = self.workers.get(event.slot)
        if worker is not None and worker.index == event.index:
            worker.stage, worker.allowance = event.stage.value, event.allowance

    def _held(self, event: Held) -> None:
        self._move(event.index, ImageState.HELD)
        self.catalog.note_needs(event.index, event.needs)
        self._idle(event.index)

    def _queued(self, event: Queued) -> None:
        self._move(event.index, ImageState.WAITING)
        self._idle(event.index)

    def _retried(self, event: Retried) -> None:
        self.retried += 1
        self._move(event.index, ImageState.WAITING)
        self._idle(event.index)

    def _finished(self, event: Finished) -> None:
        index, outcome = event.index, event.outcome
        outcome = outcome if outcome.original_size else self._sized(index, outcome)
        if outcome.status.written:
            self.bytes_in += outcome.original_size
            self.bytes_out += outcome.optimized_size
        self.bytes_through += outcome.original_size
        self.already += outcome.why is Why.DONE_ALREADY
        before = self.catalog.states[index]
        self.counts[before] -= 1
        self.catalog.finish(index, event.slot, outcome)
        self.counts[self.catalog.states[index]] += 1
        self._dirty.add(index)
        self.metrics.finished(index, event.slot, outcome, self.clock())
        worker = self.workers.get(event.slot)
        if worker is not None:
            worker.finished += 1
        self._idle(index)

    def _sized(self, index: int, outcome: Outcome) -> Outcome:
        """Give an outcome made without opening the file the size the scan saw."""
        size = self.catalog.original(index)
        return replace(outcome, original_size=size, optimized_size=outcome.optimized_size or size)

    def _idle(self, index: int) -> None:
        for worker in self.workers.values():
            if worker.index == index:
                worker.index, worker.stage, worker.since, worker.allowance = -1, "idle", self.clock(), 0

    def _ready(self, event: WorkerReady) -> None:
        before = self.workers.get(event.slot)
        self.workers[event.slot] = WorkerState(event.pid, since=self.clock(), finished=before.finished if before else 0)

    def _gone(self, event: WorkerGone) -> None:
        worker = self.workers.get(event.slot)
        if worker is not None and worker.pid == event.pid:
            if event.reason:
                worker.pid, worker.index, worker.stage, worker.since = 0, -1, "starting", self.clock()
            else:
                del self.workers[event.slot]


_FOLD: dict[type, Callable[[RunState, Any], None]] = {
    Started: RunState._started,
    StageChanged: RunState._staged,
    Held: RunState._held,
    Queued: RunState._queued,
    Retried: RunState._retried,
    Finished: RunState._finished,
    WorkerReady: RunState._ready,
    WorkerGone: RunState._gone,
}


class BatchedProgress:
    """Merges events: however many arrive, the store announces at most one version every ``interval`` seconds."""

    def __init__(
        self,
        state: RunState,
        *,
        interval: float = INTERVAL,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        """``on_event`` sees every event as it is folded, e.g. to print results as they happen."""
        self.state = state
        self.interval = interval
        self._on_event = on_event
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._published = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to merge."""
        self._task = asyncio.create_task(self._merge())

    def put(self, event: Event) -> None:
        """Take an event; never waits."""
        self._queue.put_nowait(event)

    def touch(self) -> None:
        """Ask for a version although no image changed (gauges, planner, pause)."""
        self._queue.put_nowait(None)

    async def changed(self) -> None:
        """Until the next version."""
        await self._published.wait()

    async def close(self) -> None:
        """Fold what is left, announce it, end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fold_all()
        self.announce()

    async def _merge(self) -> None:
        while True:
            first = await self._queue.get()
            self._take(first)
            self._fold_all()
            self.announce()
            await asyncio.sleep(self.interval)

    def _fold_all(self) -> None:
        while not self._queue.empty():
            self._take(self._queue.get_nowait())

    def _take(self, event: Event | None) -> None:
        if event is not None:
            self.state.fold(event)
            self._on_event(event)

    def announce(self) -> None:
        """Make a version of what is folded and wake whoever waits for one."""
        self.state.publish()
        self._published.set()
        self._published = asyncio.Event()
