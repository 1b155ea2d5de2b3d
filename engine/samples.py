"""How a run went over time: a bounded number of looks at the machine, evenly apart however long the run takes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sample", "Sampler"]

INTERVAL = 2.0
"""Seconds between two samples at first."""
MOST = 600
"""Samples kept of a run; when there are more, every other one goes, and later ones are twice as far apart."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Its fields are the columns of the journal's table ``samples``."""

    tick: int
    """Number of the interval, from 0."""
    at: float
    """Seconds since the run began."""
    cpu: float
    """Percent of the usable CPUs that were busy, of all programs."""
    memory: int
    """Bytes of all processes of the run."""
    used: int
    """Bytes in use on the machine or in the cgroup."""
    limit: int
    """Bytes there are."""
    workers: int
    through: int
    """Images that were through."""


class Sampler:
    """Says when a sample is due, and which ones stay."""

    def __init__(self, interval: float = INTERVAL, most: int = MOST) -> None:
        self._interval = interval
        self._most = most
        self._kept: list[int] = []
        self.stride = 1
        """Only ticks that it divides are kept."""

    def due(self, at: float) -> int | None:
        """The number of the sample to take ``at`` seconds after the beginning; None: not now."""
        number = int(at / self._interval)
        if not self._is_new(number):
            return None
        while len(self._kept) >= self._most:
            self.stride *= 2
            self._kept = [each for each in self._kept if each % self.stride == 0]
        if not self._is_new(number):
            return None
        self._kept.append(number - number % self.stride)
        return self._kept[-1]

    def _is_new(self, number: int) -> bool:
        return not self._kept or number - number % self.stride > self._kept[-1]
