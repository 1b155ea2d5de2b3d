"""Room on the file systems that a run writes to, and whether they are still the ones it began with.

Everything here may block on a file system that does not answer: called in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from engine.floor import Floor
from engine.report import human_bytes
from engine.temps import temp_name

__all__ = ["BROKEN", "FULL", "DiskRoom", "Shortage", "mount_of"]

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
"""What the system says when there is no room, on the disk or in a quota."""
BROKEN = frozenset((errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN))
"""What it says when the trouble is with the file system rather than with one file."""
LEAST_NEED = 1024**2
MOST_NEED = 1024**3
"""Bytes for which room is looked after a write has found none: as many as its source has, within these."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A file system without enough room."""

    mount: str
    free: int
    """Bytes."""
    needed: int
    """Bytes that must be free for the run to go on; 0 when a quota or the number of files is what is used up."""

    def __str__(self) -> str:
        if not self.needed:
            return f"no room in {self.mount}: a quota or its number of files is used up"
        return f"no room in {self.mount}: {human_bytes(self.free)} free, {human_bytes(self.needed)} needed"


class DiskRoom:
    """The folders that a run writes to, and those that must stay what they are."""

    def __init__(self, written: Iterable[str], watched: Iterable[str], floor: Floor) -> None:
        """``written`` folders need room and may not be there yet; ``watched`` ones must stay the same folders."""
        self._written = tuple(dict.fromkeys(written))
        self._watched = tuple(dict.fromkeys(watched))
        self._floor = floor
        self._known: dict[str, tuple[int, int]] = {}
        self._needs: dict[str, int] = {}
        """Where a write found no room, and the bytes that are to be had before the next one."""
        self._mounts: dict[int, str] = {}
        self.disks: tuple[tuple[str, int, int], ...] = ()
        """Where each file system written to is mounted, its free bytes, and those that stay free, by the last look."""

    def met(self, folder: str, size: int) -> None:
        """A write of about ``size`` bytes found no room in ``folder``; every further one asks for twice as much."""
        before = self._needs.get(folder, 0)
        self._needs[folder] = min(MOST_NEED, max(LEAST_NEED, size, before))

    def forget(self) -> None:
        """Try again without a look at what writes have met."""
        self._needs.clear()

    def shortage(self) -> Shortage | None:
        """The first file system without the room that is to stay free, or without room for what a write has met."""
        seen: dict[int, tuple[str, int, int]] = {}
        try:
            return self._first_short(seen)
        finally:
            self.disks = tuple(seen.values())

    def _first_short(self, seen: dict[int, tuple[str, int, int]]) -> Shortage | None:
        for folder in (*self._needs, *self._written):
            there = _existing(folder)
            need = self._needs.get(folder, 0)
            try:
                status, room = os.stat(there), os.statvfs(there)
            except OSError:
                continue  # whatever that is, the images will tell
            if status.st_dev in seen and not need:
                continue
            free, floor = room.f_bavail * room.f_frsize, self._floor.of(room.f_blocks * room.f_frsize)
            if status.st_dev not in self._mounts:
                self._mounts[status.st_dev] = mount_of(there)
            seen[status.st_dev] = self._mounts[status.st_dev], free, floor
            if free < floor + need:
                return Shortage(mount_of(there), free, floor + need)
            if need and not has_room(there, need):
                return Shortage(mount_of(there), free, 0)
            self._needs.pop(folder, None)
        return None

    def trouble(self) -> str:
        """Why nothing more can be written: a sentence about a watched folder whose file system is gone or read-only;
        empty while all is well. Each folder is known from the first look at which it is there."""
        if folder := self._gone():
            return f"{folder} is not the folder it was: its file system is gone, or it was renamed"
        for folder in self._written:
            if folder not in self._watched:
                continue  # what lies there can be done without
            with contextlib.suppress(OSError):
                there = _existing(folder)
                if os.statvfs(there).f_flag & os.ST_RDONLY:
                    return f"nothing can be written to {folder}: the file system at {mount_of(there)} is read-only"
        return ""

    def _gone(self) -> str:
        for folder in self._watched:
            try:
                status = os.stat(folder)
            except FileNotFoundError:
                if folder in self._known:
                    return folder
                continue
            except OSError:
                continue
            key = status.st_dev, status.st_ino
            if self._known.setdefault(folder, key) != key:
                return folder
        return ""


def has_room(folder: str, size: int) -> bool:
    """Whether ``size`` bytes can be written in ``folder``, found out by doing it; other trouble counts as room."""
    try:
        fd = _nameless(folder)
    except OSError as error:
        return error.errno not in FULL
    try:
        _fill(fd, size)
    except OSError as error:
        return error.errno not in FULL
    finally:
        os.close(fd)
    return True


def _fill(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    piece = bytes(LEAST_NEED)
    while size > 0:
        size -= os.write(fd, piece[:size])


def _nameless(folder: str) -> int:
    """A new file that nobody sees and that is gone when it is closed."""
    with contextlib.suppress(OSError, AttributeError):
        return os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    path = os.path.join(folder, temp_name(secrets.token_hex(6), 0))
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return fd


def _existing(folder: str) -> str:
    """The folder itself, or the nearest above it that is there."""
    while not os.path.isdir(folder) and (parent := os.path.dirname(folder)) != folder:
        folder = parent
    return folder


def mount_of(path: str) -> str:
    """The folder where the file system that ``path`` lies on is mounted."""
    with contextlib.suppress(OSError):
        device = os.stat(path).st_dev
        while (parent := os.path.dirname(path)) != path and os.stat(parent).st_dev == device:
            path = parent
    return path
