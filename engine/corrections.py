"""How far predictions of memory were off, by kind of image: what was measured corrects what is predicted next.

Arithmetic only. A kind is source and target format (``jpeg>webp``). Its factor is the largest of the last ``WINDOW``
measurements divided by their predictions, so a corrected prediction covers all of them, within the bounds.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["Corrections", "kind"]

LEAST, MOST = 0.5, 4.0
"""Bounds of a factor: below the least one the next image with more detail would take the memory of others; more than
the most says that something else is wrong than the prediction."""
ENOUGH = 8
"""Measurements before a prediction is lowered; one is enough to raise it."""
MARGIN = 1.1
"""What is added before a prediction is lowered, because the next image may have more detail than those seen."""
WINDOW = 64
"""Measurements remembered of each kind."""
WORTH_BYTES = 32 * 1024**2
"""Smaller predictions teach nothing: what the allocator and lazily loaded libraries keep is as large."""
STEP = 0.05
"""Factors are rounded up to a multiple, so that they seldom change."""


def kind(source_format: str, target_format: str) -> str:
    """The kind of an image, for the pipe as well."""
    return f"{source_format}>{target_format}"


class Corrections:
    """Factors of all kinds, learned from what workers report."""

    def __init__(self) -> None:
        self._ratios: dict[str, deque[float]] = {}
        self.factors: dict[str, float] = {}
        """Those that differ from 1."""

    def note(self, kind: str, predicted: int, measured: int) -> bool:
        """One image took ``measured`` bytes where ``predicted`` was said before any correction; whether a factor
        changed."""
        if predicted < WORTH_BYTES or measured <= 0:
            return False
        ratios = self._ratios.setdefault(kind, deque(maxlen=WINDOW))
        ratios.append(measured / predicted)
        before, after = self.factors.get(kind, 1.0), _factor(max(ratios), len(ratios))
        if before == after:
            return False
        self.factors[kind] = after
        if after == 1.0:
            del self.factors[kind]
        return True


def _factor(largest: float, count: int) -> float:
    """The factor after ``count`` measurements of which the largest was ``largest`` times its prediction."""
    lowered = min(1.0, largest * MARGIN) if count >= ENOUGH else 1.0
    wanted = max(largest, lowered)
    return min(MOST, max(LEAST, math.ceil(wanted / STEP - 1e-9) * STEP))
