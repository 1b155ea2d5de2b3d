"""Temps: the files under hidden random names that results are written to before they take their own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat

from engine.descriptors import close

__all__ = ["create_locked", "is_temp", "remove_stale_temps", "remove_temps", "sibling_temp", "temp_name"]

TEMP_PREFIX = ".imgopt-"
TEMP_SUFFIX = ".tmp"
_TEMP = re.compile(re.escape(TEMP_PREFIX) + r"[0-9a-f]+-\d+(-\d+)?" + re.escape(TEMP_SUFFIX))


def temp_name(token: str, index: int) -> str:
    """Name of the temp of image ``index`` in the worker that was given the random ``token``."""
    return f"{TEMP_PREFIX}{token}-{index}{TEMP_SUFFIX}"


def sibling_temp(temp: str, number: int) -> str:
    """Name of the temp of an image's sibling ``number`` (from 1) beside its main result's."""
    return f"{temp.removesuffix(TEMP_SUFFIX)}-{number}{TEMP_SUFFIX}"


def is_temp(name: str) -> bool:
    """Whether a file name is one of our temps."""
    return name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX)


def remove_temps(target: str, name: str, siblings: int) -> None:
    """Remove the temps that a killed worker may have left beside ``target``; silent when there are none."""
    for temp in (name, *(sibling_temp(name, number + 1) for number in range(siblings))):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(os.path.dirname(target), temp))


def remove_stale_temps(folder: str) -> int:
    """Remove the temps of this user in ``folder`` whose writers are gone; returns how many.

    A writer holds a lock on its temp until it has its final name, so one that can be locked belongs to nobody.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if _TEMP.fullmatch(entry.name)]:
            removed += _removed_if_stale(os.path.join(folder, name))
    return removed


def _removed_if_stale(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except OSError:
        return False
    finally:
        close(fd)
    return True


def create_locked(temp: str, folder: int) -> int:
    """A new temp, locked so that no other run takes it for one left behind."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        fd = os.open(temp, flags, 0o600, dir_fd=folder)
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            if os.fstat(fd).st_nlink:
                return fd
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temp, dir_fd=folder)
            close(fd)
            raise
        close(fd)  # another run found it before it was locked
