"""Keeps a run from working on against its disks: it stands still while one is full, and ends when one has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.disk import BROKEN, FULL, DiskRoom, mount_of
from engine.events import Finished
from engine.job import Status

__all__ = ["DiskGuard"]

LOOK_SECONDS = 1.0
"""Between two looks at the disks."""
TRIES = 10
"""How often an image may find no room although there was room by every look before."""
ERRORS = 10
"""Images in a row that a file system's own trouble failed, before the run ends."""


class DiskGuard:
    """One run's guard; what it decides it does through the callables it was given."""

    def __init__(
        self,
        room: DiskRoom,
        *,
        pauses: bool,
        pause: Callable[[], bool],
        resume: Callable[[], None],
        stop: Callable[[], None],
        note: Callable[[str, str], None],
    ) -> None:
        """``pauses``: whether a full disk pauses the run or ends it. ``pause`` returns whether the run was at work."""
        self._room = room
        self._pauses = pauses
        self._pause, self._resume, self._stop, self._note = pause, resume, stop, note
        self._paused = False
        """Whether it was this guard that paused the run."""
        self._errors: set[int] = set()
        """The images of the row that ``ERRORS`` bounds."""
        self._met = asyncio.Event()
        self._tries: dict[int, int] = {}
        """Image → how often it found no room."""
        self.waits_for = ""
        """The room that the run waits for, as a sentence; empty while it waits for none."""
        self.limit = ""
        """Why the guard has ended the run, as a sentence."""

    @property
    def disks(self) -> tuple[tuple[str, int, int], ...]:
        """Mount point, bytes free and bytes that stay free of each file system written to, as last looked at."""
        return self._room.disks

    def takes_back(self, event: Finished, size: int) -> bool:
        """Whether an image of ``size`` bytes is not through after all: there was no room for its result, and it waits
        again."""
        outcome = event.outcome
        if outcome.errno in FULL and outcome.at and self._may_try_again(event.index):
            self._room.met(outcome.at, size)
            self._short(f"no room in {mount_of(outcome.at)}")
            self._met.set()
            return True
        if outcome.status is Status.FAILED and outcome.errno in BROKEN:
            self._errors.add(event.index)
            if len(self._errors) >= ERRORS:
                why = f"{ERRORS} images in a row failed, the last with: {outcome.reason}"
                self._end(f"{why}; the file system seems to be out of order")
        elif outcome.status.written:
            self._errors.clear()
        return False

    def _may_try_again(self, index: int) -> bool:
        tries = self._tries[index] = self._tries.get(index, 0) + 1
        return tries <= TRIES

    def look(self) -> None:
        """Look at the disks now; blocks."""
        self._decide(*self._looked())

    async def watch(self) -> None:
        """Look every second, and at once after a write has found no room."""
        while not self.limit:
            try:
                await asyncio.wait_for(self._met.wait(), LOOK_SECONDS)
            except TimeoutError:
                pass
            else:
                self._met.clear()
            self._decide(*await asyncio.to_thread(self._looked))

    def _looked(self) -> tuple[str, str]:
        return str(self._room.shortage() or ""), self._room.trouble()

    def _decide(self, shortage: str, trouble: str) -> None:
        if trouble:
            self._end(trouble)
        elif shortage:
            self._short(shortage)
        elif self.waits_for:
            self.waits_for = ""
            self._note("info", "there is room again")
            if self._paused:
                self._paused = False
                self._resume()

    def _short(self, shortage: str) -> None:
        if not self._pauses:
            self._end(f"{shortage}; make room and run it again, or let it wait with --on-full pause")
        elif not self.waits_for:
            self.waits_for = f"{shortage}; goes on when there is"
            self._note("warning", self.waits_for)
            self._paused = self._pause()
        elif self.waits_for.count(":") <= shortage.count(":"):  # now it is known how much is missing
            self.waits_for = f"{shortage}; goes on when there is"

    def _end(self, why: str) -> None:
        if not self.limit:
            self.limit = f"stopped: {why}; what is not done stays as it is"
            self._note("error", self.limit)
            self._stop()

    def failed(self, path: str, reason: str) -> None:
        """An image failed of a run that is to end then."""
        self._end(f"{path} failed ({reason}), and --fail-fast ends the run at the first that does")

    def resumed(self) -> None:
        """The user lets the run go on whatever the disks say: the next look, or the next write, decides."""
        self._room.forget()
        self.waits_for, self._paused = "", False
