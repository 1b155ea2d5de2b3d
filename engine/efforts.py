"""How much time an encoder may take for fewer bytes: the options of every encoder, one table per format.

The rows were chosen by measurement, not habit: tests/benchmarks/README.md has the figures and the command that makes
them. Options are those of libvips' savers. Imports no libvips, so that costs can be predicted where there is none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from engine.formats import Format

__all__ = [
    "AVIF",
    "AVIF_LOSSLESS",
    "CALM_PIXELS",
    "FULL_CHROMA_FROM",
    "JPEG",
    "OXIPNG",
    "PALETTE",
    "PNG",
    "WEBP",
    "WEBP_LOSSLESS",
    "Content",
    "Effort",
    "stores_colours_well",
]


class Effort(StrEnum):
    """What matters more: the time of the run, or the bytes of its results."""

    FAST = "fast"
    """A million files: a few percent more bytes for a fraction of the time."""
    BALANCED = "balanced"
    SMALL = "small"
    """A thousand files that are read a million times: several times the time for the last percents, where the format
    allows."""


class Content(StrEnum):
    """What a picture shows (``engine.content``)."""

    DRAWN = "drawn"
    """Screenshots, charts, line art: even areas with sharp edges."""
    CALM = "calm"
    """Anything else that is not large and has little detail."""
    BUSY = "busy"


CALM_PIXELS = 2_000_000
"""Pixels up to which a picture may be calm: more time is spent on it where that stays short."""
Options = dict[str, Any]

_JPEG_QUICK: Options = {"optimize_coding": True, "interlace": True, "quant_table": 3, "overshoot_deringing": True}
_JPEG_THOROUGH: Options = {**_JPEG_QUICK, "trellis_quant": True, "optimize_scans": True}
JPEG: dict[Effort, Options] = {
    Effort.FAST: _JPEG_QUICK,
    Effort.BALANCED: _JPEG_THOROUGH,
    Effort.SMALL: _JPEG_THOROUGH,
}
"""JPEG has nothing to give above the balanced row. Table 5 saves 3 % at an equal score, but the same quality then looks
different from what it does elsewhere, and is larger."""
WEBP: dict[Effort, Options] = {
    Effort.FAST: {"effort": 2},
    Effort.BALANCED: {"effort": 4},
    Effort.SMALL: {"effort": 6, "smart_subsample": True, "preset": "picture"},
}
"""For lossy; smart_subsample pays from a score of 80 on. The preset saves 2 % beside effort 6 and nothing below."""
WEBP_LOSSLESS: dict[Effort, Options] = {
    Effort.FAST: {"effort": 1},
    Effort.BALANCED: {"effort": 4},
    Effort.SMALL: {"effort": 6},
}


def _avif(content: Content, effort: int) -> Options:
    bits = 8 if content is Content.DRAWN else 10
    return {"compression": "av1", "effort": effort, "bitdepth": bits, "subsample_mode": "off"}


_AVIF_EFFORTS: dict[Effort, dict[Content, int]] = {
    Effort.FAST: dict.fromkeys(Content, 1),
    Effort.BALANCED: {Content.DRAWN: 4, Content.CALM: 4, Content.BUSY: 3},
    Effort.SMALL: dict.fromkeys(Content, 6),
}
AVIF: dict[Effort, dict[Content, Options]] = {
    effort: {content: _avif(content, number) for content, number in row.items()}
    for effort, row in _AVIF_EFFORTS.items()
}
"""For lossy. At an equal score 10 bits, also from 8, save 4 to 7 % of a photo and nothing of a drawing; colour at full
resolution saves 2 to 3 %: a higher quality for all of the picture would cost more than the colours do. Effort 4 takes
four times as long as 3; drawings and calm pictures gain most by it and take least."""
AVIF_LOSSLESS: dict[Effort, Options] = {
    Effort.FAST: {"compression": "av1", "effort": 0},
    Effort.BALANCED: {"compression": "av1", "effort": 3},
    Effort.SMALL: {"compression": "av1", "effort": 5},
}
PNG: dict[Effort, tuple[Options, Options]] = {
    Effort.FAST: ({"compression": 2, "filter": "sub"}, {"compression": 6, "filter": "none"}),
    Effort.BALANCED: ({"compression": 2, "filter": "paeth"}, {"compression": 9, "filter": "none"}),
    Effort.SMALL: ({"compression": 9, "filter": "all"}, {"compression": 9, "filter": "none"}),
}
"""Two ways, where there is no oxipng: for photos, and for drawings (``engine.content``). Palettes and grey below 8 bits
are written in the second."""
OXIPNG: dict[Effort, int] = {Effort.FAST: 1, Effort.BALANCED: 2, Effort.SMALL: 2}
"""Levels of oxipng, which does the lossless PNGs where it is installed. Level 1 takes half the time of level 2 for 1 %
more bytes; levels 3 and 4 are no smaller, 5 and 6 save 0.2 % in seven times the time and more."""
_PALETTE: Options = {"palette": True, "bitdepth": 8, "colours": 256, "dither": 0.5, "compression": 9}
PALETTE: dict[Effort, Options] = {
    Effort.FAST: {**_PALETTE, "effort": 4},
    Effort.BALANCED: {**_PALETTE, "effort": 7},
    Effort.SMALL: {**_PALETTE, "effort": 7},
}
"""Half of the full dithering scores higher in fewer bytes; an effort above 7 takes longer and saves nothing."""
FULL_CHROMA_FROM = 95
"""JPEG quality from which colour is stored at full resolution; 4:4:4 costs a fifth more bytes at an equal score."""


def stores_colours_well(target: Format, quality: int, effort: Effort, asked: bool | None = None) -> bool:
    """Whether a result is a JPEG in 4:4:4 or a WebP with its sharper subsampling; ``asked`` says so, None leaves it to
    quality and effort."""
    if target is Format.JPEG:
        return quality >= FULL_CHROMA_FROM if asked is None else asked
    return target is Format.WEBP and quality < 100 and (bool(asked) or "smart_subsample" in WEBP[effort])
