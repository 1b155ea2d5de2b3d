"""The steps of writing one result, each relative to the descriptor of its folder so that nothing is resolved twice.

``transaction.py`` puts them in order; nothing else writes user files (``source.py`` reads them).
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import sys
from dataclasses import dataclass
from typing import Any

from engine.descriptors import close, write_all
from engine.errors import Declined
from engine.ledger import MARK, Entry, file_hash
from engine.policy import Overwrite
from engine.source import Identity
from engine.temps import create_locked

__all__ = ["ACL", "Target", "begin_to_write_out", "copy_xattrs"]

ACL = "system.posix_acl_access"
"""Extended attribute that is a file's access list."""
_OF_THE_SYSTEM = ("security.", "trusted.")
"""Extended attributes that the kernel sets by its own rules; whether they can be copied is its affair."""
SYNC_FILE_RANGE_WRITE = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Where one result goes and what it may replace."""

    path: str
    temp: str
    """File name of the temp."""
    replaces: Identity | None = None
    """In place: the source as it was read; a file that is not this one any more is left alone."""
    source: str = ""
    """Path of the source where that is another file. With ``replaces`` it lies beside the result, and goes once the
    result has its name."""
    like: os.stat_result | None = None
    """The source's status: its mode (but for setuid, setgid and sticky) is taken over, and where it is replaced or
    ``preserve`` says so, also owner, extended attributes and times."""
    preserve: frozenset[str] = frozenset()
    overwrite: Overwrite = Overwrite.ALL
    """Whether another file at ``path`` may be replaced."""
    entry: Entry | None = None
    """What is written down of it; None: nothing."""
    ledger: str = ""
    """Folder of the ledger that ``entry`` goes to."""
    backup: str = ""
    """Folder that the original goes to before it is replaced; empty: none is kept."""
    index: int = 0
    """Number of the image in its run; part of the backup's name."""
    marked: bool = False
    """Whether the result itself carries ``entry``, in an extended attribute."""

    @property
    def name(self) -> str:
        """File name of the result."""
        return os.path.basename(self.path)

    @property
    def original(self) -> str:
        """File name of what is to be replaced or to go."""
        return os.path.basename(self.source or self.path)

    @property
    def removes(self) -> bool:
        """Whether the source, a file beside the result, is to go."""
        return self.replaces is not None and self.original != self.name

    def refusal(self, size: int) -> str:
        """Why a result of ``size`` bytes would not get its name now; empty when it would."""
        if self.overwrite is Overwrite.ALL or self.path == self.source:
            return ""
        try:
            there = os.lstat(self.path).st_size
        except OSError:
            return ""
        return "" if self.overwrite is Overwrite.BIGGER and there > size else self._taken

    @property
    def _taken(self) -> str:
        bigger = self.overwrite is Overwrite.BIGGER
        return f"{self.name!r} exists already and is {'no bigger' if bigger else 'not ours to replace'}"

    def fill(self, data: bytes, folder: int) -> tuple[int, list[str]]:
        """Write the temp in the folder with this descriptor, with its attributes; returns the temp's descriptor, and
        which attributes could not be kept. Raises Declined or OSError, with no temp left."""
        self.check(folder, self.replaces)
        fd = create_locked(self.temp, folder)
        try:
            write_all(fd, data)
            lost = self._attributes(fd, folder)
        except BaseException:
            self.drop(fd, folder)
            raise
        return fd, lost

    def drop(self, fd: int, folder: int) -> None:
        """Remove the temp and close it."""
        with contextlib.suppress(OSError):
            os.unlink(self.temp, dir_fd=folder)
        close(fd)

    def _attributes(self, fd: int, folder: int) -> list[str]:
        if self.marked and self.entry is not None:
            with contextlib.suppress(OSError, AttributeError):  # not every file system has them, nor does every Python
                os.setxattr(fd, MARK, self.entry.mark)
        if self.like is None:
            os.fchmod(fd, 0o666 & ~_UMASK)
            return []
        lost = []
        replacing = self.replaces is not None
        own = os.fstat(fd)
        owner = self.like.st_uid, self.like.st_gid
        if (replacing or "owner" in self.preserve) and (own.st_uid, own.st_gid) != owner:
            try:
                os.fchown(fd, *owner)
            except PermissionError:
                if replacing:
                    raise Declined("belongs to another user or group, which the result could not keep") from None
                lost.append("its owner")
        if replacing or "xattr" in self.preserve:
            lost += copy_xattrs(fd, folder, self.original if replacing else os.path.abspath(self.source))
            if replacing and ACL in lost:
                raise Declined("has an access list, which the result could not keep")
        try:
            os.fchmod(fd, stat.S_IMODE(self.like.st_mode) & 0o777)
        except PermissionError:
            if replacing:
                raise Declined("has a mode that the result could not keep") from None
            lost.append("its mode")
        if replacing or "time" in self.preserve:
            os.utime(fd, ns=(self.like.st_atime_ns, self.like.st_mtime_ns))
        return lost

    def check(self, folder: int, expected: Identity | None) -> None:
        """Raise Declined unless the source that is to be replaced is still ``expected``."""
        if expected is None:
            return
        try:
            now = Identity.of(os.stat(self.original, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            raise Declined("removed or renamed during the run: nothing was written") from None
        if now != expected:
            raise Declined("changed during the run: left as it is now")

    def take_name(self, folder: int) -> None:
        """Give the synced temp its name; the folder is left to be synced. Raises Declined or OSError."""
        name = self.name
        replacing = self.replaces is not None and not self.removes
        mine = self.overwrite is Overwrite.ALL or replacing
        if mine or self._is_bigger(folder) or (self.removes and self._is_there(folder)):
            os.rename(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        try:
            os.link(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise Declined(self._taken) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            if _exists(name, folder):
                raise Declined(self._taken) from None
            os.rename(self.temp, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        with contextlib.suppress(OSError):  # the result is there; the next run removes what is left
            os.unlink(self.temp, dir_fd=folder)

    def _is_bigger(self, folder: int) -> bool:
        """Whether a file that has the name may be replaced because it is bigger, or was by a try that was killed."""
        if self.overwrite is not Overwrite.BIGGER:
            return False
        try:
            there = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        bigger = there.st_size > os.stat(self.temp, dir_fd=folder, follow_symlinks=False).st_size
        return bigger or self._is_there(folder)

    def _is_there(self, folder: int) -> bool:
        """Whether this very result has the name already, from a try that was killed before its source was gone."""
        if self.entry is None or not _exists(self.name, folder):
            return False
        fd = os.open(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            return stat.S_ISREG(os.fstat(fd).st_mode) and file_hash(fd) == self.entry.after_hash
        finally:
            close(fd)


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


@functools.cache
def _sync_file_range() -> Any:
    """The system call, on Linux; None elsewhere."""
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None) if sys.platform == "linux" else None
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call


def begin_to_write_out(fd: int) -> None:
    """Have the kernel start with the file's bytes now; says nothing of when they are safe, and cannot fail."""
    if (call := _sync_file_range()) is not None:
        call(fd, 0, 0, SYNC_FILE_RANGE_WRITE)


def copy_xattrs(fd: int, folder: int, name: str) -> list[str]:
    """Take over extended attributes (ACLs are among them); returns the names of those that were refused."""
    refused: list[str] = []
    if sys.platform != "linux":
        return refused
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        for key in os.listxattr(source):
            if key == MARK:
                continue  # it speaks of the bytes that are there now
            try:
                os.setxattr(fd, key, os.getxattr(source, key))
            except OSError:
                if not key.startswith(_OF_THE_SYSTEM):
                    refused.append(key)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    finally:
        close(source)
    return refused
