"""Which image a worker gets next: those held for memory first, as soon as they fit, else the oldest that waits.

Values only: the clock's reading comes from the caller.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.budget import Budget
from engine.job import Job

__all__ = ["WaitingImages"]

PATIENCE = 10.0
"""Seconds a held image waits before larger ones stop overtaking it."""
OVERTAKE_BYTES = 16 * 1024**2
"""What an image may need at most to overtake one that has waited so long."""
LEAST_OVERTAKE_BYTES = 8 * 1024**2
"""With less than this to spare nothing overtakes."""
MAX_HELD = 256
"""With this many held, no fresh image is probed until some are through: bounds what is read twice."""


@dataclass(slots=True)
class _Held:
    job: Job
    needs: int
    since: float


class WaitingImages:
    """Images that no worker has, in two lines: fresh ones, and those held for memory."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._fresh: deque[Job] = deque()
        self._held: deque[_Held] = deque()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._held)

    @property
    def fresh(self) -> int:
        """How many are not held."""
        return len(self._fresh)

    @property
    def held(self) -> int:
        """How many wait for memory."""
        return len(self._held)

    def add(self, job: Job) -> None:
        """At the end of the line."""
        self._fresh.append(job)

    def put_back(self, job: Job) -> None:
        """At its head: it was given out before."""
        self._fresh.appendleft(job)

    def hold(self, job: Job, needs: int, now: float) -> None:
        """It needs more memory than it was allowed."""
        self._held.append(_Held(job, needs, now))

    def remove(self, index: int) -> Job | None:
        """Take one out; None when it is not here."""
        for job in self._fresh:
            if job.index == index:
                self._fresh.remove(job)
                return job
        held = next((held for held in self._held if held.job.index == index), None)
        if held is not None:
            self._held.remove(held)
        return held.job if held is not None else None

    def clear(self) -> list[Job]:
        """Take all of them out."""
        dropped = [*self._fresh, *(held.job for held in self._held)]
        self._fresh.clear()
        self._held.clear()
        return dropped

    def take(self, slot: int, now: float) -> tuple[Job, int] | None:
        """The next image for worker ``slot`` and its allowance in bytes; None when none may go there now."""
        starving: _Held | None = None
        for held in self._held:
            if self._budget.fits(slot, held.needs):
                self._held.remove(held)
                return held.job, held.needs
            if now - held.since > PATIENCE:
                starving = held
                break
        if not self._fresh or len(self._held) >= MAX_HELD:
            return None
        allowance = self._budget.allowance(slot)
        if starving is not None:
            # What the other workers may have at once must leave room for it, or it would never fit.
            spare = (self._budget.limit - starving.needs) // max(1, self._budget.workers - 1)
            if spare < LEAST_OVERTAKE_BYTES:
                return None
            allowance = min(allowance, OVERTAKE_BYTES, spare)
        return (self._fresh.popleft(), allowance) if allowance > 0 else None
