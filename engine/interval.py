"""A total over all images from a sample of them, with the range it lies in: survey statistics, arithmetic only.

A measure that is known of every image (its bytes) carries over to one that was measured of the sample alone (bytes
saved, seconds): the combined ratio estimator for stratified samples with finite population correction (W. G. Cochran,
*Sampling Techniques*, 3rd ed. 1977, section 6.11), its variance weighted by the known over the estimated total (C.-E.
Särndal et al., *Model Assisted Survey Sampling*, 1992, section 7.3). The range is Student's t with Satterthwaite's
degrees of freedom (Cochran, equation 5.16). A stratum of two or three images that happen to agree says little of its
spread, so spreads are drawn towards the one that all strata share, as if that had been seen ``PRIOR`` times.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

__all__ = ["CONFIDENCE", "Cell", "Range", "count_range", "ratio_total", "student"]

CONFIDENCE = 0.99
"""Share of all samples whose range would hold the truth if images were alike. Where a few decide, it is less (Cochran,
section 2.15): measured at least nine in ten (``tests/benchmarks/estimate.py``)."""
COUNT_CONFIDENCE = 0.9
"""The same for counts, whose range reaches to whole images."""
PRIOR = 2.0
ROUNDING = 1e-9
"""What the arithmetic may take off a whole number of degrees of freedom."""
LEAST_SAMPLE = 2
"""Images of a stratum, or of what shares a ratio, before it stands for itself."""


@dataclass(frozen=True, slots=True)
class Range:
    """A figure that was estimated: low ≤ value ≤ high. All three are equal where nothing had to be guessed."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Range:
        """Known."""
        return cls(value, value, value)

    def scaled(self, factor: float) -> Range:
        """Each of the three times ``factor``, which is not negative."""
        return Range(self.value * factor, self.low * factor, self.high * factor)

    def clipped(self, low: float, high: float) -> Range:
        """As far as it lies between ``low`` and ``high``."""
        return Range(*(min(high, max(low, each)) for each in (self.value, self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Cell:
    """One stratum, and what was measured of the images drawn from it."""

    group: str
    """What shares one ratio: strata of one format."""
    images: int
    known: float
    """The known measure, over all its images."""
    drawn: tuple[tuple[float, float], ...] = ()
    """Of each image drawn: the known measure and the one that was measured."""

    @property
    def complete(self) -> bool:
        """Whether all its images were drawn."""
        return len(self.drawn) >= self.images

    @property
    def stands_alone(self) -> bool:
        """Whether it says something of its own spread, or has none."""
        return self.complete or len(self.drawn) >= LEAST_SAMPLE

    def joined(self, other: Cell) -> Cell:
        """Both as one stratum."""
        return replace(
            self, images=self.images + other.images, known=self.known + other.known, drawn=self.drawn + other.drawn
        )


def ratio_total(
    cells: Sequence[Cell], confidence: float = CONFIDENCE, like: Sequence[Cell] | None = None
) -> Range | None:
    """The total of the measured figure over all images of ``cells``, neighbours next to each other; None when too few
    were drawn to say anything. ``like``: the strata that share a spread with them; None: they alone."""
    settled = _settled([cell for cell in cells if cell.images])
    others = settled if like is None else _settled([cell for cell in like if cell.images])
    if settled is None or others is None:
        return None
    spread = _shared_spread(others)
    value = 0.0
    parts: list[tuple[float, int]] = []
    for group in dict.fromkeys(cell.group for cell in settled):
        total, variances = _group_total([cell for cell in settled if cell.group == group], spread)
        value += total
        parts += variances
    half = _half_width(parts, confidence)
    return Range(value, value - half, value + half)


def _settled(cells: Sequence[Cell]) -> list[Cell] | None:
    """Every cell with enough images drawn: others join their neighbour of the same group, groups the last one."""
    joined = [cell for group in dict.fromkeys(cell.group for cell in cells) for cell in _join(cells, group)]
    short = [cell for cell in joined if not cell.stands_alone]
    if not short:
        return joined
    rest = [cell for cell in joined if cell.stands_alone and not cell.complete]
    others = [cell for cell in joined if cell.complete]
    if not rest:
        rest, others = others[-1:], others[:-1]
    whole = short[0]
    for cell in [*short[1:], *rest]:
        whole = whole.joined(cell)
    return [*others, whole] if len(whole.drawn) >= LEAST_SAMPLE else None


def _join(cells: Iterable[Cell], group: str) -> list[Cell]:
    """Cells of one group, those with too few drawn taken together with the next (the last: with the one before)."""
    found: list[Cell] = []
    for cell in (each for each in cells if each.group == group):
        if found and not found[-1].stands_alone:
            found[-1] = found[-1].joined(cell)
        else:
            found.append(cell)
    if len(found) > 1 and not found[-1].stands_alone:
        last = found.pop()
        found[-1] = found[-1].joined(last)
    return found


def _means(cell: Cell) -> tuple[float, float]:
    count = len(cell.drawn)
    return sum(known for known, _ in cell.drawn) / count, sum(found for _, found in cell.drawn) / count


def _ratio(cells: Sequence[Cell]) -> tuple[float, float]:
    """Measured by known, and the known total as the sample alone would have it."""
    known = found = 0.0
    for cell in cells:
        means = _means(cell)
        known += cell.images * means[0]
        found += cell.images * means[1]
    return (found / known if known else 0.0), known


def _squares(cell: Cell, ratio: float) -> float:
    """Sum of squared deviations of the residuals from their mean."""
    residuals = [found - ratio * known for known, found in cell.drawn]
    mean = math.fsum(residuals) / len(residuals)
    return math.fsum((each - mean) ** 2 for each in residuals)


def _shared_spread(cells: Sequence[Cell]) -> float:
    """Variance of the residuals in squares of the mean known measure, over all cells that were not drawn whole."""
    squares = 0.0
    freedom = 0
    for group in dict.fromkeys(cell.group for cell in cells):
        own = [cell for cell in cells if cell.group == group]
        ratio, _ = _ratio(own)
        for cell in own:
            mean = _means(cell)[0]
            if not cell.complete and mean > 0:
                squares += _squares(cell, ratio) / mean**2
                freedom += len(cell.drawn) - 1
    return squares / freedom if freedom else 0.0


def _group_total(cells: Sequence[Cell], spread: float) -> tuple[float, list[tuple[float, int]]]:
    """The total of cells that share a ratio, and the variance each adds with its degrees of freedom."""
    ratio, estimated = _ratio(cells)
    known = sum(cell.known for cell in cells)
    weight = (known / estimated) ** 2 if estimated else 1.0
    parts: list[tuple[float, int]] = []
    for cell in cells:
        if cell.complete:
            continue
        count, mean = len(cell.drawn), _means(cell)[0]
        variance = (_squares(cell, ratio) + PRIOR * spread * mean**2) / (count - 1 + PRIOR)
        left = 1 - count / cell.images
        parts.append((weight * cell.images**2 * left * variance / count, count - 1))
    return ratio * known, parts


def _half_width(parts: Sequence[tuple[float, int]], confidence: float) -> float:
    variance = math.fsum(part for part, _ in parts)
    if variance <= 0:
        return 0.0
    # By shares of the variance, whose squares do not vanish where the variance itself is next to nothing.
    freedom = 1 / math.fsum((part / variance) ** 2 / free for part, free in parts)
    whole = int(freedom * (1 + ROUNDING))
    return student(0.5 + confidence / 2, max(1, whole)) * math.sqrt(variance)


def student(probability: float, freedom: int) -> float:
    """Quantile of Student's t for ``probability`` of 0.5 to 1: exact for one and two degrees of freedom, else the
    expansion of Cornish and Fisher (M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*, 26.7.5),
    which is at most 1.2 % off up to 0.975."""
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) * math.sqrt(2 / (4 * probability * (1 - probability)))
    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160
    return z + first / freedom + second / freedom**2 + third / freedom**3 + fourth / freedom**4


def count_range(cells: Sequence[Cell], confidence: float = COUNT_CONFIDENCE) -> Range | None:
    """How many of all images have a property, from cells whose measured figure is 1 or 0; None when none was drawn.

    Wilson's interval (L. D. Brown, T. T. Cai and A. DasGupta, *Interval Estimation for a Binomial Proportion*, 2001)
    over the images that were not drawn, whose share is that of each stratum's sample weighted by its images; low and
    high are whole images.
    """
    drawn = sum(len(cell.drawn) for cell in cells)
    counted = _effective(cells) or drawn
    seen = math.fsum(found for cell in cells for _, found in cell.drawn)
    left = sum(max(0, cell.images - len(cell.drawn)) for cell in cells)
    if not left or not drawn:
        return Range.exact(seen) if not left else None
    overall = seen / drawn
    expected = math.fsum(
        max(0, cell.images - len(cell.drawn)) * (_means(cell)[1] if cell.drawn else overall) for cell in cells
    )
    share = expected / left
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    middle = (share + z2 / (2 * counted)) / (1 + z2 / counted)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * counted)) / counted) / (1 + z2 / counted)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Range(seen + expected, seen + math.floor(left * min(low, share)), seen + math.ceil(left * max(high, share)))


def _effective(cells: Sequence[Cell]) -> float:
    """Images of a simple sample that says as much of those not drawn as these strata do (L. Kish, *Survey Sampling*,
    1965): (Σ w)² / Σ w², where each image drawn stands for w others."""
    strata = [cell for cell in cells if cell.drawn and not cell.complete]
    weight = sum(cell.images for cell in strata)
    return weight**2 / sum(cell.images**2 / len(cell.drawn) for cell in strata) if strata else 0.0
