"""Takes the terminal's answers out of what it sends, so that they never arrive as keys.

An answer may come in pieces, seconds apart on a bad link. While one is expected, bytes that may be its beginning are
kept back; without one expected nothing is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Answers"]

_POSITION = rb"\x1b\[\??\d+;(\d+)R"
_COLOUR = rb"\x1b\]11;[^\x07\x1b]*(?:\x07|\x1b\\)"
_BEGUN = re.compile(rb"\x1b(?:\[(?:\??(?:\d+(?:;\d*\$?)?)?)?|\](?:1(?:1(?:;[^\x07\x1b]*\x1b?)?)?)?)?\Z")
"""Beginnings of those, and of what a terminal says about its modes, which is left to Textual in one piece."""
_BARE = (b"\x1b", b"\x1b[", b"\x1b]")
"""What may be a key that was pressed as well; kept back for a short time only."""
KEEP_BARE = 0.3
"""Seconds."""
_WHOLE = re.compile(rb"%s|(%s)" % (_POSITION, _COLOUR))
_TAIL = re.compile(rb"\[?\d+;(\d+)R")
"""The rest of an answer whose beginning was let through as a key."""


class Answers:
    """A filter between terminal and keys."""

    def __init__(self, position: Callable[[int], None], colour: Callable[[bytes], None]) -> None:
        """``position`` is called with the column of each answer to where the cursor is, ``colour`` with the background
        (``rgb:ffff/ffff/ffff``)."""
        self.expected: Callable[[], bool] = lambda: False
        """Whether an answer may come; set by the owner."""
        self._position, self._colour = position, colour
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
        data = self._without(data)
        begun = _BEGUN.search(data)
        if begun is None:
            return data
        kept = begun.group()
        if kept in _BARE and now - since >= KEEP_BARE:
            self._let_through = kept
            return data
        self._kept, self._kept_at = kept, since
        return data[: begun.start()]

    def _without(self, data: bytes) -> bytes:
        if self._let_through:
            tail = _TAIL.match(data)
            self._let_through = b""
            if tail:
                self._position(int(tail.group(1)))
                data = data[tail.end() :]
        return _WHOLE.sub(self._take, data)

    def _take(self, match: re.Match[bytes]) -> bytes:
        if match.group(1):
            self._position(int(match.group(1)))
        else:
            self._colour(match.group(2)[5:].rstrip(b"\x07\x1b\\"))
        return b""
