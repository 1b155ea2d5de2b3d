"""What the system says of changes in folders (Linux: inotify), folder by folder, as paths.

The kernel gives one watch a folder, says names of changed entries, and that it lost something when nobody read for too
long. Watches follow a folder that is renamed, so those of one that was moved away are given up by its old path.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from engine.errors import PlanError
from engine.extras import installed

if TYPE_CHECKING:
    from inotify_simple import INotify

__all__ = ["News", "NoWatches", "Notice", "Notices", "open_notices"]

NEEDS = "watch needs the package inotify-simple: pip install 'imgopt-tui[all]'; or let it look by itself: --rescan 60"
_LIMITS = "/proc/sys/fs/inotify"


class News(Enum):
    """What was heard of a path."""

    BEGUN = auto()
    """A file was made, and is not closed yet."""
    COMPLETE = auto()
    """A file was closed by a writer, or got its name."""
    GONE = auto()
    """A file was removed, or lost its name."""
    FOLDER = auto()
    """A folder was made, or got its name."""
    VANISHED = auto()
    """A folder that was watched is not there any more, or was moved."""
    LOST = auto()
    """The kernel threw away news: anything may have changed anywhere. The path is empty."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news."""

    news: News
    path: str


class NoWatches(Exception):
    """The system allows no more watches; ``str`` is the sentence."""


class Notices:
    """The watches of one process; made by ``open_notices``, read by one thread."""

    def __init__(self, inotify: INotify) -> None:
        from inotify_simple import flags

        self._inotify = inotify
        self._flags = flags
        self._mask = flags.CREATE | flags.CLOSE_WRITE | flags.MOVED_FROM | flags.MOVED_TO | flags.DELETE
        self._mask |= flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR | flags.DONT_FOLLOW | flags.EXCL_UNLINK
        self._paths: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def fileno(self) -> int:
        """What becomes readable when there is news."""
        return int(self._inotify.fileno())

    def add(self, folder: str) -> None:
        """Be told what changes in a folder; one that is not there any more, or may not be read, is passed over. Raises
        NoWatches."""
        try:
            number = self._inotify.add_watch(folder, self._mask)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise NoWatches(_no_more(len(self._paths))) from None
            return
        if (before := self._paths.get(number)) is not None:
            self._numbers.pop(before, None)
        self._paths[number] = folder
        self._numbers[folder] = number

    def leave(self, folder: str) -> None:
        """Be told nothing more of a folder and what lies below it: it is another's now."""
        below = folder + os.sep
        for path in [path for path in self._numbers if path == folder or path.startswith(below)]:
            number = self._numbers.pop(path)
            self._paths.pop(number, None)
            with contextlib.suppress(OSError):
                self._inotify.rm_watch(number)

    def read(self) -> Iterator[Notice]:
        """What was heard since the last call; does not wait."""
        flags = self._flags
        for number, mask, _, name in self._inotify.read(timeout=0):
            if mask & flags.Q_OVERFLOW:
                yield Notice(News.LOST, "")
                continue
            folder = self._paths.get(number)
            if folder is None:
                continue
            if mask & flags.IGNORED:
                self._paths.pop(number)
                self._numbers.pop(folder, None)
            elif mask & (flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT):
                yield Notice(News.VANISHED, folder)
            elif (news := self._of_entry(mask)) is not None:
                yield Notice(news, os.path.join(folder, name))

    def _of_entry(self, mask: int) -> News | None:
        flags = self._flags
        if mask & flags.ISDIR:
            if mask & flags.MOVED_FROM:
                return News.VANISHED
            return News.FOLDER if mask & (flags.CREATE | flags.MOVED_TO) else None
        if mask & (flags.CLOSE_WRITE | flags.MOVED_TO):
            return News.COMPLETE
        return News.BEGUN if mask & flags.CREATE else News.GONE

    def close(self) -> None:
        """Be told nothing more."""
        self._inotify.close()


def open_notices(*, needed: bool) -> Notices | None:
    """None where the system has none, or without ``needed`` where its package is missing. Raises PlanError with what
    is missing, NoWatches when this user has too many."""
    if not sys.platform.startswith("linux"):
        return None
    if not installed("inotify_simple"):
        if needed:
            raise PlanError(NEEDS)
        return None
    from inotify_simple import INotify

    try:
        return Notices(INotify(nonblocking=True))
    except OSError as error:
        limit = _limit("max_user_instances")
        raise NoWatches(
            f"the system refuses to tell of changes ({os.strerror(error.errno or 0).lower()}; this user may have "
            f"{limit} programs that watch): raise fs.inotify.max_user_instances with sysctl"
        ) from None


def _no_more(have: int) -> str:
    limit = _limit("max_user_watches")
    return (
        f"the system allows no more watches (this one has {have} folders, all programs of this user together may have "
        f"{limit}): raise fs.inotify.max_user_watches with sysctl"
    )


def _limit(name: str) -> str:
    try:
        with open(os.path.join(_LIMITS, name), encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "a limited number of"


def readable(files: list[int], seconds: float | None) -> bool:
    """Wait until one of these descriptors can be read, ``seconds`` at most (None: for ever); whether one can."""
    poll = select.poll()
    for fd in files:
        poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else max(0.0, seconds) * 1000))
