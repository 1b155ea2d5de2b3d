"""One picture at the least quality that looks like its source: what each format can do for a score.

JPEG is tried in 4:2:0, and where that cannot reach the score in 4:4:4; WebP likewise with its sharper subsampling.
WebP without loss competes where the source is without loss and the lossy result is not far smaller. A PNG's palette
must reach the score, else the PNG stays lossless.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from engine.efforts import Effort
from engine.formats import Format
from engine.quality import ENCODES, LOWEST, NEAR, Found, Measured, QualityTarget, prior, search

if TYPE_CHECKING:
    from engine.encoders import Bytes
    from engine.similarity import Comparison

__all__ = ["Choice", "Encoder", "bounds", "palette", "reach", "without_loss"]

SUBSAMPLED_UP_TO = 97
"""JPEG quality from which 4:4:4 is the smaller way to a higher score."""
AVIF_STEPS = (
    *(1, 3, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 35, 37, 39, 40, 42, 44, 45, 47, 49, 50, 52, 54),
    *(55, 56, 58, 59, 60, 62, 63, 64, 66, 67, 68, 70, 71, 72, 74, 75, 76, 78, 79, 80, 82, 83, 84, 86, 87, 88, 90, 91),
    *(92, 94, 95, 96, 98, 99),
)
"""Qualities at which an AVIF changes: AV1 has 63 quantizers of use, and those between are the same file again."""
LOSSLESS_SHARE = 0.4
"""Share of a lossless source's bytes from which a lossy result may be beaten by a lossless WebP: photos stay below."""


class Encoder(Protocol):
    """Makes the picture at a quality."""

    def __call__(self, quality: int, full_chroma: bool | None = None) -> Bytes:
        """The whole file."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A result, and what it was made with."""

    quality: int
    bytes: Bytes
    measured: Measured | None = None
    missed: str = ""
    """What it does not reach, for the user; empty when it reaches all that was asked for."""


def bounds(format: Format, target: QualityTarget) -> tuple[int, int]:
    """The lowest and the highest quality that may be tried. WebP and AVIF are lossless at 100."""
    most = 100 if format is Format.JPEG else 99
    lowest = min(most, target.lowest or LOWEST)
    return lowest, max(lowest, min(most, target.highest or most))


@dataclass(frozen=True, slots=True)
class _Try:
    bytes: Bytes
    seen: Comparison

    def towards(self, target: QualityTarget) -> float:
        """The score, lowered as far as the worst place is below its own target."""
        if target.worst is None:
            return self.seen.score
        return min(self.seen.score, self.seen.worst - target.worst + target.score)


def reach(
    format: Format,
    target: QualityTarget,
    effort: Effort,
    encode: Encoder,
    compare: Callable[[bytes], Comparison],
    span: tuple[int, int],
    encodes: int = ENCODES,
) -> Choice:
    """The smallest lossy result found that reaches ``target`` with a quality within ``span``, in at most ``encodes``;
    where none does, that at the highest, with what it misses."""
    lowest, highest = span

    if format is Format.AVIF:  # always 4:4:4
        return _avif(target, effort, encode, compare, span, encodes)

    def tries(full_chroma: bool, most: int, left: int) -> Found[_Try]:
        def one(quality: int) -> _Try:
            result = encode(quality, full_chroma)
            return _Try(result, compare(result.data))

        curve = prior(format, effort, full_chroma=full_chroma)
        near, again = NEAR[effort], not full_chroma
        return search(
            one, lambda each: each.towards(target), target.score, lowest, most, curve, left, near, give_up=again
        )

    most = max(lowest, min(highest, SUBSAMPLED_UP_TO)) if format is Format.JPEG else highest
    found = tries(False, most, encodes)
    if found.reached or found.encodes >= encodes:
        return _choice(found, target)
    better = tries(True, highest, encodes - found.encodes)
    given_up = found.quality < most
    best = better if better.reached or given_up or better.score > found.score else found
    return _choice(replace(best, encodes=found.encodes + better.encodes), target)


def _avif(
    target: QualityTarget,
    effort: Effort,
    encode: Encoder,
    compare: Callable[[bytes], Comparison],
    span: tuple[int, int],
    encodes: int,
) -> Choice:
    """The search over the qualities that differ, by their number."""
    steps = [step for step in AVIF_STEPS if span[0] <= step <= span[1]] or [span[1]]

    def one(number: int) -> _Try:
        result = encode(steps[number])
        return _Try(result, compare(result.data))

    def numbered(quality: float) -> float:
        after = min(max(1, bisect_left(AVIF_STEPS, quality)), len(AVIF_STEPS) - 1)
        low, high = AVIF_STEPS[after - 1], AVIF_STEPS[after]
        first = bisect_left(AVIF_STEPS, steps[0])
        return after - 1 + (quality - low) / (high - low) - first

    curve = [(numbered(quality), score) for quality, score in prior(Format.AVIF, effort, full_chroma=True)]
    most, near = len(steps) - 1, NEAR[effort]
    found = search(one, lambda each: each.towards(target), target.score, 0, most, curve, encodes, near)
    return _choice(replace(found, quality=steps[found.quality]), target)


def _choice(found: Found[_Try], target: QualityTarget) -> Choice:
    seen = found.result.seen
    measured = Measured(seen.score, found.encodes, seen.worst, seen.left, seen.top)
    missed = "" if found.reached else _missed(measured, found.quality, target)
    return Choice(found.quality, found.result.bytes, measured, missed)


def _missed(measured: Measured, quality: int, target: QualityTarget) -> str:
    """In the words of the row; rounded down, so that it never says the number that was asked for."""
    if measured.score < target.score:
        what = f"score {_down(measured.score)}, not {target.score:g},"
    else:
        what = f"score {_down(measured.worst)} at its worst place, not {target.worst:g},"
    return f"{what} at the highest quality it may have ({quality})"


def _down(score: float) -> str:
    return f"{math.floor(score * 10) / 10:.1f}"


def without_loss(choice: Choice, encode: Encoder, source_share: float) -> Choice:
    """``choice``, or the same picture without loss where that is smaller, or where ``choice`` misses the target.

    ``source_share`` is what the lossy result has of the bytes of its lossless source.
    """
    if source_share < LOSSLESS_SHARE and not choice.missed:
        return choice
    exact = encode(100)
    if not exact.lossless or (not choice.missed and len(exact.data) > len(choice.bytes.data)):
        return choice
    return Choice(100, exact, _equal(choice))


def palette(quality: int, target: QualityTarget, encode: Encoder, compare: Callable[[bytes], Comparison]) -> Choice:
    """A PNG with the palette of ``quality`` where that reaches ``target``, else without loss."""
    result = encode(quality)
    if result.lossless:
        return Choice(quality, result)
    one = _Try(result, compare(result.data))
    if one.towards(target) >= target.score:
        return Choice(quality, result, Measured(one.seen.score, 1, one.seen.worst, one.seen.left, one.seen.top))
    return Choice(100, encode(100))


def _equal(choice: Choice) -> Measured:
    """Of a result whose pixels are the source's own."""
    return Measured(100.0, choice.measured.encodes + 1 if choice.measured else 1, 100.0, 0, 0)
