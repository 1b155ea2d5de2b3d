"""What becomes of an image whose worker died while it had it: another try, or given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.link import WorkerLink
from engine.why import Why

__all__ = ["TOOK_LONGER", "Deaths"]

CRASHES = 2
"""An image whose worker crashed this often is given up."""
MEMORY_KILLS = 2
"""The same for workers that the kernel ended for lack of memory: the second time the image was alone."""
OUTSIDE_KILLS = 20
"""The same for signals that somebody else sent: they say nothing about the image, but a run must end."""
OUTSIDE_SIGNALS = (-9, -15, -1, -2)
"""SIGKILL, SIGTERM, SIGHUP, SIGINT as return codes."""
TOOK_LONGER = "took longer than"
"""How the reason of a worker begins that was killed for its image's time limit."""


@dataclass(slots=True)
class _Count:
    crashes: int = 0
    memory: int = 0
    outside: int = 0


class Deaths:
    """Counts the deaths each image has cost."""

    def __init__(self, oom_kills: Callable[[], int]) -> None:
        """``oom_kills`` tells how many processes the kernel has ended so far for lack of memory."""
        self._oom_kills = oom_kills
        self._seen = oom_kills()
        self._counts: dict[int, _Count] = {}
        self.why = Why.NONE
        """Whether the last death was the image's own doing."""

    def alone(self, index: int) -> bool:
        """Whether the next try of image ``index`` is to have all the memory."""
        return index in self._counts and self._counts[index].memory > 0

    def verdict(self, index: int, link: WorkerLink, reason: str) -> str:
        """Count one more death of image ``index``; empty for another try, else the sentence it ends with.

        A time limit that was exceeded once would be exceeded again: no second try.
        """
        count = self._counts.setdefault(index, _Count())
        before, self._seen = self._seen, self._oom_kills()
        self.why = Why.NONE
        if link.killed_for or link.returncode not in OUTSIDE_SIGNALS:
            count.crashes += 1
            self.why = Why.CRASHED
        elif link.returncode == -9 and self._seen > before:
            count.memory += 1
        else:
            count.outside += 1
        if link.killed_for.startswith(TOOK_LONGER):
            return f"{reason}; the original is untouched; a longer limit is set with --timeout"
        if count.memory >= MEMORY_KILLS:
            return (
                f"{reason}: the kernel had no memory left for it, also with no other image in work; the original is "
                "untouched; raise the memory limit or leave it out with --max-pixels"
            )
        if count.crashes >= CRASHES or count.outside >= OUTSIDE_KILLS:
            times = count.crashes + count.memory + count.outside
            return f"{reason} {times} times with it; the original is untouched"
        return ""
