"""Two runs never work on one tree: which folders a run locks, how, and who is named when that is refused.

A lock is a ``flock`` on the descriptor of a folder: it ends with its owner, whatever ends that, so there is none to
clear away and no process id to believe. Folders above are shared, so that of ``/a`` and ``/a/b`` only one can be worked
on in place; what a run writes to is its own alone; what it only reads it shares with other readers.

Where locks are not to be had (some network file systems, a folder above that may not be opened) a run goes on without.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Sequence

from engine.descriptors import close
from engine.errors import PlanError
from engine.places import sockets
from engine.plan import Plan

__all__ = ["TreeLocks"]

MOST_ROOTS = 16
"""Above this many roots, or files named in one folder, the folder above all of them is locked instead of each."""
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class TreeLocks:
    """The locks of one run; use ``take`` before anything is written, ``release`` at the end."""

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._kept: dict[tuple[int, int], int] = {}
        """Device and inode of what is locked, with the kind of lock."""

    def take(self, plan: Plan) -> str:
        """Lock what ``plan`` reads and writes; returns why one could not be had, empty if all were. Raises PlanError,
        with no lock kept, when another run has one."""
        sources = list(dict.fromkeys(root.source for root in plan.roots))
        if plan.settings.in_place:
            read, written = [], _own([(root.source, root.names) for root in plan.roots])
        else:
            read, written = (
                _few(sources),
                _few(list(dict.fromkeys([*plan.made, *(root.target for root in plan.roots)]))),
            )
        problem = ""
        try:
            for path in written:
                problem = self._lock(path, fcntl.LOCK_EX, own=True) or problem
            for path in dict.fromkeys(read):
                problem = self._lock(path, fcntl.LOCK_SH, own=True) or problem
            for path in _above([*read, *written]):
                self._lock(path, fcntl.LOCK_SH, own=False)
        except BaseException:
            self.release()
            raise
        return problem

    def release(self) -> None:
        """Let go of all."""
        while self._fds:
            close(self._fds.pop())
        self._kept.clear()

    def _lock(self, path: str, kind: int, *, own: bool) -> str:
        """Lock one folder or file; returns what the system said against it, empty for nothing or a folder above."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            return f"{path} cannot be locked: {error.strerror}" if own and error.errno != errno.ENOENT else ""
        status = os.fstat(fd)
        key = status.st_dev, status.st_ino
        if key in self._kept:  # the first lock on it was the stronger
            close(fd)
            return ""
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except OSError as error:
            close(fd)
            if error.errno in _HELD:
                raise PlanError(_refusal(path, key)) from None
            return f"{path} cannot be locked: {error.strerror}" if own else ""
        self._fds.append(fd)
        self._kept[key] = kind
        return ""


def _own(roots: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """What is worked on in place: whole folders, or single files in them."""
    found: list[str] = []
    for source, names in roots:
        few = 0 < len(names) <= MOST_ROOTS
        found += [os.path.join(source, name) for name in names] if few else [source]
    return _few(found)


def _few(paths: list[str]) -> list[str]:
    """The paths, or the folder above all where they are too many to hold a descriptor of each."""
    return paths if len(paths) <= MOST_ROOTS else [os.path.commonpath(paths)]


def _above(paths: Iterable[str]) -> list[str]:
    """Every folder above, each once, the nearest first."""
    found: dict[str, None] = {}
    for path in paths:
        while (parent := os.path.dirname(path)) != path:
            found[parent] = None
            path = parent
    return list(found)


def _refusal(path: str, key: tuple[int, int]) -> str:
    pid = _holder(*key)
    if pid is None:
        return f"{path}: another run is at work here or on a folder that holds it; wait for its end"
    if run_id := _run_of(pid):
        return (
            f"{path}: run {run_id} (process {pid}) is at work here or on a folder that holds it; "
            f"wait for its end, or end it with: imgopt-tui stop {run_id}"
        )
    return f"{path}: process {pid} is at work here or on a folder that holds it; wait for its end"


def _holder(device: int, inode: int) -> int | None:
    """The process that has a lock on this inode, by the kernel's list; None where that does not say."""
    found = None
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/locks", encoding="ascii") as lines:
        for words in map(str.split, lines):
            if words[1] != "FLOCK" or int(words[4]) <= 0 or int(words[4]) == os.getpid():
                continue
            major, minor, number = words[5].split(":")
            if int(number) == inode:
                found = int(words[4])
                if (int(major, 16), int(minor, 16)) == (os.major(device), os.minor(device)):
                    break  # some file systems show another device than stat does
    return found


def _run_of(pid: int) -> str:
    """Id of the run that this process hosts, by its socket; empty when it has none that we may reach."""
    option = getattr(socket, "SO_PEERCRED", None)
    for path in sockets() if option is not None else ():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            client.connect(str(path))
            if struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, option or 0, 12))[0] == pid:
                return path.stem
    return ""
