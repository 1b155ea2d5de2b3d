"""The only place that writes user files (``source.py`` reads them).

Writing is one small transaction, relative to the descriptor of the target's folder so that nothing is resolved twice:

    temp beside the target (O_EXCL, 0600) ▸ write ▸ attributes ▸ fsync ▸ source still the same? ▸ rename ▸ fsync folder

Any error before the rename removes the temp and leaves every other file as it was. Of a group all temps are written
before the first is synced, and the kernel is told at once to begin with their bytes: one commit of the file system's
own journal then serves several files.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import Declined, WriteFailed, system_reason
from engine.source import Identity

__all__ = ["Target", "mark_ours", "ours", "remove_stale_temps", "remove_temps", "temp_name"]
__all__ += ["sibling_temp", "unmark", "write_group"]

MARKER = ".imgopt-tui"
"""Name of the file that makes an output folder ours."""
MARKER_TEXT = (
    "Results of imgopt-tui. Folders with this file are never read as input, and their files may be replaced.\n"
)
SYNC_FILE_RANGE_WRITE = 2
TEMP_PREFIX = ".imgopt-"
TEMP_SUFFIX = ".tmp"
_TEMP = re.compile(re.escape(TEMP_PREFIX) + r"[0-9a-f]+-\d+(-\d+)?" + re.escape(TEMP_SUFFIX))
_FULLFSYNC = getattr(fcntl, "F_FULLFSYNC", None)


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
        os.close(fd)
    return True


def ours(folder: str) -> bool:
    """Whether a folder carries our marker."""
    return os.path.lexists(os.path.join(folder, MARKER))


def mark_ours(folder: str) -> None:
    """Create an output folder if need be and put our marker into it; raises OSError."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), open(os.path.join(folder, MARKER), "x", encoding="ascii") as file:
        file.write(MARKER_TEXT)


def unmark(folder: str) -> None:
    """Remove an output folder that holds nothing but our marker; any other is left as it is."""
    with contextlib.suppress(OSError):
        if os.listdir(folder) == [MARKER]:
            os.unlink(os.path.join(folder, MARKER))
            os.rmdir(folder)


@dataclass(frozen=True, slots=True)
class Target:
    """Where one result goes and what it may replace."""

    path: str
    temp: str
    """File name of the temp."""
    replaces: Identity | None = None
    """In place: the source as it was read; a file that is not this one any more is left alone."""
    like: os.stat_result | None = None
    """The source's status: its mode is taken over, in place also owner, extended attributes and mtime."""
    overwrite: bool = True
    """Whether another file at ``path`` may be replaced."""

    def write(self, data: bytes) -> None:
        """Put ``data`` at ``path``, whole or not at all; raises WriteFailed or Declined with the reason."""
        error = write_group([(self, data)])[0]
        if error is not None:
            raise error

    def fill(self, data: bytes, folder: int) -> int:
        """Write the temp in the folder with this descriptor, with its attributes; returns the temp's descriptor.
        Raises Declined or OSError, with no temp left."""
        name = os.path.basename(self.path)
        self._still_the_same(folder, name)
        fd = _create_locked(self.temp, folder)
        try:
            _write_all(fd, data)
            self._attributes(fd, folder, name)
        except BaseException:
            self.drop(fd, folder)
            raise
        return fd

    def place(self, fd: int, folder: int) -> None:
        """Sync the filled temp and give it its name; the folder is left to be synced. Raises Declined or OSError, with
        no temp left."""
        name = os.path.basename(self.path)
        try:
            _sync(fd)
            self._still_the_same(folder, name)
            self._name(folder, name)
        except BaseException:
            self.drop(fd, folder)
            raise
        _close(fd)

    def drop(self, fd: int, folder: int) -> None:
        """Remove the temp and close it."""
        with contextlib.suppress(OSError):
            os.unlink(self.temp, dir_fd=folder)
        _close(fd)

    def _attributes(self, fd: int, folder: int, name: str) -> None:
        if self.like is None:
            os.fchmod(fd, 0o666 & ~_UMASK)
            return
        if self.replaces is not None:
            own = os.fstat(fd)
            if (own.st_uid, own.st_gid) != (self.like.st_uid, self.like.st_gid):
                try:
                    os.fchown(fd, self.like.st_uid, self.like.st_gid)
                except PermissionError:
                    raise Declined("belongs to another user or group, which the result could not keep") from None
            _copy_xattrs(fd, folder, name)
        os.fchmod(fd, stat.S_IMODE(self.like.st_mode) & 0o777)
        if self.replaces is not None:
            os.utime(fd, ns=(self.like.st_atime_ns, self.like.st_mtime_ns))

    def _still_the_same(self, folder: int, name: str) -> None:
        if self.replaces is None:
            return
        try:
            now = Identity.of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            raise Declined("removed or renamed during the run: nothing was written") from None
        if now != self.replaces:
            raise Declined("changed during the run: left as it is now")

    def _name(self, folder: int, name: str) -> None:
        if self.overwrite or self.replaces is not None:
            os.rename(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        try:
            os.link(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise Declined(f"{name!r} exists already and is not ours to replace") from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            if _exists(name, folder):
                raise Declined(f"{name!r} exists already and is not ours to replace") from None
            os.rename(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        os.unlink(self.temp, dir_fd=folder)


def write_group(writes: Sequence[tuple[Target, bytes]]) -> list[Exception | None]:
    """Put several results in place; each folder is synced once, after the last rename in it.

    Returns what went wrong for each, in order: None, WriteFailed or Declined. One that fails stops no other.
    """
    results: list[Exception | None] = [None] * len(writes)
    folders: dict[str, int] = {}
    temps: dict[int, int] = {}
    try:
        for number, (target, data) in enumerate(writes):
            with _told(results, number, target):
                temps[number] = target.fill(data, _folder_of(target, folders))
                if len(writes) > 1:
                    _begin_to_write_out(temps[number])
        for number in list(temps):
            target = writes[number][0]
            with _told(results, number, target):
                target.place(temps.pop(number), _folder_of(target, folders))
        for folder, fd in folders.items():
            try:
                _sync(fd)
            except OSError as error:
                failed = WriteFailed(f"the folder of the result cannot be synced: {system_reason(error)}")
                here = [os.path.dirname(target.path) == folder for target, _ in writes]
                results = [failed if mine and not old else old for mine, old in zip(here, results, strict=True)]
    finally:
        for number, fd in temps.items():
            target = writes[number][0]
            target.drop(fd, folders[os.path.dirname(target.path)])
        for fd in folders.values():
            _close(fd)
    return results


@contextlib.contextmanager
def _told(results: list[Exception | None], number: int, target: Target) -> Iterator[None]:
    """Turn what goes wrong with one result into its entry."""
    try:
        yield
    except (Declined, WriteFailed) as error:
        results[number] = error
    except OSError as error:
        results[number] = WriteFailed(
            f"the result cannot be written: {system_reason(error)}; the original is untouched"
        )


def _folder_of(target: Target, folders: dict[str, int]) -> int:
    """The descriptor of its folder, opened once for a group; raises WriteFailed."""
    folder = os.path.dirname(target.path)
    if folder not in folders:
        try:
            folders[folder] = _open_folder(folder or ".", create=target.replaces is None)
        except OSError as error:
            raise WriteFailed(f"the folder of the result cannot be used: {system_reason(error)}") from None
    return folders[folder]


def _close(fd: int) -> None:
    """Close what was synced or is not wanted any more: an error then says nothing of what is on disk."""
    with contextlib.suppress(OSError):
        os.close(fd)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _current_umask()


def _open_folder(folder: str, *, create: bool) -> int:
    """A descriptor of ``folder``, made if need be. No link is followed on the way: planned paths have none, and one
    put there since could lead to the originals."""
    *above, last = ["/", *(part for part in os.path.abspath(folder).split(os.sep) if part)]
    at: int | None = None
    try:
        for part in above:
            at, before = _step(at, part, getattr(os, "O_PATH", os.O_RDONLY), create=create), at
            if before is not None:
                _close(before)
        return _step(at, last, os.O_RDONLY, create=create)
    finally:
        if at is not None:
            _close(at)


def _step(at: int | None, name: str, flags: int, *, create: bool) -> int:
    flags |= os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        if not create:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=at)
        return os.open(name, flags, dir_fd=at)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotADirectoryError(error.errno, f"{name!r} is a link or a file") from None
        raise


def _create_locked(temp: str, folder: int) -> int:
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
            _close(fd)
            raise
        _close(fd)  # another run found it before it was locked


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@functools.cache
def _sync_file_range() -> Any:
    """The system call, on Linux; None elsewhere."""
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None) if sys.platform == "linux" else None
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call


def _begin_to_write_out(fd: int) -> None:
    """Have the kernel start with the file's bytes now; says nothing of when they are safe, and cannot fail."""
    if (call := _sync_file_range()) is not None:
        call(fd, 0, 0, SYNC_FILE_RANGE_WRITE)


def _sync(fd: int) -> None:
    if _FULLFSYNC is not None:
        try:
            fcntl.fcntl(fd, _FULLFSYNC)
            return
        except OSError:
            pass  # not every file system on macOS offers it; fsync is what is left
    os.fsync(fd)


def _copy_xattrs(fd: int, folder: int, name: str) -> None:
    """Take over extended attributes (ACLs are among them); those the file system or kernel refuses are left out."""
    if sys.platform != "linux":
        return
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        for key in os.listxattr(source):
            with contextlib.suppress(OSError):
                os.setxattr(fd, key, os.getxattr(source, key))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    finally:
        os.close(source)
