"""ParallelProcessPool: keeps worker processes busy with images and survives whatever they do.

    submit ──▶ waiting ──┐                       ┌──▶ running ──▶ writing ──▶ Finished
                         ├─ dispatch ─▶ queued ──┤
               held ◀────┼── "needs N bytes" ◀───┤
                 └───────┘   recalled / died ────┴──▶ back to the front of waiting

A worker has one image in work, one queued behind it (several small ones) so that it never waits for the parent, and may
still be writing those before. Memory goes by allowance (see ``budget.py``): an image that needs more than it was
allowed comes back as held and is sent again when it fits (the order is in ``waiting.py``). Everything runs on one event
loop and nothing here blocks it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine import monitor
from engine.budget import WORKER_BASE, Budget
from engine.corrections import Corrections, kind
from engine.deaths import OUTSIDE_SIGNALS, Deaths
from engine.events import Event, Finished, Held, Queued, Retried, StageChanged, Started
from engine.headroom import Headroom
from engine.job import Job, Outcome, Stage, Status
from engine.link import WorkerLink
from engine.pending import Pending
from engine.priority import IoClass
from engine.slots import Assigned, Slot, status_before
from engine.temps import remove_temps, temp_name
from engine.waiting import WaitingImages
from engine.why import Why
from engine.workers import CANCELLED, Workers

__all__ = ["ParallelProcessPool"]

AHEAD_SHARE = 4
"""A successor is started before its predecessor ends where an idle process is at most one such part of the budget."""
TICK = 0.25
"""Seconds between looks at time limits and at held images."""


class ParallelProcessPool:
    """See the module's docstring. Create, ``start``, ``submit`` …, ``drain``, ``close``."""

    def __init__(
        self,
        size: int,
        *,
        budget: Budget,
        headroom: Headroom | None = None,
        report: Callable[[Event], None],
        log: Callable[[str, str], None],
        timeout: float | None = None,
        backlog: int = 64,
        module: str = "engine.worker",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``size`` workers, until ``headroom`` says otherwise, whose budget it is then; ``report`` gets every event,
        ``log`` a level and a line; ``timeout`` in seconds replaces the computed limit; ``backlog`` images wait here
        before ``submit`` waits."""
        self._headroom = headroom
        self.budget = budget
        self._report = report
        self._log = log
        self._timeout = timeout
        self._backlog = backlog
        self._clock = clock
        self._waiting = WaitingImages(budget)
        self._pending = Pending()
        self.workers = Workers(
            size,
            module,
            clock=clock,
            report=report,
            log=log,
            received=self._received,
            gone=self._gone,
            failed=self._pending.fail,
        )
        self._corrections = Corrections()
        self._deaths = Deaths(monitor.oom_kills)
        self._cancelled: set[int] = set()
        """Images that end as soon as they are at hand."""
        self._entering = -1
        """The image that waits for room here; −1 for none."""
        self._paused = False
        self._ticker: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """Workers that are wanted."""
        return self.workers.size

    async def start(self) -> None:
        """Begin to start workers; they get images as soon as they answer."""
        self._ticker = asyncio.create_task(self._tick())
        self.workers.fill()

    async def submit(self, job: Job) -> None:
        """Take one image; waits while ``backlog`` wait. Raises PoolError when no worker can be started."""
        self._entering = job.index
        await self._pending.until(lambda: self._waiting.fresh < self._backlog or self.workers.closing)
        self._entering = -1
        if self.workers.closing:
            return
        self._pending.add()
        if not self._is_cancelled(job):
            self._waiting.add(job)
            self._dispatch()

    async def drain(self) -> None:
        """Until every submitted image is through or dropped; raises PoolError when no worker can be started."""
        await self._pending.until(lambda: not self._pending.count)

    def active(self) -> tuple[str, ...]:
        """Source paths of the images being worked on."""
        return tuple(path for slot in self.workers.slots.values() for path in slot.sources)

    def pids(self) -> dict[int, int]:
        """Worker number → process id, of those that run."""
        return self.workers.pids()

    def pause(self) -> None:
        """Start no further image; those in work are finished."""
        self._paused = True
        for slot in self.workers.slots.values():
            slot.recall()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._dispatch()

    def resize(self, count: int) -> None:
        """Change the number of workers; surplus ones end after their image."""
        count = max(1, min(count, monitor.most_workers()))
        self._resize(count, None if self._headroom is None else self._headroom.set_workers(count))

    def set_memory(self, limit: int | None) -> None:
        """Bytes for all processes from now on; None: what the machine allows. What is in work keeps what it has."""
        if (room := self._headroom) is not None:
            room.set_memory(limit, self.pids().values())
            self._resize(room.workers, room.images)

    def set_priority(self, nice: int | None, io: IoClass) -> None:
        """Nice value (None: that of this process) and class for disk access of the workers, also of later ones."""
        self.workers.set_priority(nice, io)
        self._count_extra()

    def _resize(self, count: int, total: int | None) -> None:
        self.budget.resize(count, total)
        if count != self.size:
            self.workers.resize(count)
        self._count_extra()
        self._dispatch()

    def drop_waiting(self) -> list[Job]:
        """Take back every image that no worker has started."""
        dropped = self._waiting.clear()
        self.workers.closing = True
        for slot in self.workers.slots.values():
            slot.recall()
        self._pending.done(len(dropped))
        return dropped

    def cancel(self, index: int) -> bool:
        """Skip image ``index``, also when it is in work; False when it is not here, or its result is being written."""
        slot = next((slot for slot in self.workers.slots.values() if index in slot.tasks), None)
        if slot is not None and slot.tasks[index].writing:
            return False
        job = self._waiting.remove(index)
        if slot is None and job is None and index != self._entering:
            return False
        self._cancelled.add(index)
        if job is not None:
            self._is_cancelled(job)
        elif slot is not None:
            self.workers.take_from(slot, slot.tasks[index])
        return True

    def _is_cancelled(self, job: Job) -> bool:
        """Whether the image ends here because that was asked for."""
        if job.index not in self._cancelled:
            return False
        self._cancelled.discard(job.index)
        self._finish(-1, job, Outcome(Status.SKIPPED, CANCELLED, "", job.size, job.size, why=Why.CANCELLED))
        return True

    async def close(self, *, now: bool = False) -> None:
        """End all workers: after their images in work, or at once (their images are put back as queued)."""
        self.workers.end(now=now)
        await self.workers.close()
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)

    def _gone(self, slot: Slot, link: WorkerLink, reason: str) -> None:
        """A worker has ended."""
        self.budget.drop(slot.number)
        self._count_extra()
        self._orphans(slot, link, reason)
        self._dispatch()
        self._pending.wake()

    def _orphans(self, slot: Slot, link: WorkerLink, reason: str) -> None:
        """Decide what becomes of the images a dead worker had."""
        current = slot.current
        for task in reversed(list(slot.tasks.values())):
            job = task.job
            if task.started is not None:
                remove_temps(job.target, task.temp, len(job.recipe.variants))
            if (outcome := task.written_already()) is not None:
                self._finish(slot.number, job, outcome)
            elif self.workers.closing:
                self._drop(job.index)
            elif self._is_cancelled(job):
                pass
            elif task is current and link.killed_for != CANCELLED:
                self._retry(slot.number, job, link, reason)
            else:
                self._put_back(job)
                self._report(Queued(job.index))
        slot.tasks.clear()

    def _retry(self, number: int, job: Job, link: WorkerLink, reason: str) -> None:
        if verdict := self._deaths.verdict(job.index, link, reason):
            self._finish(number, job, Outcome(Status.FAILED, verdict, why=self._deaths.why))
            return
        job = replace(job, careful=job.careful or link.returncode not in OUTSIDE_SIGNALS)
        self._put_back(job)
        self._report(Retried(job.index, reason, self._deaths.why))

    def _put_back(self, job: Job) -> None:
        if self._deaths.alone(job.index):
            self._waiting.hold(job, self.budget.total, self._clock())
        else:
            self._waiting.put_back(job)

    def _received(self, slot: Slot, message: dict[str, Any]) -> None:
        if "done" in message:
            self._done(slot, message["done"], message["outcome"])
        elif "started" in message:
            self._started(slot, message["started"])
        elif "stage" in message:
            self._staged(slot, message)
        elif "needs" in message:
            self._needs(slot, message["index"], message["needs"])
        elif "recalled" in message:
            self._recalled(slot, message["recalled"])
        elif "resident" in message:
            self._holds(slot, int(message["resident"]))
        else:
            self._ready(slot, int(message["ready"]["resident"]))

    def _ready(self, slot: Slot, resident: int) -> None:
        slot.first = slot.resident = resident
        if self._corrections.factors:
            slot.tell_factors(self._corrections.factors)
        self._count_extra()
        self._dispatch()

    def _holds(self, slot: Slot, resident: int) -> None:
        """A worker says what it takes between two images."""
        slot.resident = resident
        self.budget.retain(slot.number, resident - WORKER_BASE)
        self._renew(slot)

    def _renew(self, slot: Slot) -> None:
        """Let a fresh process take the place of one that has grown or done enough, while there is something to do."""
        if slot.worn or slot.retiring or self.workers.closing or not self._waiting or not (why := slot.wear()):
            return
        self._log("info", f"worker {slot.number + 1} is replaced: {why}")
        self.workers.replace(slot, ahead=self.budget.limit >= AHEAD_SHARE * WORKER_BASE)
        self._count_extra()

    def _count_extra(self) -> None:
        self.budget.extra = self.workers.extra * WORKER_BASE

    def _learn(self, outcome: Outcome) -> None:
        """Correct what is predicted for images of this kind."""
        of = kind(outcome.source_format, outcome.target_format)
        if outcome.peak_bytes and self._corrections.note(of, outcome.predicted_bytes, outcome.peak_bytes - WORKER_BASE):
            for slot in self.workers.slots.values():
                slot.tell_factors(self._corrections.factors)

    def _started(self, slot: Slot, index: int) -> None:
        if not slot.start(index, self._clock(), self._timeout):
            return
        self._report(Started(index, slot.number))
        if index in self._cancelled:  # it was begun before it could be called back
            self.workers.take_from(slot, slot.tasks[index])
        self._dispatch_to(slot)

    def _staged(self, slot: Slot, message: dict[str, Any]) -> None:
        index, stage = message["index"], Stage(message["stage"])
        task = slot.tasks.get(index)
        if task is None:
            return
        if stage is Stage.DECODE:
            task.probed(message["needs"], message["seconds"], self._timeout)
            self.budget.reserve(slot.number, index, task.needs)
            if self._waiting.held:
                self._dispatch()
        self._report(StageChanged(index, slot.number, stage, task.needs))

    def _release(self, slot: Slot, index: int) -> Assigned | None:
        """Take an image from its worker, with the memory it had; None when the worker has it not."""
        self.budget.release(slot.number, index)
        return slot.tasks.pop(index, None)

    def _needs(self, slot: Slot, index: int, needs: int) -> None:
        if (task := self._release(slot, index)) is None:
            return
        if self.workers.closing:
            self._drop(index)
        elif not self._is_cancelled(task.job):
            self._waiting.hold(task.job, needs, self._clock())
            self._report(Held(index, needs))
            self._dispatch()
            slot.retire()

    def _recalled(self, slot: Slot, index: int) -> None:
        slot.recalling = False
        if (task := self._release(slot, index)) is None:
            return
        if self.workers.closing:
            self._drop(index)
        elif not self._is_cancelled(task.job):
            self._report(Queued(index))
            self._put_back(task.job)
        self._dispatch()
        slot.retire()
        self._pending.wake()

    def _done(self, slot: Slot, index: int, outcome: list[Any]) -> None:
        result = Outcome.from_json(outcome)
        if (task := self._release(slot, index)) is None:
            return
        slot.done += 1
        self._learn(result)
        self._finish(slot.number, task.job, result)
        self._renew(slot)
        if self._waiting.held:
            self._dispatch()
        else:
            self._dispatch_to(slot)
        slot.retire()

    def _drop(self, index: int) -> None:
        """The image is not done in this pool any more."""
        self._report(Queued(index))
        self._pending.done()

    def _finish(self, number: int, job: Job, outcome: Outcome) -> None:
        self._cancelled.discard(job.index)
        self._report(Finished(job.index, number, outcome))
        self._pending.done()

    def _dispatch(self) -> None:
        """Give every worker with room an image, those with nothing to do first."""
        for slot in sorted(self.workers.slots.values(), key=lambda slot: not slot.empty):
            self._dispatch_to(slot)

    def _dispatch_to(self, slot: Slot) -> None:
        if not slot.ready or slot.retiring or self._paused or self.workers.closing:
            return
        waited = self._waiting.fresh
        while slot.has_room and (chosen := self._waiting.take(slot.number, self._clock())) is not None:
            self._send(slot, *chosen)
        if slot.empty and not self._waiting.fresh:
            self.workers.steal()
        if self._waiting.fresh < waited:
            self._pending.wake()

    def _send(self, slot: Slot, job: Job, allowance: int) -> None:
        self.budget.reserve(slot.number, job.index, allowance)
        slot.send(Assigned(job, temp_name(slot.token, job.index), status_before(job)), allowance)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.workers.kill_overdue(self._clock())
            if not self.workers.closing:
                self._look(self._clock())
                self.workers.rest(busy=bool(self._pending.count))
                self.workers.fill()
                self._dispatch()

    def _look(self, now: float) -> None:
        """Follow what the machine allows."""
        room = self._headroom
        if room is not None and room.due(now) and room.look(now, self.pids().values()):
            self._resize(room.workers, room.images)
