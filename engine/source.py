"""Reading a source file: what is opened is what is read, checked against later and replaced."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from engine.errors import Declined, Unreadable, system_reason

__all__ = ["Identity", "Source", "read_kept"]

CHANGED = "changed while it was read; run again when it is complete"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a path still holds the file that was read."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """From a stat result."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @property
    def parts(self) -> tuple[int, int, int, int, int]:
        """What it is made from, in the order of its arguments."""
        return self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns

    def but_for_ctime(self, other: Identity) -> bool:
        """Whether both are the same file with the same size and time; links and renames change the ctime."""
        mine = (self.device, self.inode, self.size, self.mtime_ns)
        return mine == (other.device, other.inode, other.size, other.mtime_ns)


class Source:
    """A source file, opened without following a link and without blocking; use as a context manager."""

    def __init__(self, path: str) -> None:
        """Open ``path``; raises Unreadable or Declined."""
        self.path = path
        self.content = ""
        """``content_hash`` of the file, where its result is made from another one."""
        self.seconds = 0.0
        """How long opening and reading it have taken."""
        self._data: bytes | None = None
        began = time.monotonic()
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Declined("a symbolic link, which is not followed") from None
            raise Unreadable(f"cannot be opened: {system_reason(error)}", cause=error) from None
        try:
            self.status = self._look()
            if not stat.S_ISREG(self.status.st_mode):
                raise Declined("not a regular file")
        except BaseException:
            self.close()
            raise
        self.seconds = time.monotonic() - began

    def _look(self) -> os.stat_result:
        try:
            return os.fstat(self._fd)
        except OSError as error:
            raise Unreadable(f"cannot be read: {system_reason(error)}") from None

    def close(self) -> None:
        """Let go of it. An error at the close of a file that was only read says nothing of what was read."""
        with contextlib.suppress(OSError):
            os.close(self._fd)

    @property
    def fd(self) -> int:
        """Its descriptor, until the end of the context."""
        return self._fd

    @property
    def size(self) -> int:
        """Bytes."""
        return self.status.st_size

    @property
    def identity(self) -> Identity:
        """As it was when it was opened."""
        return Identity.of(self.status)

    @property
    def fetched(self) -> int:
        """Bytes of its content that are held for ``read``."""
        return len(self._data) if self._data is not None else 0

    def fetch(self) -> None:
        """Read it now and hold the content for ``read``; raises Unreadable as that does."""
        self._data = self._content()

    def read(self) -> bytes:
        """The whole file; raises Unreadable when it cannot be read or changes meanwhile."""
        data, self._data = self._content() if self._data is None else self._data, None
        if Identity.of(self._look()) != self.identity:
            raise Unreadable(CHANGED)
        return data

    def _content(self) -> bytes:
        began = time.monotonic()
        try:
            parts: list[bytes] = []
            left = self.size + 1
            while left > 0 and (part := os.read(self._fd, left)):
                parts.append(part)
                left -= len(part)
        except OSError as error:
            raise Unreadable(f"cannot be read: {system_reason(error)}", cause=error) from None
        if left != 1:
            raise Unreadable(CHANGED)
        self.seconds += time.monotonic() - began
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_kept(path: str, allowed: int) -> bytes | int:
    """The kept original of a result of ours, or its size in bytes where that is more than ``allowed``; raises Declined
    when it is not there any more."""
    try:
        with Source(path) as source:
            return source.size if source.size > allowed else source.read()
    except (Unreadable, Declined) as error:
        raise Declined(f"our own lossy result, and its kept original {error}") from None
