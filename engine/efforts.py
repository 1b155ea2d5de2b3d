"""How much time an encoder may take for fewer bytes: the options of every encoder, one table per format.

The rows were chosen by measurement, not habit: tests/benchmarks/README.md has the figures and the command that makes
them. Options are those of libvips' savers. Imports nothing, so that costs can be predicted where there is no libvips.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = ["AVIF", "JPEG", "PALETTE", "PNG", "WEBP", "WEBP_LOSSLESS", "Effort"]


class Effort(StrEnum):
    """What matters more: the time of the run, or the bytes of its results."""

    FAST = "fast"
    """A million files: a few percent more bytes for a fraction of the time."""
    BALANCED = "balanced"
    SMALL = "small"
    """A thousand files that are read a million times: several times the time for the last percents."""


Options = dict[str, Any]

_JPEG_QUICK: Options = {"optimize_coding": True, "interlace": True, "quant_table": 3}
_JPEG_THOROUGH: Options = {
    **_JPEG_QUICK,
    "trellis_quant": True,
    "overshoot_deringing": True,
    "optimize_scans": True,
}
JPEG: dict[Effort, Options] = {
    Effort.FAST: _JPEG_QUICK,
    Effort.BALANCED: _JPEG_THOROUGH,
    Effort.SMALL: _JPEG_THOROUGH,
}
WEBP: dict[Effort, Options] = {
    Effort.FAST: {"effort": 2},
    Effort.BALANCED: {"effort": 4},
    Effort.SMALL: {"effort": 6, "smart_subsample": True},
}
WEBP_LOSSLESS: dict[Effort, Options] = {
    Effort.FAST: {"effort": 2},
    Effort.BALANCED: {"effort": 4},
    Effort.SMALL: {"effort": 6},
}
AVIF: dict[Effort, Options] = {
    Effort.FAST: {"compression": "av1", "effort": 0},
    Effort.BALANCED: {"compression": "av1", "effort": 3},
    Effort.SMALL: {"compression": "av1", "effort": 5},
}
"""For lossy and lossless; how deep the samples of a lossy one are is in ``AVIF_DEPTH``."""
AVIF_DEPTH: dict[Effort, int] = {Effort.FAST: 10, Effort.BALANCED: 10, Effort.SMALL: 10}
"""Bits per sample of a lossy AVIF, also of one from a source of 8 bits: rounding less saves 2 to 7 % at an equal score."""
AVIF_CHROMA: dict[Effort, str] = {Effort.FAST: "on", Effort.BALANCED: "off", Effort.SMALL: "off"}
"""Whether a lossy AVIF stores colour at half resolution (4:2:0): at full resolution it is 2 to 3 % smaller at an equal
score, because a higher quality for all of it costs more than the colours do."""
PNG: dict[Effort, Options] = {
    Effort.FAST: {"compression": 6},
    Effort.BALANCED: {"compression": 9},
    Effort.SMALL: {"compression": 9},
}
_PALETTE: Options = {"palette": True, "bitdepth": 8, "colours": 256, "dither": 1.0}
PALETTE: dict[Effort, Options] = {
    Effort.FAST: {**_PALETTE, "effort": 4},
    Effort.BALANCED: {**_PALETTE, "effort": 7},
    Effort.SMALL: {**_PALETTE, "effort": 10},
}
