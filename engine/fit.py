"""The best quality whose result fits a size, by bisection: a function of ``encode`` alone."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Protocol, TypeVar

__all__ = ["ENCODES", "LOWEST", "fit"]

LOWEST = 10
"""Quality below which a picture is skipped rather than made to fit."""
ENCODES = 7
"""Encodes at most; enough for every number from ``LOWEST`` up when most are too large, else one short of the best."""


class HasData(Protocol):
    """What an encoder answers with."""

    @property
    def data(self) -> Sized:
        """The bytes."""
        ...


Result = TypeVar("Result", bound=HasData)


def fit(encode: Callable[[int], Result], quality: int, limit: int) -> tuple[int, Result] | None:
    """The result at the highest quality up to ``quality`` found to have at most ``limit`` bytes, and that quality;
    None when none has. Size is taken to rise with quality.
    """
    best: tuple[int, Result] | None = None
    low, high, at = min(LOWEST, quality), quality, quality
    for _ in range(ENCODES):
        result = encode(at)
        if len(result.data) <= limit:
            best, low = (at, result), at + 1
        else:
            high = at - 1
        if low > high:
            break
        at = (low + high) // 2
    return best
