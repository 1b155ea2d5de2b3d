"""Whether two pictures decode to the same pixels, whatever depth, palette or number of channels they are stored in."""

from __future__ import annotations

from collections.abc import Callable

import pyvips
from pyvips import Image

from engine.apng import read_apng
from engine.containers import walk_png
from engine.decode import is_harmless, open_image
from engine.errors import Declined, Unreadable, WriteFailed
from engine.probe import Facts
from engine.vips import plain

__all__ = ["NOT_THE_SAME", "aligned", "decode_strictly", "different", "prove_same"]

NOT_THE_SAME = "the result does not decode to the same pixels, although it is lossless"


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


def aligned(wanted: Image, got: Image) -> tuple[Image, Image]:
    """Both with the same bands; WriteFailed when the sizes differ."""
    if (wanted.width, wanted.height) != (got.width, got.height):
        raise WriteFailed(
            f"the result decodes to {got.width} × {got.height}, not {wanted.width} × {wanted.height} pixels"
        )
    colours = 3 if max(wanted.bands, got.bands) >= 3 else 1
    bands = colours + (wanted.hasalpha() or got.hasalpha())
    if wanted.bands != got.bands:
        wanted, got = _as_colours(wanted, bands), _as_colours(got, bands)
    if wanted.bands != got.bands:
        raise WriteFailed(f"the result has {got.bands} channels, not {wanted.bands}")
    return wanted, got


def _deep(image: Image) -> Image:
    """16 bits a sample: 255 becomes 65,535, all others in proportion (PNG, third edition, section 13.12)."""
    return (image * 257).cast("ushort").copy(interpretation=image.interpretation)


def _same_depth(wanted: Image, got: Image) -> tuple[Image, Image]:
    if wanted.format == got.format:
        return wanted, got
    formats = {wanted.format, got.format}
    if formats != {"uchar", "ushort"}:
        raise WriteFailed("the result has another number of bits per sample")
    return (_deep(wanted), got) if wanted.format == "uchar" else (wanted, _deep(got))


def different(wanted: Image, got: Image) -> Image:
    """An image that is 255 wherever the two differ. WriteFailed when they cannot be compared."""
    wanted, got = aligned(*_same_depth(wanted, got))
    return wanted != got


def prove_same(data: bytes, facts: Facts, result: bytes, result_facts: Facts) -> None:
    """Decode both and compare every pixel of every frame as it is stored.

    Unreadable when the source is damaged, WriteFailed when the two differ.
    """
    if facts.apng:
        _prove_frames(data, result)
        return

    def compare(*, strict: bool) -> None:
        _prove([(open_image(data, facts, strict=strict), open_image(result, result_facts, strict=strict))])

    _strictly(compare)


def decode_strictly(data: bytes, facts: Facts) -> None:
    """Decode every pixel; Unreadable when a decoder complains about more than padding."""

    def decode(*, strict: bool) -> None:
        open_image(data, facts, strict=strict).avg()

    _strictly(decode)


def _strictly(work: Callable[..., None]) -> None:
    """``work(strict=True)``, and once more without where only something harmless was found."""
    try:
        work(strict=True)
    except pyvips.Error as error:
        if not is_harmless(error):
            raise Unreadable(f"damaged: the pixels cannot be decoded ({plain(error)})") from None
        try:
            work(strict=False)
        except pyvips.Error as again:
            raise Unreadable(f"damaged: the pixels cannot be decoded ({plain(again)})") from None


def _prove(pairs: list[tuple[Image, Image]]) -> None:
    for wanted, got in pairs:
        if different(wanted, got).max() > 0:
            raise WriteFailed(NOT_THE_SAME)


def _prove_frames(data: bytes, result: bytes) -> None:
    """The same for an animated PNG: loop count, delays, places and pixels of all frames, and the default picture."""
    before, after = (read_apng(part, walk_png(part)) for part in (data, result))
    if (before.plays, before.default_shown) != (after.plays, after.default_shown):
        raise WriteFailed("the result's animation does not play as the source's does")
    if [frame.control for frame in before.frames] != [frame.control for frame in after.frames]:
        raise WriteFailed("the result's animation does not have the source's frames")
    stills = [(data, result), *((b.still, a.still) for b, a in zip(before.frames, after.frames, strict=True))]
    try:
        _prove([tuple(Image.pngload_buffer(part, fail_on="error") for part in pair) for pair in stills])
    except pyvips.Error as error:
        raise Declined(f"an animated PNG with a frame that cannot be decoded ({plain(error)})") from None
