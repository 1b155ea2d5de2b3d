"""What images may take together while memory is short: arithmetic over readings, no clock, no files.

Two signs, before the kernel must end a process:

- what is available falls, because somebody else takes it: images may take what they hold and what is left, less a
  reserve;
- processes wait for memory (pressure stall information): half as much with every look, back in steps when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pressure", "Reading"]

MIB = 1024**2
RESERVE_SHARE, RESERVE_MOST = 0.05, 512 * MIB
"""Left untouched of the memory limit: a share, up to so many bytes."""
STALLED, CALM = 0.10, 0.02
"""Share of the time in which some process waited for memory, from which on it is short, and below which it is not."""
LEAST_PART = 1 / 32
"""The smallest part of the budget; with that, images are done one at a time."""
RECOVERY = 1.5
"""What is allowed grows by this factor with each calm look."""
SHORT_BELOW = 0.9
"""Memory is called short when less than this part of the budget is allowed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory at one moment."""

    at: float
    """Seconds, by a clock that only goes on."""
    limit: int
    """Bytes of the cgroup or host."""
    available: int
    """Bytes that can be taken."""
    held: int
    """Bytes that the workers take beyond idle ones."""
    stalls: int | None
    """Microseconds so far in which some process waited for memory; None where nobody counts them."""


class Pressure:
    """Follows the readings of a run."""

    def __init__(self) -> None:
        self.why = ""
        """What makes memory short, in words; empty when it is not."""
        self._part = 1.0
        self._last: Reading | None = None

    def ceiling(self, reading: Reading, total: int) -> int | None:
        """Bytes that images may take of the budget ``total`` from now on; None: all of it."""
        stalled = self._stalled(reading)
        self._last = reading
        if stalled >= STALLED:
            self._part = max(LEAST_PART, self._part / 2)
        elif stalled < CALM:
            self._part = min(1.0, self._part * RECOVERY)
        reserve = min(RESERVE_MOST, int(reading.limit * RESERVE_SHARE))
        room = reading.held + reading.available - reserve
        allowed = int(min(total * self._part, max(0, room)))
        if allowed >= total:
            self.why = ""
            return None
        if allowed < total * SHORT_BELOW or self.why:
            self.why = f"{max(0, reading.available) // MIB} MiB available"
            if self._part < 1.0:
                self.why += f", processes waited for memory {stalled:.0%} of the time"
        return allowed

    def _stalled(self, reading: Reading) -> float:
        """Share of the time since the last reading in which some process waited for memory, 0 to 1."""
        last = self._last
        if last is None or last.stalls is None or reading.stalls is None or reading.at <= last.at:
            return 0.0
        return min(1.0, max(0.0, (reading.stalls - last.stalls) / 1e6 / (reading.at - last.at)))
