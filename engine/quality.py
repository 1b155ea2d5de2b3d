"""The search for the smallest encode that reaches a score: a function of ``encode`` and ``score`` alone.

prior ▸ encode ▸ score ─┬─▸ reaches the target, and one quality below would not ▸ done
          ▲             └─▸ bracket ▸ between its ends by the scores measured there, else along the prior ─┐
          └────────────────────────────────────────────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.efforts import Effort
from engine.formats import Format

__all__ = ["ENCODES", "LOWEST", "Curve", "Found", "Measured", "QualityTarget", "prior", "search"]

ENCODES = 8
"""Encodes at most: enough to halve any range within 1–100 down to one number."""
LOWEST = 10
"""Quality that is not gone below unless the bounds say so."""
NEAR = {Effort.FAST: 3.0, Effort.BALANCED: 0.9, Effort.SMALL: 0.6}
"""Times what one quality is worth by which a score may be above the target without trying the quality below: 0.3 %
more bytes than the smallest on average, with the effort fast 1.5 % and half an encode less."""
FAR = 4
"""Qualities that two tries must be apart to tell from them how a picture goes on: single steps go up and down."""


@dataclass(frozen=True, slots=True)
class QualityTarget:
    """What a lossy result is to look like, compared with its source."""

    score: float
    """The least score (``engine.similarity``), up to 100."""
    worst: float | None = None
    """The least score of each place; None: any."""
    lowest: int | None = None
    highest: int | None = None
    """Bounds of the quality number, 1–100; None: the format's own."""

    def to_json(self) -> list[object]:
        """For the worker's pipe."""
        return [self.score, self.worst, self.lowest, self.highest]


Curve = Sequence[tuple[float, float]]
"""Quality and score of a usual picture, both rising."""

_PRIORS: dict[Format, Curve] = {
    Format.JPEG: (
        *((30, 49.0), (40, 55.5), (45, 58.5), (50, 61.6), (55, 63.7), (60, 66.2), (65, 68.8), (70, 71.4), (74, 74.0)),
        *((78, 76.4), (82, 78.5), (85, 80.4), (88, 82.5), (90, 84.1), (92, 85.8), (94, 87.6), (96, 89.3), (98, 91.1)),
    ),
    Format.WEBP: (
        *((20, 43.2), (35, 53.7), (45, 59.3), (55, 63.0), (62, 65.4), (68, 67.6), (74, 69.8), (79, 73.7)),
        *((83, 77.3), (87, 80.9), (90, 83.3), (93, 86.0), (96, 88.0), (99, 89.3)),
    ),
    Format.AVIF: (
        *((20, 35.9), (30, 49.2), (40, 61.1), (48, 68.6), (55, 75.1), (62, 79.7)),
        *((68, 83.6), (74, 85.6), (80, 88.3), (86, 90.8), (92, 94.5), (97, 96.2)),
    ),
}
_FAST_PRIORS: dict[Format, Curve] = {
    Format.JPEG: (
        *((30, 52.1), (40, 57.7), (50, 63.2), (60, 68.0), (65, 70.5), (70, 73.1), (74, 75.6), (78, 77.8), (82, 80.0)),
        *((85, 81.8), (88, 83.7), (90, 85.2), (92, 86.8), (94, 88.4), (96, 89.9), (98, 91.4)),
    ),
    Format.WEBP: ((35, 55.5), (55, 64.3), (68, 68.6), (79, 73.7), (87, 80.0), (93, 85.0), (99, 89.1)),
    Format.AVIF: ((30, 46.5), (48, 67.6), (62, 79.0), (74, 85.3), (86, 90.6), (97, 96.1)),
}
_CHROMA_PRIORS: dict[Format, Curve] = {
    Format.JPEG: (
        *((60, 68.0), (70, 73.4), (78, 78.5), (82, 80.7), (86, 83.6), (90, 86.6), (94, 89.8), (97, 92.6), (100, 95.4)),
    ),
    Format.WEBP: ((35, 56.9), (55, 65.8), (68, 70.0), (79, 75.7), (87, 82.6), (93, 87.7), (99, 91.2)),
}
"""Means over 18 to 36 photos, by format; with the effort fast; and with the colours stored better. Only where a search
begins depends on them."""


def prior(format: Format, effort: Effort, *, full_chroma: bool) -> Curve:
    """The curve of a usual photo. ``full_chroma``: JPEG in 4:4:4, WebP with its sharper subsampling."""
    if full_chroma and format in _CHROMA_PRIORS:
        return _CHROMA_PRIORS[format]
    return (_FAST_PRIORS if effort is Effort.FAST else _PRIORS)[format]


@dataclass(frozen=True, slots=True)
class Measured:
    """How much a result looks like its source, and what finding that out took."""

    score: float
    """Of the delivered file, 100 is equal (``engine.similarity``)."""
    encodes: int
    worst: float
    """The lowest score of a place of the picture, and where that begins in pixels."""
    left: int
    top: int


def _along(curve: Curve, x: float, *, of: int) -> float:
    """The curve's other coordinate where coordinate ``of`` (0: quality, 1: score) is ``x``; straight on beyond its
    ends."""
    keys = [point[of] for point in curve]
    at = min(max(1, bisect_left(keys, x)), len(curve) - 1)
    one, other = curve[at - 1], curve[at]
    return one[1 - of] + (x - one[of]) * (other[1 - of] - one[1 - of]) / (other[of] - one[of])


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Found(Generic[Result]):
    """What a search ended with."""

    quality: int
    result: Result
    score: float
    encodes: int
    reached: bool
    """Whether the score is at least the target; else this is the highest quality."""


class _Search(Generic[Result]):
    """The bracket: ``low`` is the highest quality known to fail, ``high`` the lowest known to pass."""

    def __init__(self, target: float, lowest: int, highest: int, prior: Curve, near: float) -> None:
        self.target, self.lowest, self.highest, self.prior, self.near = target, lowest, highest, prior, near
        self.low, self.high = lowest - 1, highest + 1
        self.scores: dict[int, float] = {}
        self._same = self._stride = self._last = 0
        self._side: bool | None = None

    @property
    def over(self) -> bool:
        if self.high - self.low <= 1:
            return True
        score = self.scores.get(self.high)
        return score is not None and score - self.target < self.near * self._step()

    @property
    def hopeless(self) -> bool:
        """Whether two qualities well apart fell short, and by what the last step brought the highest will too."""
        if self.high in self.scores or self._stride < FAR:
            return False
        before, here = (_along(self.prior, at, of=0) for at in (self._last - self._stride, self._last))
        gained = self.scores[self.low] - self.scores[self._last - self._stride]
        left = (_along(self.prior, self.highest, of=0) - here) * max(0.0, gained) / (here - before)
        return self.scores[self.low] + left < self.target

    def _step(self) -> float:
        """What one quality is worth near ``high``."""
        usual = _along(self.prior, self.high, of=0) - _along(self.prior, self.high - 1, of=0)
        if self.low not in self.scores:
            return usual
        return min(usual, (self.scores[self.high] - self.scores[self.low]) / (self.high - self.low))

    def next(self, left: int) -> int:
        """The quality to try, after which ``left`` more can be: they are to be enough to halve a bracket down to one
        number, and what can be reached at all is reached with the last."""
        least, most = self.low + 1, self.high - 1
        if self.low in self.scores and self.high in self.scores:
            reach: int = 2**left
            least = max(least, min(self.high - reach, most))
            most = min(most, max(self.low + reach, least))
        elif not left and self.high not in self.scores:
            return self.highest
        return max(least, min(most, self._guess()))

    def _guess(self) -> int:
        low, high = self.scores.get(self.low), self.scores.get(self.high)
        if low is not None and high is not None:
            return self._between(low, high) if self._same < 2 else (self.low + self.high) // 2
        if low is None and high is None:
            return round(_along(self.prior, self.target, of=1))
        at, score = (self.low, low) if low is not None else (self.high, high)
        assert score is not None
        # The picture's distance from 100 is taken to be a multiple of the prior's.
        times = (100.01 - _along(self.prior, at, of=0)) / (100.01 - min(score, 100.0))
        guess = _along(self.prior, 100 - (100 - self.target) * times, of=1)
        # Where that fell short twice, steps grow, so that there is soon a bracket.
        step = max(abs(guess - at), 2.0 * self._stride if self._same >= 3 else 0.0, 1.0)
        return round(at + step if low is not None else at - step)

    def _between(self, low: float, high: float) -> int:
        """Where the prior, stretched to the scores at both ends, reaches the target; rounded up."""
        ends = [_along(self.prior, end, of=0) for end in (self.low, self.high)]
        share = (self.target - low) / (high - low) if high > low else 0.5
        guess = _along(self.prior, ends[0] + share * (ends[1] - ends[0]), of=1)
        return int(-(-guess // 1))

    def learn(self, quality: int, score: float) -> None:
        passes = score >= self.target
        self._same = self._same + 1 if self._side is passes else 1
        self._stride = abs(quality - self._last) if self.scores else 0
        self._last = quality
        self._side, self.scores[quality] = passes, score
        if passes:
            self.high = quality
        else:
            self.low = quality


def search(
    encode: Callable[[int], Result],
    score: Callable[[Result], float],
    target: float,
    lowest: int,
    highest: int,
    prior: Curve,
    encodes: int = ENCODES,
    near: float = NEAR[Effort.BALANCED],
    *,
    give_up: bool = False,
) -> Found[Result]:
    """The result at the lowest quality from ``lowest`` to ``highest`` whose score is at least ``target``, or one above
    it by less than ``near`` qualities; where none is, that at ``highest``. Scores are taken to rise with quality, but
    what is called reached was measured.

    With 8 ``encodes`` every range within 1–100 can be searched through; with fewer it may be a higher quality.
    ``give_up``: the search ends where it fell short, as soon as it does not look as if ``highest`` were enough.
    """
    state: _Search[Result] = _Search(target, lowest, highest, prior, near)
    best: tuple[int, Result] | None = None
    tried = 0
    while tried < encodes and not state.over and not (give_up and state.hopeless):
        tried += 1
        quality = state.next(encodes - tried)
        result = encode(quality)
        state.learn(quality, score(result))
        if best is None or quality == state.high or (state.high > highest and quality == state.low):
            best = quality, result
    assert best is not None, "at least one quality and one encode"
    quality, result = best
    return Found(quality, result, state.scores[quality], tried, state.scores[quality] >= target)
