"""How the system ranks a worker among other processes: its nice value, and its class for disk access.

Linux keeps both for each thread, so every thread of the process is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum

__all__ = ["IoClass", "own_nice", "set_io", "set_nice"]


class IoClass(StrEnum):
    """When a process may read and write, as ``ionice`` knows it."""

    NORMAL = "normal"
    """As the system has it: best effort, by the nice value."""
    LOW = "low"
    """Best effort, level 7: after all others of this class."""
    IDLE = "idle"
    """Only while nobody else does."""


_IO = {IoClass.NORMAL: (0, 0), IoClass.LOW: (2, 7), IoClass.IDLE: (3, 0)}
"""Class and level as ``ioprio_set`` takes them."""


def own_nice() -> int:
    """The nice value of this process, which its children start with."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def _threads(pid: int) -> list[int]:
    if sys.platform != "linux":
        return [pid]
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def _of_each(pid: int, change: Callable[[int], object]) -> None:
    """Change every thread, also one that begins meanwhile; it has taken over what the thread had that began it."""
    done: set[int] = set()
    try:
        while new := set(_threads(pid)) - done:
            for thread in new:
                change(thread)
            done |= new
    except (ProcessLookupError, FileNotFoundError):
        pass  # it is gone


def set_nice(pid: int, nice: int) -> None:
    """Set the nice value, −20 to 19, of a process; one that is gone is no error. Raises PermissionError where it would
    be lowered without the right to do so."""
    _of_each(pid, lambda thread: os.setpriority(os.PRIO_PROCESS, thread, nice))


def set_io(pid: int, kind: IoClass) -> None:
    """Set the class for disk access of a process; nothing happens where the system has none. Raises OSError."""
    if sys.platform == "linux":
        import psutil

        level = _IO[kind]
        try:
            _of_each(pid, lambda thread: psutil.Process(thread).ionice(*level))
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied as error:
            raise PermissionError(str(error)) from None
