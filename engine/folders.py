"""Folders that results go to: how one is marked as ours, and how one is opened without following a link."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from engine.descriptors import close

__all__ = ["mark_ours", "open_folder", "ours", "unmark"]

MARKER = ".imgopt-tui"
"""Name of the file that makes an output folder ours."""
MARKER_TEXT = (
    "Results of imgopt-tui. Folders with this file are never read as input, and their files may be replaced.\n"
)


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


def open_folder(folder: str, *, create: bool) -> int:
    """A descriptor of ``folder``, made if need be. No link is followed on the way: planned paths have none, and one
    put there since could lead to the originals."""
    *above, last = ["/", *(part for part in os.path.abspath(folder).split(os.sep) if part)]
    at: int | None = None
    try:
        for part in above:
            at, before = _step(at, part, getattr(os, "O_PATH", os.O_RDONLY), create=create), at
            if before is not None:
                close(before)
        return _step(at, last, os.O_RDONLY, create=create)
    finally:
        if at is not None:
            close(at)


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
