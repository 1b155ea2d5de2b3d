"""Packages that make the tool better and are not needed to run it: whether they are there, without loading them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.settings import Settings

__all__ = ["LOSSLESS", "NEEDS_NUMPY", "installed", "left_out", "missing_for_lossless", "wrong_target"]

LOSSLESS = {"oxipng": "pyoxipng", "mozjpeg_lossless_optimization": "mozjpeg-lossless-optimization"}
"""Module → the package that brings it, for what PNG and JPEG files lose without losing a pixel."""
NEEDS_NUMPY = "needs the package numpy: pip install 'imgopt-tui[all]'"

_left_out = False


@cache
def _found(module: str) -> bool:
    return find_spec(module) is not None


def installed(module: str) -> bool:
    """Whether ``module`` can be imported and is to be used."""
    return not _left_out and _found(module)


@contextmanager
def left_out(careful: bool) -> Iterator[None]:
    """While this lasts, nothing is installed when ``careful``: these libraries can end the whole process."""
    global _left_out
    _left_out = careful
    try:
        yield
    finally:
        _left_out = False


def missing_for_lossless() -> str:
    """One sentence naming what ``--lossless`` needs and the command that brings it; empty when all is there."""
    names = [package for module, package in LOSSLESS.items() if not installed(module)]
    if not names:
        return ""
    what = "the package" if len(names) == 1 else "the packages"
    return f"--lossless needs {what} {' and '.join(names)}: pip install 'imgopt-tui[all]'"


def wrong_target(settings: Settings) -> str:
    """One sentence on what keeps ``--target-quality`` from being followed; empty when nothing does."""
    if settings.target_quality is None:
        alone = [name for name in ("worst_tile", "min_quality", "max_quality") if getattr(settings, name) is not None]
        return f"--{alone[0].replace('_', '-')} says nothing without --target-quality; give that too" if alone else ""
    low, high = settings.min_quality, settings.max_quality
    if low is not None and high is not None and low > high:
        return f"--min-quality {low} is above --max-quality {high}; there is nothing between them"
    if not installed("numpy"):
        return f"--target-quality {NEEDS_NUMPY}"
    return ""
