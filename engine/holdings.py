"""What the backups of runs cost on the disk, and how they are given up."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from engine.areas import Area, forget_area, take

__all__ = ["Held", "held", "prune"]

BLOCK_BYTES = 512
"""Unit of ``st_blocks``, whatever the file system's own blocks are (stat(2))."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one area holds."""

    images: int = 0
    bytes: int = 0
    """Room on the disk that comes free when they go; a backup that still is its path's own file counts nothing."""
    links: int = 0
    """How many are the very files; the rest are copies."""


def held(area: Area) -> Held:
    """Count an area's backups; one that cannot be read counts nothing."""
    very = {os.path.basename(entry.backup): entry.before for entry, _ in area.entries() if entry.backup}
    images = size = links = 0
    with contextlib.suppress(OSError):
        for backup in area.backups():
            status = backup.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                continue
            images += 1
            size += status.st_blocks * BLOCK_BYTES if status.st_nlink == 1 else 0
            before = very.get(backup.name)
            links += before is not None and (status.st_dev, status.st_ino) == (before.device, before.inode)
    return Held(images, size, links)


def prune(area: Area) -> int:
    """Delete an area's backups, then what is written of them; returns how many. What was replaced cannot be put back
    afterwards. Raises OSError, or PlanError when the area is in use."""
    fd = take(area)
    try:
        names = [backup.name for backup in area.backups() if backup.is_file(follow_symlinks=False)]
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)
    forget_area(area.folder, area.run)
    return len(names)
