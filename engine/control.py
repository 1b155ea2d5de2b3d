"""What a run can be told while it works; each command takes effect within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from engine.catalog import is_below
from engine.events import Finished
from engine.feed import Feed
from engine.guard import DiskGuard
from engine.headroom import Headroom
from engine.job import Outcome, Status
from engine.life import Life
from engine.pool import ParallelProcessPool
from engine.pressure import MIB
from engine.priority import IoClass, own_nice
from engine.progress import BatchedProgress, RunState
from engine.view import Hangup, ImageState, Phase
from engine.why import Why
from engine.workers import CANCELLED

__all__ = ["Controls"]


class Controls:
    """The commands of ``RunView``, on the event loop of the run's own process. Those that come too late do nothing."""

    def __init__(
        self,
        life: Life,
        room: Headroom,
        state: RunState,
        progress: BatchedProgress,
        pool: ParallelProcessPool,
        feed: Feed,
        guard: DiskGuard,
        note: Callable[[str, str], None],
    ) -> None:
        """``note`` takes a level and a line for the log."""
        self._life = life
        self._room = room
        self._progress = progress
        self._pool = pool
        self._feed = feed
        self._guard = guard
        self.state = state
        self.note = note
        self.on_hangup = Hangup.FINISH
        """What a terminal that closes does to the run."""
        self.hangup_told: Callable[[Hangup], None] = lambda mode: None
        """Called when that changes."""
        self._nice: int | None = None
        self._io = IoClass.NORMAL

    @property
    def nice(self) -> int:
        """The nice value of the workers."""
        return own_nice() if self._nice is None else self._nice

    async def pause(self) -> None:
        """Finish the images in work, start no further one."""
        if self._stand_still():
            self.note("info", "paused")

    def _stand_still(self) -> bool:
        """Whether it was at work until now."""
        if not self._life.pause():
            return False
        self._pool.pause()
        self._progress.touch()
        return True

    async def resume(self) -> None:
        """Go on after a pause."""
        if self._life.phase is Phase.PAUSED:
            self._guard.resumed()
            self._go_on()
            self.note("info", "continued")

    def _go_on(self) -> None:
        if self._life.resume():
            self._pool.resume()
            self._progress.touch()

    async def set_workers(self, count: int) -> None:
        """Change the number of worker processes, 1 to 256."""
        count = max(1, min(256, count))
        if count != self._pool.size and not self._life.over:
            self._pool.resize(count)
            self._say(f"{self._pool.size} workers from now on")

    async def set_memory(self, limit: int | None) -> None:
        """Bytes for all processes together from now on; None: what the machine allows."""
        if self._life.over:
            return
        self._pool.set_memory(limit)
        room = self._room
        self._say(f"{room.limit // MIB:,} MiB of memory from now on, {room.images // MIB:,} MiB of it for images")
        if room.fewer:
            self.note("warning", room.fewer)

    async def set_nice(self, nice: int) -> None:
        """The nice value of the workers, 0 (as important as others) to 19 (only what others leave)."""
        nice = max(0, min(19, nice))
        if not self._life.over:
            self.rank(nice, self._io)
            self._say(f"workers have the nice value {nice} from now on")

    def rank(self, nice: int | None, io: IoClass) -> None:
        """Nice value (None: as this process) and class for disk access of the workers."""
        self._nice, self._io = nice, io
        self._pool.set_priority(nice, io)

    async def set_on_hangup(self, mode: Hangup) -> None:
        """What is to happen when the terminal closes."""
        self.on_hangup = mode
        self.hangup_told(mode)
        self._say(f"on hang-up from now on: {mode.value}")

    async def hang_up(self) -> None:
        """The terminal of whoever watched has closed."""
        if self.on_hangup is Hangup.PAUSE:
            await self.pause()
        elif self.on_hangup is Hangup.STOP:
            await self.cancel()

    def _say(self, line: str) -> None:
        self.note("info", line)
        self._progress.touch()

    async def cancel(self, *, now: bool = False) -> None:
        """End the run: after the images in work, or at once."""
        if self._life.over:
            return
        self.note("info", "stopping now" if now else "stopping after the images in work")
        self._stop_admitting()
        if now:
            await self._pool.close(now=True)

    def _stop_admitting(self) -> None:
        self._life.stop()
        self._feed.stop()
        self._pool.drop_waiting()
        self._progress.touch()

    async def cancel_images(self, paths: Sequence[str]) -> int:
        """Skip these images, and those below these folders; returns how many are not done because of it."""
        if self._life.over:
            return 0
        found = await asyncio.to_thread(self.state.catalog.at_or_below, paths)
        cancelled = sum(self._cancel_image(index) for index in found)
        if cancelled:
            self._say(f"{cancelled} images were cancelled; their originals stay as they are")
        return cancelled

    def _cancel_image(self, index: int) -> bool:
        if ImageState(self.state.catalog.states[index]).final:
            return False
        if not self._feed.take_back(index):
            return self._pool.cancel(index)
        size = self.state.catalog.original(index)
        self._progress.put(Finished(index, -1, Outcome(Status.SKIPPED, CANCELLED, "", size, size, why=Why.CANCELLED)))
        return True

    async def retry_failed(self) -> int:
        """Put failed images back to wait; returns how many."""
        states = self.state.catalog.states
        return self._again(index for index, state in enumerate(states) if state == ImageState.FAILED)

    async def retry_quarantined(self, paths: Sequence[str] = ()) -> int:
        """Put the images to wait that this run left out because they crashed or hung workers, at or below these full
        paths, unless empty; returns how many."""
        catalog, wanted = self.state.catalog, set(paths)
        return self._again(
            index
            for index in sorted(self._feed.set_aside)
            if catalog.states[index] == ImageState.SKIPPED and (not wanted or is_below(catalog.source(index), wanted))
        )

    def _again(self, indexes: Iterable[int]) -> int:
        if self._life.over or self._life.stopping:
            return 0
        found = list(indexes)
        for index in found:
            self.state.again(index)
        self._feed.set_aside.difference_update(found)
        self._feed.again(found)
        self._progress.touch()
        return len(found)
