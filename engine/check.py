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
from engine.losses import delivered
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
    wanted = (encoded.format, encoded.width, encoded.height, encoded.frames, encoded.orientation, 0)
    got = (facts.format, facts.width, facts.height, facts.frames, facts.orientation, facts.trailing)
    if wanted != got:
        raise WriteFailed(
            f"the result is {facts.format.value} {facts.width} × {facts.height} with {facts.frames} frame(s), "
            f"not {encoded.format.value} {encoded.width} × {encoded.height} with {encoded.frames}"
        )


def check_pixels(data: bytes, facts: Facts, settings: TaskSettings, encoded: Encoded) -> None:
    """Decode the result and compare it with the pixels that were handed to the encoder; raises WriteFailed.

    ``facts`` may tell of frames that the result's format does not hold: only the first counts then.
    """
    facts = delivered(facts, encoded.format)
    check_structure(encoded)
    try:
        result = probe(encoded.data, _NO_LIMITS)
        got = open_image(encoded.data, result)
        quality = settings.quality.of(encoded.format)
        upright = encoded.orientation == 1
        wanted = picture(
            data, facts, settings.resize, encoded.format, quality, strict=False, flatten=True, upright=upright
        ).image
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


def tolerance(format: Format, quality: int, blocks: int) -> tuple[float, float, float]:
    """Largest allowed differences of 0–255 at ``quality``, in the order of ``difference``.

    Twice what was seen with photos, screenshots and conformance pictures from quality 10 to 95. Of few ``blocks``
    each counts for more: thin saturated lines lose colour to chroma subsampling.
    """
    few = 48.0 / blocks**0.5
    if format in (Format.PNG, Format.GIF):
        return 4.0 + few, 60.0, 100.0
    loss = (100 - quality) / 100
    return 3.0 + 10.0 * loss + few, 16.0 + 60.0 * loss, 60.0 + 70.0 * loss


_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-T T.871, what JPEG uses)."""


def difference(wanted: Image, got: Image) -> tuple[float, float, float]:
    """How far the blocks of two pictures of 0–255 are apart: mean of the whole picture in its worst band, worst
    block in brightness, worst block in any band.

    A block stands for the mean of its pixels, so detail and noise that an encoder drops do not count. Colours count
    as much as they show: they are multiplied by the alpha.
    """
    wanted, got = _aligned(_eight_bits(wanted), _eight_bits(got))
    colours = wanted.bands - wanted.hasalpha()
    if wanted.hasalpha():
        alphas = wanted[colours].cast("short") - got[colours]
        shown = wanted.premultiply().extract_band(0, n=colours) - got.premultiply().extract_band(0, n=colours)
        apart = shown.cast("float").bandjoin(alphas)
    else:
        apart = (wanted.cast("short") - got).cast("float")
    blocks = apart.shrink(min(_BLOCK, apart.width), min(_BLOCK, apart.height), ceil=True).copy_memory()
    luma = blocks[0] if colours == 1 else blocks.extract_band(0, n=3).recomb(Image.new_from_array([list(_LUMA)]))
    shift = max(abs(blocks[band].avg()) for band in range(blocks.bands))
    return shift, luma.abs().max(), blocks.abs().max()


def _compare(wanted: Image, got: Image, encoded: Encoded) -> None:
    if encoded.format is Format.GIF:
        wanted, got = _seen_or_not(wanted), _seen_or_not(got)
    blocks = -(-wanted.width // _BLOCK) * -(-wanted.height // _BLOCK)
    apart = difference(wanted, got)
    allowed = tolerance(encoded.format, encoded.quality, blocks)
    if any(found > most for found, most in zip(apart, allowed, strict=True)):
        found, most = (" / ".join(f"{value:.1f}" for value in values) for values in (apart, allowed))
        raise WriteFailed(f"the result does not look like the source (blocks differ by {found}, allowed {most})")


def _seen_or_not(image: Image) -> Image:
    """Alpha as GIF has it: nothing or all."""
    if not image.hasalpha():
        return image
    last = image.bands - 1
    alpha = (image[last] >= 128).ifthenelse(255, 0).cast("uchar")
    return image.extract_band(0, n=last).bandjoin(alpha).copy(interpretation=image.interpretation)
