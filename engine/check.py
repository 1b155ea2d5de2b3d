"""Two checks of a result before it may take the place of its source.

``check_structure`` reads the result's own header. ``check_pixels`` decodes the result and the source again, side by
side and streaming, and compares them: bit by bit for lossless results, else block by block, within what the quality
explains. A lossy encoder changes pixels but not the mean of a block; a wrong rotation, colour, row or half does.
"""

from __future__ import annotations

import pyvips
from pyvips import Image

from engine.codec import Encoded
from engine.decode import open_image, picture
from engine.errors import ImageError, WriteFailed
from engine.formats import Format
from engine.job import Limits
from engine.probe import Facts, probe
from engine.task import TaskSettings
from engine.vips import plain

__all__ = ["check_pixels", "check_structure", "difference", "tolerance"]

_NO_LIMITS = Limits(max_pixels=1 << 62, max_frames=1 << 30, max_file_size=1 << 62)
_BLOCK = 8
"""Pixels a side of the blocks that are compared."""


def check_structure(encoded: Encoded) -> None:
    """Header, dimensions, frames and end of data; raises WriteFailed."""
    try:
        facts = probe(encoded.data, _NO_LIMITS)
    except ImageError as error:
        raise WriteFailed(f"the result is not a sound file ({error})") from None
    wanted = (encoded.format, encoded.width, encoded.height, encoded.frames, 1, 0)
    got = (facts.format, facts.width, facts.height, facts.frames, facts.orientation, facts.trailing)
    if wanted != got:
        raise WriteFailed(
            f"the result is {facts.format.value} {facts.width} × {facts.height} with {facts.frames} frame(s), "
            f"not {encoded.format.value} {encoded.width} × {encoded.height} with {encoded.frames}"
        )


def check_pixels(data: bytes, facts: Facts, settings: TaskSettings, encoded: Encoded) -> None:
    """Decode the result and compare it with the pixels that were handed to the encoder; raises WriteFailed."""
    check_structure(encoded)
    try:
        result = probe(encoded.data, _NO_LIMITS)
        got = open_image(encoded.data, result)
        quality = settings.quality.of(encoded.format)
        wanted = picture(data, facts, settings.resize, encoded.format, quality, strict=False).image
        if encoded.lossless:
            _compare_exactly(wanted, got, encoded.format)
        else:
            _compare(wanted, got, encoded)
    except pyvips.Error as error:
        raise WriteFailed(f"the result cannot be decoded ({plain(error)})") from None


def _as_colours(image: Image, bands: int) -> Image:
    """``image`` with ``bands`` bands: grey becomes RGB, a missing alpha is opaque."""
    if image.bands == bands:
        return image
    if image.bands < 3 and bands >= 3:
        alpha = image[1] if image.bands == 2 else None
        colours = image[0].bandjoin([image[0], image[0]]).copy(interpretation="srgb")
        image = colours if alpha is None else colours.bandjoin(alpha)
    if image.bands == bands - 1:
        image = image.bandjoin(65535 if image.format == "ushort" else 255)
    return image


def _aligned(wanted: Image, got: Image) -> tuple[Image, Image]:
    """Both with the same bands; WriteFailed when the sizes differ."""
    if (wanted.width, wanted.height) != (got.width, got.height):
        raise WriteFailed(
            f"the result decodes to {got.width} × {got.height}, not {wanted.width} × {wanted.height} pixels"
        )
    colours = 3 if max(wanted.bands, got.bands) >= 3 else 1
    bands = colours + (wanted.hasalpha() or got.hasalpha())
    wanted, got = _as_colours(wanted, bands), _as_colours(got, bands)
    if wanted.bands != got.bands:
        raise WriteFailed(f"the result has {got.bands} channels, not {wanted.bands}")
    return wanted, got


def _compare_exactly(wanted: Image, got: Image, format: Format) -> None:
    wanted, got = _aligned(wanted, got)
    if wanted.format != got.format:
        raise WriteFailed("the result has another number of bits per sample")
    different = wanted != got
    if format is Format.GIF and wanted.hasalpha():
        shown = wanted[3] > 0
        different = different & shown.bandjoin([shown, shown, 255])
    if different.max() > 0:
        raise WriteFailed("the result does not decode to the same pixels, although it is lossless")


def _eight_bits(image: Image) -> Image:
    return image.cast("uchar", shift=True) if image.format == "ushort" else image


def tolerance(format: Format, quality: int) -> tuple[float, float]:
    """Largest allowed difference of 0–255 at ``quality``: of the mean over the picture, and of any block's mean.

    Bounds of what the encoders do to photos and graphics, times two; low qualities shift whole blocks.
    """
    if format in (Format.PNG, Format.GIF):
        return 24.0 - 0.16 * quality, 100.0
    loss = (100 - quality) / 100
    return 4.0 + 14.0 * loss, 40.0 + 80.0 * loss


def difference(wanted: Image, got: Image) -> tuple[float, float]:
    """How far two pictures of 0–255 are apart: mean absolute difference, and the worst mean of a block.

    Colours count as much as they show: they are multiplied by the alpha.
    """
    wanted, got = _aligned(_eight_bits(wanted), _eight_bits(got))
    if wanted.hasalpha():
        last = wanted.bands - 1
        alphas = wanted[last].cast("short") - got[last]
        colours = wanted.premultiply().extract_band(0, n=last) - got.premultiply().extract_band(0, n=last)
        apart = colours.cast("float").bandjoin(alphas)
    else:
        apart = (wanted.cast("short") - got).cast("float")
    across, down = min(_BLOCK, wanted.width), min(_BLOCK, wanted.height)
    both = apart.abs().bandjoin(apart).shrink(across, down).copy_memory()
    mean = both.extract_band(0, n=apart.bands).avg()
    return mean, both.extract_band(apart.bands, n=apart.bands).abs().max()


def _compare(wanted: Image, got: Image, encoded: Encoded) -> None:
    mean, worst = difference(wanted, got)
    most, most_block = tolerance(encoded.format, encoded.quality)
    if mean > most or worst > most_block:
        raise WriteFailed(
            f"the result does not look like the source (mean difference {mean:.1f} of at most {most:.1f}, "
            f"worst block {worst:.0f} of at most {most_block:.0f})"
        )
