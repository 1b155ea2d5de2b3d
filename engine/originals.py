"""What the journal is told when the originals of a run go back to their places or are given up, long after its end.

A journal that cannot be had has nothing to be told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from engine.errors import RunnerError
from engine.history import writing
from engine.ledger import Entry
from engine.places import journal_file

__all__ = ["given_up", "taken_back"]


def taken_back(run: str, entries: Sequence[Entry], *, back: int, kept: int) -> None:
    """``back`` originals of a run were put back and ``kept`` bytes of them are left: ``entries``, those that stand
    again, do not count as done any more. What was encoded with loss stays known as that."""
    _note(run, entries, back=back, kept=kept)


def given_up(run: str) -> None:
    """A run keeps no originals any more."""
    _note(run, (), back=0, kept=0)


def _note(run: str, entries: Sequence[Entry], *, back: int, kept: int) -> None:
    if journal_file().exists():
        with contextlib.suppress(RunnerError), writing() as file:
            file.forget(entries)
            file.note_originals(run, back=back, kept=kept)
