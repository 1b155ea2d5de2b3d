"""How far apart two pictures are: by blocks, in which an encoder's noise cancels out, and by single pixels."""

from __future__ import annotations

from pyvips import Image

from engine.exact import aligned

__all__ = ["BLOCK", "difference", "grain"]

BLOCK = 8
"""Pixels a side of the blocks that are compared."""
_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-T T.871, what JPEG uses)."""


def _eight_bits(image: Image) -> Image:
    if image.format != "ushort":
        return image
    return image.cast("uchar", shift=True).copy(interpretation="b-w" if image.bands < 3 else "srgb")


def _apart(wanted: Image, got: Image) -> tuple[Image, int]:
    """Signed differences of 0–255 in each band, and how many bands are colours. Colours count as much as they show:
    they are multiplied by the alpha.
    """
    wanted, got = aligned(_eight_bits(wanted), _eight_bits(got))
    colours = wanted.bands - wanted.hasalpha()
    if not wanted.hasalpha():
        return (wanted.cast("short") - got).cast("float"), colours
    alphas = wanted[colours].cast("short") - got[colours]
    shown = wanted.premultiply().extract_band(0, n=colours) - got.premultiply().extract_band(0, n=colours)
    return shown.cast("float").bandjoin(alphas), colours


def difference(wanted: Image, got: Image) -> tuple[float, float, float]:
    """How far the blocks of two pictures of 0–255 are apart: mean of the whole picture in its worst band, worst
    block in brightness, worst block in any band.

    A block stands for the mean of its pixels, so detail and noise that an encoder drops do not count.
    """
    apart, colours = _apart(wanted, got)
    blocks = apart.shrink(min(BLOCK, apart.width), min(BLOCK, apart.height), ceil=True).copy_memory()
    luma = blocks[0] if colours == 1 else blocks.extract_band(0, n=3).recomb(Image.new_from_array([list(_LUMA)]))
    shift = max(abs(blocks[band].avg()) for band in range(blocks.bands))
    return shift, luma.abs().max(), blocks.abs().max()


def grain(wanted: Image, got: Image) -> float:
    """Mean distance of the single pixels, 0–255, in the worst band."""
    apart = _apart(wanted, got)[0].abs().copy_memory()
    return max(float(apart[band].avg()) for band in range(apart.bands))
