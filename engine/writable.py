"""Whether a result could be put in place at all, asked before an image costs any work."""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import struct
import sys

from engine.descriptors import close
from engine.errors import WriteFailed

__all__ = ["check_writable"]

FS_IOC_GETFLAGS = 0x80086601
"""Linux: the flags that chattr sets (ioctl_iflags(2))."""
FIXED = 0x10 | 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL: nobody may rename or remove such a file, nor a file in such a folder."""


def check_writable(target: str, source_fd: int | None) -> None:
    """Raise WriteFailed when nothing can be written beside ``target``, or when the file with the descriptor
    ``source_fd`` could not be replaced (None: it is not to be)."""
    if source_fd is not None and _fixed(source_fd):
        raise WriteFailed("not writable: marked immutable or append-only (chattr); the original is untouched")
    if reason := _refusal(os.path.dirname(target) or "."):
        raise WriteFailed(f"not writable: {reason}; the original is untouched")


@functools.lru_cache(maxsize=8)
def _refusal(folder: str) -> str:
    """Why no file can be made in a folder, or where it is yet to be made, above it; empty when one can."""
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder) or "."
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""  # whoever writes there says what is wrong
    try:
        if _fixed(fd):
            return "its folder is marked immutable or append-only (chattr)"
        if os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
            return ""
        return f"its folder cannot be changed ({_words(fd)})"
    finally:
        close(fd)


def _words(fd: int) -> str:
    """What stands against writing to a folder."""
    read_only = os.fstatvfs(fd).f_flag & os.ST_RDONLY
    return os.strerror(errno.EROFS if read_only else errno.EACCES).lower()


def _fixed(fd: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        flags = fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(8))
    except OSError:
        return False  # not every file system has them
    return bool(struct.unpack("i4x", flags)[0] & FIXED)
