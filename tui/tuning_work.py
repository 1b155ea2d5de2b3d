"""The work behind the Tune tab: measures what is missing, one job at a time, and fetches the pieces that are shown.

One task asks the tuner; keys change what is wanted and wake it. What is no longer wanted is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from engine.errors import ImgoptError
from engine.settings import Settings
from engine.tuning import ImageTuner, Pixels, Rung
from tui.fetch import Latest
from tui.tuning_state import Compare, Job, Measure, Reach, Tuning

__all__ = ["Piece", "TuningWork"]

KEPT = 24
"""Pieces kept for coming back, of at most 192 KB each."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What the crop is to show."""

    path: str
    rung: Rung | None
    """None: the original."""
    difference: bool
    left: int
    top: int
    width: int
    height: int
    zoom: float

    def of(self, rung: Rung | None) -> Piece:
        """The same place of something else."""
        return replace(self, rung=rung)


class TuningWork:
    """Drives a tuner for one ``Tuning``; ``changed`` is called after everything learned."""

    def __init__(
        self,
        tuning: Tuning,
        make: Callable[[], ImageTuner],
        *,
        changed: Callable[[], None],
        start: Callable[[Awaitable[None]], object],
    ) -> None:
        self.tuning = tuning
        self.busy = ""
        """What is being measured, in words; empty when nothing is."""
        self.pieces: dict[Piece, Pixels] = {}
        self._make, self._changed = make, changed
        self._tuner: ImageTuner | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: Latest[Piece, Pixels] = Latest(self.fetch, self._have, start)
        self._then: Piece | None = None

    def open(self, path: str, settings: Settings) -> None:
        """Take another image."""
        self.tuning.begin(path, settings)
        self.wake(at_once=True)

    def wake(self, *, at_once: bool = False) -> None:
        """Something else is wanted; ``at_once``: what is being measured is not wanted any more."""
        before = self._task
        if before and not before.done():
            if not at_once:
                return
            before.cancel()
        if self.tuning.subject:
            self.tuning.problem = ""
        self._task = asyncio.create_task(self._work(before))

    def rest(self) -> None:
        """Measure nothing further until woken; what was learned stays."""
        if self._task:
            self._task.cancel()

    async def close(self) -> None:
        """End task and worker."""
        self.rest()
        if self._task:
            await asyncio.wait([self._task])
        if self._tuner:
            await self._tuner.close()
            self._tuner = None

    @property
    def _at_work(self) -> ImageTuner:
        if self._tuner is None:
            self._tuner = self._make()
        return self._tuner

    async def _work(self, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait([before])
        tuning = self.tuning
        try:
            if tuning.subject is None and not tuning.problem:
                self._say("opening")
                tuning.opened(await self._at_work.open(tuning.path, tuning.settings))
            while (job := tuning.next_job()) is not None:
                self._say(_words(job))
                await self._do(job)
        except (ImgoptError, OSError) as error:
            tuning.problem = str(error) or type(error).__name__
        finally:
            self._say("")

    def _say(self, busy: str) -> None:
        self.busy = busy
        self._changed()

    async def _do(self, job: Job) -> None:
        found: Rung | None = None
        match job:
            case Measure():
                async for rung in self._at_work.ladder(job.format, [job.quality]):
                    found = rung
            case Reach():
                found = await self._at_work.reach(self.tuning.aim, job.format, self._probed)
            case Compare():
                async for rung in self._at_work.compare(self.tuning.aim, [job.format]):
                    found = rung
        self.tuning.finish(job, found)

    def _probed(self, rung: Rung) -> None:
        self.tuning.learn(rung)
        self._changed()

    def want(self, piece: Piece, then: Piece | None = None) -> Pixels | None:
        """The pixels of a piece, or None and they are fetched; ``then`` is fetched after it, for the next key."""
        missing = [one for one in (piece, then) if one is not None and one not in self.pieces]
        if missing and self.tuning.subject:
            self._then = missing[1] if len(missing) > 1 else None
            self._asked.want(missing[0])
        return self.pieces.get(piece)

    async def fetch(self, piece: Piece) -> Pixels:
        """The pixels of a piece, from those kept or from the worker; raises TuningError."""
        if piece in self.pieces:
            return self.pieces[piece]
        place = (piece.left, piece.top, piece.width, piece.height, piece.zoom)
        if piece.difference and piece.rung:
            return await self._at_work.difference(piece.rung, *place)
        return await self._at_work.crop(piece.rung, *place)

    def _have(self, piece: Piece, pixels: Pixels) -> None:
        while len(self.pieces) >= KEPT:
            del self.pieces[next(iter(self.pieces))]
        self.pieces[piece] = pixels
        if self._then and self._then not in self.pieces:
            self._asked.want(self._then)
        self._changed()


def _words(job: Job) -> str:
    if isinstance(job, Measure):
        return f"{job.format} Q{job.quality}"
    return f"{job.format} for score {job.target}"
