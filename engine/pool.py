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
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine import monitor
from engine.budget import Budget
from engine.deaths import OUTSIDE_SIGNALS, Deaths
from engine.errors import PoolError
from engine.events import Event, Finished, Held, Queued, Retried, StageChanged, Started, WorkerGone, WorkerReady
from engine.job import Job, Outcome, Stage, Status
from engine.link import WorkerLink, death
from engine.slots import Assigned, Slot, status_before
from engine.starts import Starts
from engine.temps import remove_temps, temp_name
from engine.waiting import WaitingImages

__all__ = ["ParallelProcessPool"]

DEFAULT_TIMEOUT = 60.0
"""Least time limit of an image in seconds."""
TIMEOUT_FACTOR = 10.0
"""Times its predicted CPU seconds an image may take."""
TICK = 0.25
"""Seconds between looks at time limits and at held images."""
BACK_OFF = 1.0
"""Seconds before another try after the system refused a process."""


class ParallelProcessPool:
    """See the module's docstring. Create, ``start``, ``submit`` …, ``drain``, ``close``."""

    def __init__(
        self,
        size: int,
        *,
        budget: Budget,
        report: Callable[[Event], None],
        log: Callable[[str, str], None],
        timeout: float | None = None,
        backlog: int = 64,
        module: str = "engine.worker",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``size`` workers; ``report`` gets every event, ``log`` a level and a line; ``timeout`` in seconds replaces
        the computed limit; ``backlog`` images wait here before ``submit`` waits."""
        self.size = size
        self.budget = budget
        self._report = report
        self._log = log
        self._timeout = timeout
        self._backlog = backlog
        self._module = module
        self._clock = clock
        self._waiting = WaitingImages(budget)
        self._slots: dict[int, Slot] = {}
        self._deaths = Deaths(monitor.oom_kills)
        self._background: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._starts = Starts()
        self._fatal: PoolError | None = None
        self._paused = False
        self._closing = False
        self._unfinished = 0
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to start workers; they get images as soon as they answer."""
        self._ticker = asyncio.create_task(self._tick())
        self._fill()

    async def submit(self, job: Job) -> None:
        """Take one image; waits while ``backlog`` wait. Raises PoolError when no worker can be started."""
        self._check()
        while self._waiting.fresh >= self._backlog and not self._closing:
            await self._change()
            self._check()
        if self._closing:
            return
        self._unfinished += 1
        self._waiting.add(job)
        self._dispatch()

    async def drain(self) -> None:
        """Until every submitted image is through or dropped; raises PoolError when no worker can be started."""
        while self._unfinished:
            self._check()
            await self._change()

    def active(self) -> tuple[str, ...]:
        """Source paths of the images being worked on."""
        return tuple(path for slot in self._slots.values() for path in slot.sources)

    def pids(self) -> dict[int, int]:
        """Worker number → process id, of those that run."""
        return {slot.number: slot.link.pid for slot in self._slots.values() if slot.link is not None and slot.ready}

    def allowances(self) -> dict[int, int]:
        """Worker number → bytes its current image was found to need; 0 before its header is read."""
        current = {number: slot.current for number, slot in self._slots.items()}
        return {number: task.needs for number, task in current.items() if task is not None}

    def pause(self) -> None:
        """Start no further image; those in work are finished."""
        self._paused = True
        for slot in self._slots.values():
            slot.recall()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self._dispatch()

    def resize(self, count: int) -> None:
        """Change the number of workers; surplus ones end after their image."""
        self.size = max(1, count)
        self.budget.resize(self.size)
        for slot in [slot for slot in self._slots.values() if not slot.retiring][self.size :]:
            slot.retiring = True
        for slot in self._slots.values():
            slot.recall()  # also of those that stay: what waits there was allowed the share of fewer workers
            slot.retire()
        self._fill()
        self._dispatch()

    def drop_waiting(self) -> list[Job]:
        """Take back every image that no worker has started."""
        dropped = self._waiting.clear()
        self._unfinished -= len(dropped)
        self._closing = True
        for slot in self._slots.values():
            slot.recall()
        self._wake()
        return dropped

    async def close(self, *, now: bool = False) -> None:
        """End all workers: after their images in work, or at once (their images are put back as queued)."""
        self._closing = True
        for slot in list(self._slots.values()):
            slot.end(now=now)
        while self._slots:
            await self._change()
        if self._ticker is not None:
            self._ticker.cancel()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, *([self._ticker] if self._ticker else []), return_exceptions=True)

    def _fill(self) -> None:
        """Start workers until there are ``size``."""
        if self._closing or self._fatal:
            return
        active = sum(not slot.retiring for slot in self._slots.values())
        for _ in range(self.size - active):
            number = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
            slot = self._slots[number] = Slot(number, secrets.token_hex(6), self._clock())
            task = asyncio.create_task(self._spawn(slot))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _spawn(self, slot: Slot) -> None:
        while not self._closing and self._slots.get(slot.number) is slot:
            try:
                slot.spawned = self._clock()
                slot.link = await WorkerLink.spawn(
                    lambda link, message: self._received(slot, message),
                    lambda link: self._exited(slot),
                    lambda line: self._log("info", f"worker {slot.number + 1}: {line}"),
                    self._module,
                )
                slot.retiring = slot.retiring or bool(self._closing)  # either may have come meanwhile
                slot.retire()
                return
            except OSError as error:
                if sentence := self._starts.refused(error, only=len(self._slots) == 1):
                    self._fatal = PoolError(sentence)
                    break
                self._log("warning", f"the system refused a worker process ({error.strerror}); trying again")
                if len(self._slots) > 1:
                    self._slots.pop(slot.number, None)
                    return
                await asyncio.sleep(BACK_OFF)
        self._slots.pop(slot.number, None)
        self._wake()

    def _exited(self, slot: Slot) -> None:
        link = slot.link
        if link is None:  # it ended before the spawn call returned
            asyncio.get_running_loop().call_soon(self._exited, slot)
            return
        self._slots.pop(slot.number, None)
        self.budget.drop(slot.number)
        asked = self._closing or slot.retiring
        reason = link.killed_for or ("" if link.returncode == 0 and asked else death(link.returncode))
        self._report(WorkerGone(slot.number, link.pid, reason))
        if reason:
            self._log("warning", f"worker {slot.number + 1} (process {link.pid}): {reason}")
        if not slot.ready and not asked and (sentence := self._starts.died(link, reason)):
            self._fatal = PoolError(sentence)
        self._orphans(slot, link, reason)
        self._fill()
        self._dispatch()
        self._wake()

    def _orphans(self, slot: Slot, link: WorkerLink, reason: str) -> None:
        """Decide what becomes of the images a dead worker had."""
        current = slot.current
        for task in reversed(list(slot.tasks.values())):
            job = task.job
            if task.started is not None:
                remove_temps(job.target, task.temp, len(job.recipe.variants))
            if (outcome := task.written_already()) is not None:
                self._finish(slot.number, job, outcome)
            elif self._closing:
                self._drop(job.index)
            elif task is current:
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
        slot.heard = None
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
        else:
            self._ready(slot, message["ready"])

    def _ready(self, slot: Slot, ready: dict[str, Any]) -> None:
        if slot.link is None:  # the greeting overtook the return of the spawn call
            asyncio.get_running_loop().call_soon(self._ready, slot, ready)
            return
        if difference := slot.link.matches(ready):
            self._fatal = PoolError(f"{difference}; reinstall imgopt-tui")
            self._wake()
            return
        slot.ready = True
        self._starts.succeeded()
        self._report(WorkerReady(slot.number, slot.link.pid))
        self._dispatch()

    def _started(self, slot: Slot, index: int) -> None:
        if not slot.start(index, self._clock(), self._timeout or DEFAULT_TIMEOUT):
            return
        self._report(Started(index, slot.number))
        self._dispatch_to(slot)

    def _staged(self, slot: Slot, message: dict[str, Any]) -> None:
        index, stage = message["index"], Stage(message["stage"])
        task = slot.tasks.get(index)
        if task is None:
            return
        if stage is Stage.DECODE:
            if self._timeout is None:
                task.limit = max(DEFAULT_TIMEOUT, TIMEOUT_FACTOR * message["seconds"])
            task.needs = message["needs"]
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
        if self._closing:
            self._drop(index)
        else:
            self._waiting.hold(task.job, needs, self._clock())
            self._report(Held(index, needs))
            self._dispatch()
            slot.retire()

    def _recalled(self, slot: Slot, index: int) -> None:
        slot.recalling = False
        if (task := self._release(slot, index)) is None:
            return
        self._report(Queued(index))
        if self._closing:
            self._unfinished -= 1
        else:
            self._put_back(task.job)
        self._dispatch()
        slot.retire()
        self._wake()

    def _done(self, slot: Slot, index: int, outcome: list[Any]) -> None:
        result = Outcome.from_json(outcome)
        if (task := self._release(slot, index)) is None:
            return
        self._finish(slot.number, task.job, result)
        if self._waiting.held:
            self._dispatch()
        else:
            self._dispatch_to(slot)
        slot.retire()

    def _drop(self, index: int) -> None:
        """The image is not done in this pool any more."""
        self._unfinished -= 1
        self._report(Queued(index))
        self._wake()

    def _finish(self, number: int, job: Job, outcome: Outcome) -> None:
        self._unfinished -= 1
        self._report(Finished(job.index, number, outcome))
        self._wake()

    def _dispatch(self) -> None:
        """Give every worker with room an image, those with nothing to do first."""
        for slot in sorted(self._slots.values(), key=lambda slot: not slot.empty):
            self._dispatch_to(slot)

    def _dispatch_to(self, slot: Slot) -> None:
        if not slot.ready or slot.retiring or self._paused or self._closing:
            return
        waited = self._waiting.fresh
        while slot.has_room and (chosen := self._waiting.take(slot.number, self._clock())) is not None:
            self._send(slot, *chosen)
        if slot.empty and not self._waiting.fresh:
            self._steal()
        if self._waiting.fresh < waited:
            self._wake()

    def _send(self, slot: Slot, job: Job, allowance: int) -> None:
        self.budget.reserve(slot.number, job.index, allowance)
        slot.send(Assigned(job, temp_name(slot.token, job.index), status_before(job)), allowance)

    def _steal(self) -> None:
        """Call back an image that waits behind another, for a worker that has none."""
        loaded = [slot for slot in self._slots.values() if slot.queued and not slot.recalling]
        if running := [(slot.current.started or 0.0, slot.number) for slot in loaded if slot.current]:
            self._slots[min(running)[1]].recall()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self._clock()
            for slot in list(self._slots.values()):
                if slot.link is not None and (reason := slot.overdue(now)):
                    slot.link.kill(reason)
            if not self._closing:
                self._fill()
                self._dispatch()

    def _check(self) -> None:
        if self._fatal is not None:
            raise self._fatal

    def _wake(self) -> None:
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
