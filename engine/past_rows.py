"""Images and batches of a run that is over, by window, straight from the journal.

An image's index is its place among those that the run took to their end: what it left out because an earlier run had
done it is not in the journal a second time.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence

from engine.catalog import STATE_OF
from engine.journal_file import JournalFile
from engine.journal_tables import ResultRow
from engine.outcome_row import outcome_of
from engine.roots import labels
from engine.view import BatchRow, ImageRow, ImageState, Page, Window
from engine.window import MAX_ROWS, shown_row

__all__ = ["PastImages"]

_STATE = "CASE status " + " ".join(f"WHEN '{status}' THEN {state.value}" for status, state in STATE_OF.items()) + " END"
_KEYS = {
    "path": "folded(path)",
    "in": "original",
    "out": "optimized",
    "saved": "original - CASE optimized WHEN 0 THEN original ELSE optimized END",
    "state": _STATE,
    "seconds": "seconds",
}


class PastImages:
    """The images of one run; every method but ``load`` may be called from any thread."""

    def __init__(self, run: int, roots: Sequence[str], batch_size: int) -> None:
        """``run`` is its number in the journal."""
        self._run = run
        self._size = batch_size
        self._roots = [(os.path.join(root, ""), label) for root, label in zip(roots, labels(roots), strict=True)]
        self.numbers: Sequence[int] = ()
        """Their numbers in the journal, ascending."""
        self.states = b""

    def load(self, file: JournalFile) -> None:
        """Read which images there are and how each ended: states as one text, a digit an image, and numbers only
        where they are not simply all from the first to the last, for a hundred thousand rows take a while."""
        ordered = f"SELECT number, {_STATE} AS state FROM results WHERE run=? ORDER BY number"
        first, last, states = file.query(
            f"SELECT min(number), max(number), group_concat(state, '') FROM ({ordered})", (self._run,)
        ).fetchone()
        self.states = bytes(map(int, states or ""))
        if not states or last - first + 1 == len(states):
            self.numbers = range(first or 0, (first or 0) + len(self.states))
        else:
            self.numbers = array("Q", (number for number, _ in file.query(ordered, (self._run,))))

    def shown(self, path: bytes) -> str:
        """Path for display, relative to its root."""
        full = os.fsdecode(path)
        for root, label in self._roots:
            if full.startswith(root):
                return os.path.join(label, full[len(root) :])
        return full

    def page(self, file: JournalFile, window: Window) -> Page:
        """The rows of a window, as ``engine.window.page`` gives those of a run at work."""
        where, values = ["run=?"], [self._run, *window.states]
        if window.states:
            where.append(f"{_STATE} IN ({','.join('?' * len(window.states))})")
        if window.text:
            where.append("wanted(path)")
        text = window.text.casefold()
        functions: dict[str, Callable[[bytes], object]] = {
            "folded": lambda path: self.shown(path).casefold().encode("utf-8", "surrogateescape"),
            "wanted": lambda path: text in self.shown(path).casefold(),
        }
        found = f"FROM results WHERE {' AND '.join(where)}"
        total = file.query(f"SELECT count(*) {found}", values, **functions).fetchone()[0]
        order = " DESC" if window.descending else ""
        keys = [key for key in (_KEYS.get(window.sort), "number") if key]
        limits = max(0, min(window.count, MAX_ROWS)), max(0, window.offset)
        rows = file.query(
            f"SELECT {','.join(ResultRow._fields)} {found} ORDER BY {','.join(key + order for key in keys)} "
            "LIMIT ? OFFSET ?",
            (*values, *limits),
            **functions,
        )
        return Page(total, tuple(self._row(ResultRow(*row)) for row in rows))

    def _row(self, row: ResultRow) -> ImageRow:
        index, outcome = bisect_left(self.numbers, row.number), outcome_of(row)
        paths = self.shown(row.path), os.fsdecode(row.path)
        return shown_row(index, *paths, STATE_OF[outcome.status], row.slot, outcome)

    @property
    def batch_count(self) -> int:
        """How many batches there are."""
        return -(-len(self.numbers) // self._size)

    def batches(self, file: JournalFile, first: int, count: int) -> tuple[BatchRow, ...]:
        """Batches ``first`` (from 0) and following."""
        wanted = range(max(0, first), min(first + count, self.batch_count))
        return tuple(self._batch(file, number) for number in wanted)

    def _batch(self, file: JournalFile, batch: int) -> BatchRow:
        first = batch * self._size
        numbers = self.numbers[first : first + self._size]
        failed, before, after, seconds = file.query(
            "SELECT sum(status='failed'), sum(iif(status IN ('done','kept'), original, 0)), "
            "sum(iif(status IN ('done','kept'), optimized, 0)), max(at) - min(at - seconds) "
            "FROM results WHERE run=? AND number BETWEEN ? AND ?",
            (self._run, numbers[0], numbers[-1]),
        ).fetchone()
        size = len(numbers)
        return BatchRow(batch + 1, first, size, size, failed, before, after, max(0.0, seconds), complete=True)

    def count(self, state: ImageState) -> int:
        """Images that ended so."""
        return self.states.count(state)

    def workers(self, file: JournalFile) -> dict[int, int]:
        """Worker number → images it did."""
        query = "SELECT slot, count(*) FROM results WHERE run=? AND slot>=0 GROUP BY slot"
        return dict(file.query(query, (self._run,)).fetchall())

    def last_end(self, file: JournalFile) -> float:
        """Seconds from the run's beginning to the end of its last image."""
        return file.query("SELECT max(at) FROM results WHERE run=?", (self._run,)).fetchone()[0] or 0.0

    def mean_ratio(self, file: JournalFile) -> float:
        """Mean of the percent saved over done and kept images; 0 without any."""
        query = (
            "SELECT avg(100.0 * (original - optimized) / original) FROM results "
            "WHERE run=? AND status IN ('done','kept') AND original>0"
        )
        return file.query(query, (self._run,)).fetchone()[0] or 0.0
