"""Descriptors of files and folders: written to the end, synced, locked, closed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from enum import Enum

__all__ = ["Lock", "close", "lock", "open_locked", "sync", "write_all"]

_FULLFSYNC = getattr(fcntl, "F_FULLFSYNC", None)
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class Lock(Enum):
    """What came of asking for the only lock on a file or folder."""

    OURS = "ours"
    TAKEN = "taken"
    """Somebody else has one."""
    NONE = "none"
    """The file system has no locks: nothing is known."""


def close(fd: int) -> None:
    """Close what was synced, only read, or is not wanted any more: an error says nothing then of what is on disk."""
    with contextlib.suppress(OSError):
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write everything; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync(fd: int) -> None:
    """Have the disk keep what was written to a file or folder; raises OSError."""
    if _FULLFSYNC is not None:
        try:
            fcntl.fcntl(fd, _FULLFSYNC)
            return
        except OSError:
            pass  # not every file system on macOS offers it; fsync is what is left
    os.fsync(fd)


def lock(fd: int) -> Lock:
    """Ask for the only lock; it lasts until the descriptor is closed, and never waits."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return Lock.TAKEN if error.errno in _HELD else Lock.NONE
    return Lock.OURS


def open_locked(folder: str) -> tuple[int, Lock]:
    """A descriptor of a folder, no link, and what came of locking it; raises OSError when it cannot be opened."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return fd, lock(fd)
