"""Takes the terminal's answers out of what it sends, so that they never arrive as keys.

An answer may come in pieces, seconds apart on a bad link. While one is expected, bytes that may be its beginning are
kept back; without one expected nothing is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Answers"]

_POSITION = re.compile(rb"\x1b\[\??\d+;(\d+)R")
_BEGUN = re.compile(rb"\x1b(?:\[(?:\??(?:\d+(?:;\d*\$?)?)?)?)?\Z")
"""Beginnings of that, and of what a terminal says about its modes, which is left to Textual in one piece."""
_BARE = (b"\x1b", b"\x1b[")
"""What may be a key that was pressed as well; kept back for a short time only."""
KEEP_BARE = 0.3
"""Seconds."""
_TAIL = re.compile(rb"\[?\d+;(\d+)R")
"""The rest of an answer whose beginning was let through as a key."""


class Answers:
    """A filter between terminal and keys."""

    def __init__(self, position: Callable[[int], None]) -> None:
        """``position`` is called with the column of each answer to where the cursor is."""
        self.expected: Callable[[], bool] = lambda: False
        """Whether an answer may come; set by the owner."""
        self._position = position
        self._kept = b""
        self._kept_at = 0.0
        self._let_through = b""

    @property
    def keeps(self) -> bool:
        """Whether bytes are kept back."""
        return bool(self._kept)

    def feed(self, data: bytes, now: float) -> bytes:
        """What is left for keys; call with nothing to let time pass."""
        since = now if data else self._kept_at
        data, self._kept = self._kept + data, b""
        if not self.expected():
            return data
        if self._let_through:
            tail = _TAIL.match(data)
            self._let_through = b""
            if tail:
                self._position(int(tail.group(1)))
                data = data[tail.end() :]
        data = _POSITION.sub(self._take, data)
        begun = _BEGUN.search(data)
        if begun is None:
            return data
        kept = begun.group()
        if kept in _BARE and now - since >= KEEP_BARE:
            self._let_through = kept
            return data
        self._kept, self._kept_at = kept, since
        return data[: begun.start()]

    def _take(self, match: re.Match[bytes]) -> bytes:
        self._position(int(match.group(1)))
        return b""
