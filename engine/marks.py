"""What is known of contents, as rows of the journal: which content a file of some stat data has, and what a content is
to a recipe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from engine.ledger import Entry
from engine.source import Identity

__all__ = ["MARK_COLUMNS", "Kind", "Mark", "mark_of", "rows_of", "signed", "stat_row"]

MARK_COLUMNS = "recipe, kind, other, flags, run, backup, siblings"
"""Those of ``marks`` that ``mark_of`` reads, in its order."""


class Kind(IntEnum):
    """Which side of an encode a content was on."""

    SOURCE = 0
    """A result was made of it elsewhere; ``other`` is the result."""
    RESULT = 1
    """It is a result, or an original that was the better file; ``other`` is what it was made from."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a content."""

    recipe: str
    kind: Kind
    other: bytes
    flags: int
    run: str
    backup: bytes
    """Path of the original that ``other`` speaks of; empty when it is not kept."""
    siblings: str | None
    """Names of the files written beside the result, with ``/`` between; None when not known."""

    @property
    def kept(self) -> bool:
        """The original was the better file."""
        return bool(self.flags & 1)

    @property
    def lossy(self) -> bool:
        """Made with loss, so never to be encoded again."""
        return self.kind is Kind.RESULT and bool(self.flags & 2)


def signed(number: int) -> int:
    """SQLite's integers are signed; some file systems use all 64 bits."""
    return number - 2**64 if number >= 2**63 else number


def mark_of(row: Sequence[Any]) -> Mark:
    """A row of ``marks``."""
    recipe, kind, *rest = row
    return Mark(recipe, Kind(kind), *rest)


def stat_row(identity: Identity, content: str) -> tuple[object, ...]:
    """A row of ``stats``."""
    device, inode = signed(identity.device), signed(identity.inode)
    return device, inode, identity.size, identity.mtime_ns, identity.ctime_ns, bytes.fromhex(content)


def rows_of(entry: Entry, run: str, siblings: str | None) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What an entry of a ledger is in ``stats`` and in ``marks``. A ctime of 0 is one that is not known."""
    stats: list[tuple[object, ...]] = []
    marks: list[tuple[object, ...]] = []
    before, after = bytes.fromhex(entry.before_hash), bytes.fromhex(entry.after_hash)
    flags = int(entry.kept) | int(entry.lossy) << 1
    if not entry.in_place:
        stats.append(stat_row(entry.before, entry.before_hash))
        source = before, entry.recipe, Kind.SOURCE, entry.before.size, after, flags, run, b"", siblings
        marks.append(source)
    if entry.after is not None and after:
        if entry.after.ctime_ns:
            stats.append(stat_row(entry.after, entry.after_hash))
        backup = os.fsencode(entry.backup)
        marks.append((after, entry.recipe, Kind.RESULT, entry.after.size, before, flags, run, backup, siblings))
    return stats, marks
