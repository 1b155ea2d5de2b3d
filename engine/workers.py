"""Keeps the wanted number of worker processes running: starts them, replaces those that end, lets surplus ones go.

    fill ─▶ starting ─▶ ready ─▶ (worn ─▶ its successor is ready ─▶) retiring ─▶ gone ─▶ fill
                └─ refused by the system: fewer for a while, then another try

What the workers are given to do is the pool's business.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from engine.errors import PoolError
from engine.events import Event, WorkerGone, WorkerReady
from engine.link import WorkerLink, death
from engine.priority import IoClass, own_nice, set_io, set_nice
from engine.slots import Assigned, Slot
from engine.starts import Starts

__all__ = ["CANCELLED", "REST_SECONDS", "SAFE_LIBVIPS", "Workers"]

CANCELLED = "cancelled"
"""Why a worker was ended whose image is not wanted any more, and what is said of the image."""

REST_SECONDS = 30.0
"""Without work, after which only a few workers stay."""
RESTING = 1
SAFE_LIBVIPS = (8, 18, 3)
"""The first libvips without the flaws known in its loaders (its own security advisories)."""


class Workers:
    """See the module's docstring."""

    def __init__(
        self,
        size: int,
        module: str,
        *,
        clock: Callable[[], float],
        report: Callable[[Event], None],
        log: Callable[[str, str], None],
        received: Callable[[Slot, dict[str, Any]], None],
        gone: Callable[[Slot, WorkerLink, str], None],
        failed: Callable[[PoolError], None],
    ) -> None:
        """``received`` gets what a worker says, ``gone`` one that has ended and why (empty: it was asked to),
        ``failed`` the error when no worker can be started."""
        self.size = size
        self.slots: dict[int, Slot] = {}
        """Worker number → worker, those included that start or end."""
        self.closing = False
        self._module = module
        self._clock = clock
        self._report = report
        self._log = log
        self._received = received
        self._gone = gone
        self._failed = failed
        self._fatal = False
        self._old_libvips = False
        self._starts = Starts()
        self._busy_at = clock()
        self._rests = False
        self._nice: int | None = None
        self._io = IoClass.NORMAL
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = asyncio.Event()

    @property
    def extra(self) -> int:
        """Processes beyond the wanted number: those about to end, and successors started ahead."""
        return max(0, len(self.slots) - self.size)

    def pids(self) -> dict[int, int]:
        """Worker number → process id, of those that answered."""
        return {slot.number: slot.link.pid for slot in self.slots.values() if slot.link is not None and slot.ready}

    @property
    def reserved(self) -> int:
        """Bytes that their current images were found to need; 0 for those whose header is not read yet."""
        return sum(slot.current.needs for slot in self.slots.values() if slot.current is not None)

    def fill(self) -> None:
        """Start workers until there are ``size``; one that is to be replaced does not count."""
        if self.closing or self._fatal:
            return
        active = sum(not slot.retiring and not slot.worn for slot in self.slots.values())
        missing = (RESTING if self._rests else self.size) - active
        for _ in range(self._starts.allowed(missing, self._clock(), running=len(self.slots))):
            number = next(n for n in range(len(self.slots) + 1) if n not in self.slots)
            slot = self.slots[number] = Slot(number, secrets.token_hex(6), self._clock())
            task = asyncio.create_task(self._spawn(slot))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def rest(self, *, busy: bool) -> None:
        """To be told again and again whether there is work: without any for a while only ``RESTING`` of them stay."""
        now = self._clock()
        if busy:
            self._busy_at, self._rests = now, False
        elif not self._rests and now - self._busy_at >= REST_SECONDS:
            self._rests = True
            for slot in [slot for slot in self.slots.values() if not slot.retiring][RESTING:]:
                self.retire(slot)

    async def _spawn(self, slot: Slot) -> None:
        if self.closing:
            self._drop(slot)
            return
        try:
            slot.spawned = self._clock()
            slot.link = await WorkerLink.spawn(
                lambda link, message: self._said(slot, message),
                lambda link: self._exited(slot),
                lambda line: self._log("info", f"worker {slot.number + 1}: {line}"),
                self._module,
            )
        except OSError as error:
            self._drop(slot)
            self._refused(error)
            return
        slot.retiring = slot.retiring or bool(self.closing)  # either may have come meanwhile
        slot.retire()

    def _drop(self, slot: Slot) -> None:
        self.slots.pop(slot.number, None)
        self._left.set()

    def _refused(self, error: OSError) -> None:
        running = len(self.slots)
        if sentence := self._starts.refused(error, self._clock(), only=running == 0):
            self._fail(sentence)
        elif self._starts.news:
            more = "going on with those there are" if running else "trying again"
            self._log("warning", f"the system refused a worker process ({error.strerror}); {more}")

    def _fail(self, sentence: str) -> None:
        self._fatal = True
        self._failed(PoolError(sentence))

    def _said(self, slot: Slot, message: dict[str, Any]) -> None:
        slot.heard = None
        if "ready" in message:
            self._ready(slot, message["ready"])
        else:
            self._received(slot, message)

    def _ready(self, slot: Slot, ready: dict[str, Any]) -> None:
        if slot.link is None:  # the greeting overtook the return of the spawn call
            asyncio.get_running_loop().call_soon(self._ready, slot, ready)
            return
        if difference := slot.link.matches(ready):
            self._fail(f"{difference}; reinstall imgopt-tui")
            return
        slot.ready = True
        self._check_libvips(str(ready["libvips"]))
        self._starts.succeeded(slot.spawned)
        if self._nice is not None or self._io is not IoClass.NORMAL:
            self._rank(slot, own_nice() if self._nice is None else self._nice, self._io)
        self._report(WorkerReady(slot.number, slot.link.pid))
        if worn := next((one for one in self.slots.values() if one.worn and not one.retiring), None):
            self.retire(worn)
        self._received(slot, {"ready": ready})

    def _check_libvips(self, version: str) -> None:
        """Say once that libvips is older than the flaws known in its loaders."""
        if not self._old_libvips and tuple(map(int, version.split("."))) < SAFE_LIBVIPS:
            self._old_libvips = True
            safe = ".".join(map(str, SAFE_LIBVIPS))
            self._log(
                "warning",
                f"libvips {version} has known flaws that damaged files can use, {safe} has not: "
                "pip install --upgrade 'pyvips[binary]'",
            )

    def _exited(self, slot: Slot) -> None:
        link = slot.link
        if link is None:  # it ended before the spawn call returned
            asyncio.get_running_loop().call_soon(self._exited, slot)
            return
        self._drop(slot)
        asked = self.closing or slot.retiring
        reason = link.killed_for or ("" if link.returncode == 0 and asked else death(link.returncode))
        self._report(WorkerGone(slot.number, link.pid, reason))
        if reason:
            self._log(
                "info" if reason == CANCELLED else "warning", f"worker {slot.number + 1} (process {link.pid}): {reason}"
            )
        if not slot.ready and not asked:
            only = not any(other.ready for other in self.slots.values())
            if sentence := self._starts.died(link, reason, self._clock(), only=only):
                self._fail(sentence)
        self._gone(slot, link, reason)
        self.fill()

    def set_priority(self, nice: int | None, io: IoClass) -> None:
        """Nice value (None: that of this process) and class for disk access of all workers, also of later ones.

        A process may not go back to a lower nice value by itself: a fresh one takes its place, which begins with that
        of this process.
        """
        self._nice, self._io = nice, io
        for slot in [slot for slot in self.slots.values() if slot.ready]:
            if not self._rank(slot, own_nice() if nice is None else nice, io):
                self.replace(slot, ahead=False)

    def _rank(self, slot: Slot, nice: int, io: IoClass) -> bool:
        """Have the system rank a worker so; False when only a fresh process can be."""
        assert slot.link is not None
        try:
            set_io(slot.link.pid, io)
            set_nice(slot.link.pid, nice)
        except PermissionError:
            if nice >= own_nice():
                return False
            self._log("warning", f"only root may set a nice value below {own_nice()}: the workers keep theirs")
        except OSError as error:
            self._log("warning", f"the system refused another priority of the workers ({error.strerror})")
        return True

    def take_from(self, slot: Slot, task: Assigned) -> None:
        """Have a worker give up an image that is not wanted any more: called back, or by its end if it is at work."""
        if slot.link is None:
            return
        if task.started is None:
            slot.link.send(recall=task.job.index)
        else:
            slot.link.kill(CANCELLED)

    def steal(self) -> None:
        """Call back an image that waits behind another, for a worker that has none."""
        loaded = [slot for slot in self.slots.values() if slot.queued and not slot.recalling]
        if running := [(slot.current.started or 0.0, slot.number) for slot in loaded if slot.current]:
            self.slots[min(running)[1]].recall()

    def retire(self, slot: Slot) -> None:
        """Let one end after its image in work."""
        slot.retiring = True
        slot.recall()
        slot.retire()

    def replace(self, slot: Slot, *, ahead: bool) -> None:
        """Put a fresh process in the place of one: ``ahead`` starts it before the old one ends."""
        slot.worn = True
        if not ahead:
            self.retire(slot)
        self.fill()

    def resize(self, count: int) -> None:
        """Another number of workers; surplus ones end after their image."""
        self.size = count
        for slot in [slot for slot in self.slots.values() if not slot.retiring and not slot.worn][count:]:
            slot.retiring = True
        for slot in self.slots.values():
            slot.recall()  # also of those that stay: what waits there was allowed the share of fewer workers
            slot.retire()
        self.fill()

    def kill_overdue(self, now: float) -> None:
        """End those that took too long."""
        for slot in list(self.slots.values()):
            if slot.link is not None and (reason := slot.overdue(now)):
                slot.link.kill(reason)

    def end(self, *, now: bool) -> None:
        """Ask all of them to end after their images in work, or end them at once."""
        self.closing = True
        for slot in list(self.slots.values()):
            slot.end(now=now)

    async def close(self) -> None:
        """Until the last has ended."""
        while self.slots:
            self._left.clear()
            await self._left.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
