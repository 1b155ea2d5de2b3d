"""Resident memory of this process: now, and the highest since a mark was set. For the worker side."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys

__all__ = ["highest", "mark", "now", "trim"]

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESET_PEAK = b"5"
"""What Linux takes in ``clear_refs`` as the order to count the highest resident memory anew."""


def mark() -> int:
    """Start counting anew; returns 0, or where the kernel cannot the highest so far: then only what exceeds that is
    known to have come after the mark."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
        try:
            os.write(file, _RESET_PEAK)
        finally:
            os.close(file)
    except OSError:
        return highest()
    return 0


def highest() -> int:
    """The highest since the last mark, in bytes. Not from ``getrusage``, whose number includes what the parent had
    when it started this process."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def now() -> int:
    """Bytes now; outside Linux the highest so far."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE
    return highest()


def trim() -> None:
    """Hand freed memory back to the kernel; only glibc has the call."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
