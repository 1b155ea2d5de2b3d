"""What becomes of an image whose worker died while it had it: another try, or given up."""

from __future__ import annotations

from engine.link import WorkerLink

__all__ = ["TOOK_LONGER", "Deaths"]

CRASHES = 2
"""An image whose worker crashed this often is given up."""
OUTSIDE_KILLS = 5
"""The same for signals that somebody else sent: they say little about the image."""
OUTSIDE_SIGNALS = (-9, -15, -1, -2)
"""SIGKILL, SIGTERM, SIGHUP, SIGINT as return codes."""
TOOK_LONGER = "took longer than"
"""How the reason of a worker begins that was killed for its image's time limit."""


class Deaths:
    """Counts the deaths each image has cost."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[int, int]] = {}

    def verdict(self, index: int, link: WorkerLink, reason: str) -> str:
        """Count one more death of image ``index``; empty for another try, else the sentence it ends with.

        A time limit that was exceeded once would be exceeded again: no second try.
        """
        crashes, kills = self._counts.get(index, (0, 0))
        outside = not link.killed_for and link.returncode in OUTSIDE_SIGNALS
        crashes, kills = (crashes, kills + 1) if outside else (crashes + 1, kills)
        self._counts[index] = crashes, kills
        if link.killed_for.startswith(TOOK_LONGER):
            return f"{reason}; the original is untouched; a longer limit is set with --timeout"
        if crashes >= CRASHES or kills >= OUTSIDE_KILLS:
            return f"{reason} {crashes + kills} times with it; the original is untouched"
        return ""
