"""Two runs side by side: what one made smaller or larger than the other, and what failed only in one of them.

Images are the same where their paths are. A pure fold; it holds a few hundred bytes for each image of the other run.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.job import WRITTEN, Status
from engine.journal_tables import ResultRow
from engine.task import saved_percent

__all__ = ["Change", "Comparison", "compare"]

MOST = 20
"""Images named in each list."""


@dataclass(frozen=True, slots=True)
class Change:
    """An image whose result has another size."""

    path: str
    before: int
    """Bytes in the other run."""
    after: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against another one, the earlier as a rule."""

    settings: tuple[tuple[str, Any, Any], ...]
    """Name, value there, value here, of each setting that differs; None: the default."""
    both: int
    """Images with a result in both."""
    bytes_before: int
    """Of the results of these in the other run."""
    bytes_after: int
    smaller: int
    larger: int
    only_here: int
    """Images that only this run has, whatever became of them."""
    only_there: int
    changes: tuple[Change, ...]
    """The largest differences of size."""
    newly_failed: tuple[str, ...]
    """Failed here, and not there."""
    no_longer_failed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "settings": [{"setting": name, "before": before, "after": after} for name, before, after in self.settings],
            "imagesInBoth": self.both,
            "bytesBefore": self.bytes_before,
            "bytesAfter": self.bytes_after,
            "savedPercent": saved_percent(self.bytes_before, self.bytes_after),
            "smaller": self.smaller,
            "larger": self.larger,
            "onlyHere": self.only_here,
            "onlyThere": self.only_there,
            "changes": [{"path": one.path, "before": one.before, "after": one.after} for one in self.changes],
            "newlyFailed": list(self.newly_failed),
            "noLongerFailed": list(self.no_longer_failed),
        }


def compare(
    here: Iterable[ResultRow],
    there: Iterable[ResultRow],
    settings_here: Mapping[str, Any],
    settings_there: Mapping[str, Any],
) -> Comparison:
    """Run ``here`` against run ``there``; the settings are those that differ from the default."""
    others = {row.path: (row.status, row.optimized) for row in there}
    sums = dict.fromkeys(("both", "before", "after", "smaller", "larger", "only"), 0)
    changes: list[tuple[int, int, Change]] = []
    failed: list[str] = []
    mended: list[str] = []
    for row in here:
        other = others.pop(row.path, None)
        if other is None:
            sums["only"] += 1
            continue
        status, size = other
        if (row.status == Status.FAILED) != (status == Status.FAILED):
            (failed if row.status == Status.FAILED else mended).append(os.fsdecode(row.path))
        if row.status in WRITTEN and status in WRITTEN:
            sums["both"] += 1
            sums["before"] += size
            sums["after"] += row.optimized
            sums["smaller"] += row.optimized < size
            sums["larger"] += row.optimized > size
            if row.optimized != size:
                one = abs(row.optimized - size), row.number, Change(os.fsdecode(row.path), size, row.optimized)
                (heapq.heappush if len(changes) < MOST else heapq.heappushpop)(changes, one)
    names = sorted({*settings_here, *settings_there})
    pairs = ((name, settings_there.get(name), settings_here.get(name)) for name in names)
    return Comparison(
        tuple(pair for pair in pairs if pair[1] != pair[2]),
        sums["both"],
        sums["before"],
        sums["after"],
        sums["smaller"],
        sums["larger"],
        sums["only"],
        len(others),
        tuple(change for _, _, change in sorted(changes, reverse=True)),
        tuple(failed[:MOST]),
        tuple(mended[:MOST]),
    )
