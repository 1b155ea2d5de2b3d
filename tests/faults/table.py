"""What a part of the suite came to, and the table of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.judge import Judge
from tests.faults.trees import make_samples


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    fault: str
    injected: str
    """What was done, in a few words."""
    times: int
    """How often it was done."""
    losses: Sequence[object] = ()
    """What was lost, damaged or not told; none: the fault cost nothing."""
    note: str = ""
    """A figure, or why it was not run (then ``times`` is 0)."""

    @property
    def result(self) -> str:
        """For the table."""
        if self.losses:
            return f"{len(self.losses)} LOST"
        return f"ok{f' ({self.note})' if self.note else ''}" if self.times else f"not run: {self.note}"


@dataclass
class Bench:
    """What every part is given."""

    base: Path
    """A folder of its own, on a real file system."""
    long: bool
    seed: int = 1
    """Of what is left to chance."""
    judge: Judge = field(default_factory=Judge)

    def samples(self, count: int) -> list[Path]:
        """``count`` small pictures."""
        return make_samples(self.base / f"samples-{count}", count)

    def folder(self, name: str) -> Path:
        """A new folder."""
        path = self.base / name
        path.mkdir(parents=True)
        return path


SHOWN = 4
Part = Callable[[Bench], list[Row]]


def timed(part: Part, bench: Bench) -> tuple[list[Row], float]:
    """Rows of a part and the seconds that it took; a part that breaks is a loss of its own."""
    began = time.monotonic()
    try:
        rows = part(bench)
    except Exception as error:
        rows = [
            Row(getattr(part, "__name__", "part"), "the part itself broke", 1, [f"{type(error).__name__}: {error}"])
        ]
    return rows, time.monotonic() - began


COLUMNS = (("fault", 46), ("injected", 62), ("times", 7))


def print_head() -> None:
    """The table's first line."""
    print("  ".join(name.ljust(width) for name, width in COLUMNS) + "  result", flush=True)


def print_rows(rows: Sequence[Row]) -> None:
    """Lines of the table, the first losses below their row."""
    for row in rows:
        cells = [row.fault, row.injected, str(row.times)]
        line = "  ".join(text.ljust(width) for text, (_, width) in zip(cells, COLUMNS, strict=True))
        print(f"{line}  {row.result}", flush=True)
        for loss in row.losses[:SHOWN]:
            print(f"    {loss}"[:300], flush=True)
