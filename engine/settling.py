"""When a file that is being written is complete: after a while without news in which it did not change.

    news ─▶ quiet for the settle time? ─▶ older than that, or the same in two looks so far apart? ─▶ settled
              └─ never closed since it was made, or empty: quiet for ``OPEN_SECONDS``

Pure: times and what lies at a path come from the caller.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OPEN_SECONDS", "Settling"]

OPEN_SECONDS = 60.0
"""How long a file that its writer has not closed, or that holds nothing yet, may go without news before it is taken for
complete all the same."""
MIN_SETTLE = 0.1


@dataclass(slots=True)
class _File:
    news: float
    open: bool
    due: float
    looked: tuple[int, int] | None = None
    """Bytes and mtime at the last look."""


class Settling:
    """Files that are not known to be complete, by path."""

    def __init__(self, settle: float, wall: Callable[[], float]) -> None:
        """``settle``: seconds; ``wall``: seconds since the epoch, to which the times of files are compared."""
        self._settle = max(MIN_SETTLE, settle)
        self._wall = wall
        self._files: dict[str, _File] = {}

    def __len__(self) -> int:
        return len(self._files)

    def news(self, path: str, now: float, *, open: bool = False) -> None:
        """Something was heard of a file; ``open``: it was made, and its writer did not close it yet."""
        self._files[path] = _File(now, open, now + self._settle)

    def found(self, path: str, now: float, status: os.stat_result) -> bool:
        """Whether a file that a scan came across is complete; it is looked at again when not."""
        if self.settled(path, now, status):
            return True
        if path not in self._files:
            self._files[path] = _File(now, False, now + self._settle, _look(status))
        return False

    def due(self, now: float) -> list[str]:
        """Paths that are to be looked at now, with ``settled`` or ``forget``."""
        return [path for path, file in self._files.items() if file.due <= now]

    def next_due(self) -> float | None:
        """When the next one is; None without files."""
        return min((file.due for file in self._files.values()), default=None)

    def forget(self, path: str) -> None:
        """The file is gone, or of no interest."""
        self._files.pop(path, None)

    def settled(self, path: str, now: float, status: os.stat_result) -> bool:
        """Whether the file is complete, which ends the wait for it."""
        file = self._files.get(path)
        if file is not None and now < (ready := self._ready(file, status)):
            file.due = min(ready, now + self._settle)
            return False
        old = self._wall() - max(status.st_mtime, status.st_ctime) >= self._settle
        unchanged = file is not None and file.looked == _look(status)
        if (old and status.st_size) or unchanged:
            self.forget(path)
            return True
        if file is not None:
            file.looked, file.due = _look(status), now + self._settle
        return False

    def _ready(self, file: _File, status: os.stat_result) -> float:
        """When it may be complete at the earliest. A link was not opened to be written when it was made."""
        open = file.open and stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        return file.news + (OPEN_SECONDS if open or not status.st_size else self._settle)


def _look(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
