"""What the journal is told when the originals of a run go back to their places or are given up, long after its end."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence

from engine.history import journal_file
from engine.journal_file import Damaged, JournalFile
from engine.ledger import Entry

__all__ = ["given_up", "taken_back"]


def taken_back(run: str, entries: Sequence[Entry], *, back: int, kept: int) -> None:
    """``back`` originals of a run were put back and ``kept`` bytes of them are left: ``entries``, those that stand
    again, do not count as done any more. A journal that cannot be had has nothing to forget; what was encoded with loss
    stays known as that."""
    with _journal() as file:
        if file is not None:
            file.forget(entries)
            file.note_originals(run, back=back, kept=kept)


def given_up(run: str) -> None:
    """A run keeps no originals any more."""
    with _journal() as file:
        if file is not None:
            file.note_originals(run, back=0, kept=0)


@contextlib.contextmanager
def _journal() -> Iterator[JournalFile | None]:
    """None where there is none; what goes wrong inside ends it without a word."""
    path = journal_file()
    if not path.exists():
        yield None
        return
    try:
        file = JournalFile(path)
    except (sqlite3.Error, OSError, Damaged):
        yield None
        return
    try:
        with contextlib.suppress(sqlite3.Error):
            yield file
    finally:
        file.close()
