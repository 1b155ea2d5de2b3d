"""How long an image stayed in each stage."""

from __future__ import annotations

from engine.job import Stage

__all__ = ["StageTimes"]

_PLACE = {stage: place for place, stage in enumerate(Stage)}


class StageTimes:
    """Of one image; times are seconds of a monotonic clock. A stage that is entered again goes on."""

    def __init__(self, started: float) -> None:
        self._seconds = [0.0] * len(_PLACE)
        self._at = _PLACE[Stage.PROBE]
        self._since = started

    def enter(self, stage: Stage, now: float) -> None:
        """The image goes on to ``stage``."""
        self._seconds[self._at] += max(0.0, now - self._since)
        self._at, self._since = _PLACE[stage], now

    def until(self, now: float) -> tuple[float, ...]:
        """Seconds of each stage in order, the present one so far."""
        self.enter(list(_PLACE)[self._at], now)
        return tuple(self._seconds)
