"""Two checks of a result before it may take the place of its source.

``check_structure`` reads the result's own header. ``check_pixels`` decodes the result and the source again, side by
side and streaming, and compares them: bit by bit for lossless results, else block by block, within what the quality
explains. A lossy encoder changes pixels but not the mean of a block; a wrong rotation, colour, row or half does.
"""

from __future__ import annotations

import pyvips
from pyvips import Image

from engine.blocks import BLOCK, difference
from engine.codec import Encoded
from engine.decode import open_image, picture
from engine.errors import ImageError, WriteFailed
from engine.exact import NOT_THE_SAME, aligned, different, prove_same
from engine.formats import Format
from engine.losses import delivered
from engine.policy import Limits
from engine.probe import Facts, probe
from engine.task import TaskSettings
from engine.vips import plain

__all__ = ["check_pixels", "check_structure", "difference", "tolerance"]

_NO_LIMITS = Limits(max_pixels=1 << 62, max_frames=1 << 30, max_file_size=1 << 62)


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
        if encoded.as_stored:
            prove_same(data, facts, encoded.data, result)
            return
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


def _compare_exactly(wanted: Image, got: Image, format: Format) -> None:
    wanted, got = aligned(wanted, got)
    apart = different(wanted, got)
    if format is Format.GIF and wanted.hasalpha():
        shown = wanted[3] > 0
        apart = apart & shown.bandjoin([shown, shown, 255])
    if apart.max() > 0:
        raise WriteFailed(NOT_THE_SAME)


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


def _compare(wanted: Image, got: Image, encoded: Encoded) -> None:
    if encoded.format is Format.GIF:
        wanted, got = _seen_or_not(wanted), _seen_or_not(got)
    blocks = -(-wanted.width // BLOCK) * -(-wanted.height // BLOCK)
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
