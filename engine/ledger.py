"""What a worker writes down of each image before its result takes its name, so that a kill loses nothing.

A ledger is a file of one JSON line an image, one ledger for each worker of a run, in the run's folder of records. Its
lines say what is about to happen; whether it did, the file system tells: the result has the inode of its temp. So after
a kill the next run knows what was replaced by what, also when its journal is gone, and an original that was linked into
the backups and not replaced is found again.

In place a line is on the disk before the rename it speaks of. Elsewhere a lost line costs one more encode.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine import descriptors
from engine.compact_json import compact
from engine.source import Identity

__all__ = ["MARK", "SUFFIX", "Entry", "Ledgers", "content_hash", "file_hash", "is_written", "ledgers"]
__all__ += ["read_ledger"]

MARK = "user.imgopt-tui"
"""Extended attribute of a result that carries its own entry."""
SUFFIX = ".ledger"
HASH_HEX = 32
"""Hexadecimal digits kept of a SHA-256: 128 bits."""


def content_hash(data: bytes | memoryview) -> str:
    """What tells two contents apart: the first 128 bits of their SHA-256, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:HASH_HEX]


def file_hash(fd: int) -> str:
    """``content_hash`` of an open file; raises OSError."""
    with open(fd, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:HASH_HEX]


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that is through: what it was, and what stands now."""

    source: str
    """Path as ``os.fsdecode`` gives it."""
    before: Identity
    """The source as it was read."""
    before_hash: str
    """``content_hash`` of the source."""
    recipe: str
    """``Recipe.key`` of what was asked for."""
    kept: bool = False
    """The original was the better file; ``after`` is then its copy, or the original itself."""
    lossy: bool = False
    """The result holds less than its source, so it must never be the source of another."""
    target: str = ""
    """Path of the result; the source's own in place."""
    after: Identity | None = None
    """The result. Before the rename its ``ctime_ns`` is 0: a rename changes it."""
    after_hash: str = ""
    backup: str = ""
    """Path of the original in the backup area; empty when none was kept."""

    @property
    def in_place(self) -> bool:
        """Whether the result took the place of its source."""
        return self.target == self.source

    @property
    def mark(self) -> bytes:
        """What the result's extended attribute ``MARK`` says."""
        flags = int(self.kept) | int(self.lossy) << 1
        return f"1 {self.before_hash} {self.after_hash} {self.recipe} {flags}".encode("ascii")

    def to_json(self) -> list[object]:
        """A bare list, because there is one for each image."""
        after = self.after.parts if self.after is not None else None
        names = (self.source, self.target if not self.in_place else None, self.backup)
        flags = int(self.kept) | int(self.lossy) << 1
        return [*names, self.before.parts, self.before_hash, after, self.after_hash, self.recipe, flags]

    @classmethod
    def from_json(cls, value: list[object]) -> Entry:
        """The reverse of ``to_json``; raises ValueError or TypeError for anything else."""
        source, target, backup, before, before_hash, after, after_hash, recipe, flags = value
        if not (isinstance(source, str) and isinstance(flags, int) and isinstance(before, list)):
            raise TypeError("not an entry of a ledger")
        return cls(
            source,
            Identity(*before),
            str(before_hash),
            str(recipe),
            kept=bool(flags & 1),
            lossy=bool(flags & 2),
            target=source if target is None else str(target),
            after=Identity(*after) if isinstance(after, list) else None,
            after_hash=str(after_hash),
            backup=str(backup),
        )

    def happened(self) -> Identity | None:
        """The result as it lies at its path now; None when that is not what this entry speaks of."""
        try:
            now = Identity.of(os.stat(self.target, follow_symlinks=False))
        except OSError:
            return None
        return now if self.after is not None and now.but_for_ctime(self.after) else None


class Ledgers:
    """The ledgers that one worker writes: one in each folder of records."""

    def __init__(self) -> None:
        self._name = secrets.token_hex(6) + SUFFIX
        self._files: dict[str, int] = {}

    def append(self, folder: str, entries: Sequence[Entry], *, sync: bool) -> None:
        """Write entries down, in one piece; with ``sync`` they are on the disk afterwards. Raises OSError."""
        fd = self._files.get(folder)
        new = fd is None
        if fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = self._files[folder] = os.open(os.path.join(folder, self._name), flags, 0o600)
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(fd, fcntl.LOCK_SH)
        text = "".join(f"{compact(entry.to_json())}\n" for entry in entries)
        descriptors.write_all(fd, text.encode("ascii"))
        if sync:
            descriptors.sync(fd)
        if sync and new:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                descriptors.sync(at)
            finally:
                descriptors.close(at)

    def close(self) -> None:
        """Close them."""
        while self._files:
            descriptors.close(self._files.popitem()[1])


def ledgers(folder: str) -> list[str]:
    """Paths of the ledgers in a folder of records; empty when there is no such folder."""
    with contextlib.suppress(OSError):
        return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(SUFFIX))
    return []


def is_written(path: str) -> bool:
    """Whether a worker that is alive writes this ledger. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return descriptors.lock(fd) is descriptors.Lock.TAKEN
    finally:
        descriptors.close(fd)


def read_ledger(path: str) -> Iterator[Entry]:
    """The entries of a ledger, oldest first; a line that is torn or damaged is passed over. Raises OSError."""
    with open(path, "rb") as file:
        for line in file:
            with contextlib.suppress(ValueError, TypeError):
                if line.endswith(b"\n"):
                    yield Entry.from_json(json.loads(line))
