"""What a run has to say, line by line, the newest kept."""

from __future__ import annotations

import time
from collections import deque

from engine.view import LogLine

__all__ = ["LOG_LINES", "RunLog"]

LOG_LINES = 10_000
"""Newest lines kept in memory."""


class RunLog:
    """Lines may be added from any thread."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.count = 0
        """Lines so far, those no longer kept included."""
        self.message = ""
        """The newest line that is more than information."""

    def note(self, level: str, text: str) -> None:
        """Add a line; levels are those of ``LogLine``."""
        self._lines.append(LogLine(self.count, time.time(), level, text))
        self.count += 1
        if level != "info":
            self.message = text

    def since(self, first: int) -> tuple[LogLine, ...]:
        """Lines from number ``first`` on, of those still kept."""
        return self.lines(first, self.count - first) if first < self.count else ()

    def lines(self, first: int, count: int) -> tuple[LogLine, ...]:
        """Lines from number ``first``, of those still kept."""
        return tuple(line for line in list(self._lines) if first <= line.number < first + count)
