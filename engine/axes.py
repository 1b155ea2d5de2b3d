"""Axes of a picture: from values to places, and round numbers to write beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Axis", "bytes_axis", "bytes_log_axis", "number_axis", "seconds_axis"]

TICKS = 6
"""Numbers on an axis at most."""
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``low`` to ``high``, which differ; with ``log`` both are above 0."""

    low: float
    high: float
    ticks: tuple[float, ...]
    show: Callable[[float], str]
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0–1; values outside lie at the nearer end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, self.low))
        return min(1.0, max(0.0, (value - low) / (high - low)))


def _every(step: float, low: float, high: float) -> tuple[float, ...]:
    first = math.ceil(low / step - 1e-9)
    return tuple(number * step for number in range(first, math.floor(high / step + 1e-9) + 1))


def number_axis(values: Sequence[float], unit: str = "", low: float | None = 0.0, high: float | None = None) -> Axis:
    """For numbers; ``low`` and ``high`` are ends that are given, None: where the values end."""
    bottom = min(values, default=0.0) if low is None else low
    top = max(values, default=1.0) if high is None else high
    top = top if top > bottom else bottom + 1
    power = 10 ** math.floor(math.log10((top - bottom) / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if (top - bottom) / (power * factor) <= TICKS)
    bottom = math.floor(bottom / step) * step
    return Axis(bottom, top, _every(step, bottom, top), lambda value: f"{value:.9g}{unit}")


def seconds_axis(high: float) -> Axis:
    """From 0 to ``high`` seconds."""
    high = max(high, 1.0)
    step = next((step for step in _SECONDS if high / step <= TICKS), 86_400 * math.ceil(high / 86_400 / TICKS))
    return Axis(0.0, high, _every(step, 0, high), _clock)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _size(value: float) -> str:
    for letter, power in (("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if value >= 1024**power:
            return f"{value / 1024**power:.4g} {letter}iB"
    return f"{value:.0f} B"


def bytes_axis(high: float) -> Axis:
    """From 0 to ``high`` bytes."""
    high = max(high, 1.0)
    step = 2.0 ** max(0, math.ceil(math.log2(high / TICKS)))
    return Axis(0.0, high, _every(step, 0, high), _size)


def bytes_log_axis(values: Sequence[float]) -> Axis:
    """For sizes far apart: each step is the same factor."""
    low, high = max(1.0, min(values, default=1.0)), max(2.0, max(values, default=2.0))
    low, high = 2.0 ** math.floor(math.log2(low)), 2.0 ** math.ceil(math.log2(high))
    high = high if high > low else low * 2
    step = max(1, math.ceil(math.log2(high / low) / TICKS))
    first = math.ceil(math.log2(low) / step)
    ticks = tuple(2.0 ** (step * number) for number in range(first, math.floor(math.log2(high) / step) + 1))
    return Axis(low, high, ticks, _size, log=True)
