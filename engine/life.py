"""Where a run is in its life, and how long it has been at work."""

from __future__ import annotations

from collections.abc import Callable

from engine.view import Phase

__all__ = ["Life"]


class Life:
    """Phase and times of one run; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.phase = Phase.STARTING
        self._clock = clock
        self._began = clock()
        self._paused_at: float | None = None
        self._paused = 0.0
        self._ended: float | None = None

    @property
    def stopping(self) -> bool:
        """Whether it is to end before its end."""
        return self.phase is Phase.STOPPING

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase.over

    @property
    def now(self) -> float:
        """The clock, which stands still once the run is over."""
        return self._clock() if self._ended is None else self._ended

    @property
    def elapsed(self) -> float:
        """Seconds since it began, pauses included."""
        return self.now - self._began

    @property
    def active(self) -> float:
        """The same without pauses."""
        pause = self.now - self._paused_at if self._paused_at is not None else 0.0
        return self.elapsed - self._paused - pause

    def begin(self) -> None:
        """The work starts."""
        self.phase = Phase.RUNNING

    def pause(self) -> bool:
        """Whether it was at work until now."""
        if self.phase is not Phase.RUNNING:
            return False
        self.phase, self._paused_at = Phase.PAUSED, self._clock()
        return True

    def resume(self) -> bool:
        """Whether it was paused until now."""
        if self.phase is not Phase.PAUSED or self._paused_at is None:
            return False
        self._paused += self._clock() - self._paused_at
        self.phase, self._paused_at = Phase.RUNNING, None
        return True

    def stood_still(self, seconds: float) -> None:
        """The process was stopped for so long: a time that says nothing of the run's speed."""
        self._paused += seconds

    def stop(self) -> None:
        """It is to end before its end; too late once it is over."""
        if not self.over:
            self.phase = Phase.STOPPING

    def last_work(self) -> None:
        """The last image is through: the times stand still; the phase is set when everything is written down."""
        self._ended = self._clock()

    def eta(self, through: int, found: int) -> float | None:
        """Seconds left when ``through`` of ``found`` bytes took the time so far; None while it cannot be told."""
        if self.over or not through:
            return None
        return self.active * max(0, found - through) / through
