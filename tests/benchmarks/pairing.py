"""Contenders measured in turns, and what their rounds say of each other: medians, ranges, ratios.

    round 1: A B C   round 2: B C A   …   a ratio is taken within a round, then the median over the rounds

What slows the machine down for a while slows down the neighbours in a round alike, so ratios are steadier than times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

__all__ = ["Contender", "Sample", "Spread", "add_options", "interleave", "ratio", "say", "show"]

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One contender in one round."""

    seconds: float
    """On the clock."""
    cpu: float = 0.0
    """CPU seconds of its process and all that process waited for."""
    bytes: int = 0
    """Size of what it wrote."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to measure."""

    name: str
    run: Callable[[int], Sample]
    """Called with the number of the round, from 0; prepares and tidies up outside of what it times."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the rounds of one figure."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def text(self, digits: int = 3) -> str:
        """``0.981 (0.962–1.004)``."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of ``above`` to ``below``, round by round; both from the same rounds."""
    return Spread.of([one / other for one, other in zip(above, below, strict=True)])


def interleave(
    contenders: Sequence[Contender], rounds: int, note: Callable[[str], None] = lambda line: None
) -> dict[str, list[Sample]]:
    """Run every contender once a round; the samples by name. Each round begins with another one, so that none gains or
    loses by what it comes after."""
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            sample = contender.run(number)
            samples[contender.name].append(sample)
            note(f"round {number + 1} of {rounds}: {contender.name}: {sample.seconds:.3f} s")
    return samples


def say(line: str) -> None:
    """A line for whoever waits."""
    print(line, file=sys.stderr, flush=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options every benchmark has."""
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each contender runs (default {ROUNDS})")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the table")


def show(title: str, figures: Mapping[str, object], lines: Sequence[str], *, as_json: bool) -> None:
    """Print the result: the lines for people, or ``figures`` as one line of JSON with spreads as objects."""
    if as_json:
        print(json.dumps({"benchmark": title, **figures}, default=_plain))
    else:
        print("\n".join((title, *(f"  {line}" for line in lines))))


def _plain(value: object) -> object:
    if isinstance(value, Spread):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
