"""The journal as somebody sees it who only looks: what earlier runs did, with nothing written, not even a lock file.

Runs that were killed a moment ago may not be in it yet: the next run takes their ledgers in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from engine.known import Known
from engine.places import journal_file
from engine.settings import Settings
from engine.source import Identity

if TYPE_CHECKING:
    from engine.journal_file import JournalFile
    from engine.marks import Mark

__all__ = ["known_so_far"]

T = TypeVar("T")


class _Looking:
    """A ``known.Memory``. What cannot be read is not known."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def _ask(self, question: Callable[[JournalFile], T], otherwise: T) -> T:
        import sqlite3

        try:
            return question(self._file)
        except sqlite3.Error:
            return otherwise

    def hash_of(self, status: os.stat_result) -> bytes | None:
        return self._ask(lambda file: file.hash_of(status), None)

    def look_up(self, status: os.stat_result) -> tuple[bytes, list[Mark]] | None:
        return self._ask(lambda file: file.look_up(status), None)

    def knows_size(self, size: int) -> bool:
        return self._ask(lambda file: file.knows_size(size), False)

    def marks(self, content: bytes) -> list[Mark]:
        return self._ask(lambda file: file.marks(content), [])

    def deaths(self, content: bytes) -> tuple[int, str]:
        return self._ask(lambda file: file.deaths(content), (0, ""))

    def read(self, identity: Identity, content: str) -> None:
        """Nothing is written down."""


def known_so_far(settings: Settings) -> Known | None:
    """What earlier runs did that one with ``settings`` would not do again; None when nothing is to be remembered. May
    be used in another thread."""
    import sqlite3

    from engine.journal_file import JournalFile

    path = journal_file()
    if settings.remember == "none":
        return None
    try:
        file = JournalFile.reading(path, traceless=True) if path.exists() else JournalFile(None)
    except (sqlite3.Error, OSError):
        file = JournalFile(None)
    looking = _Looking(file)
    return Known(looking, force=settings.force, retry_quarantined=settings.retry_quarantined, resumed=frozenset())
