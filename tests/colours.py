"""How far two pictures are apart for the eye, by their own profiles and orientation tags."""

from __future__ import annotations

from pyvips import Image


def shown(data: bytes) -> Image:
    """What a colour-managed viewer shows: upright, 8-bit sRGB, on white."""
    image = Image.new_from_buffer(data, "").autorot()
    alpha = image[image.bands - 1] if image.hasalpha() else None
    if image.get_typeof("icc-profile-data") or image.interpretation == "cmyk":
        fallback = {"input_profile": "cmyk"} if image.interpretation == "cmyk" else {}
        image = image.icc_transform("srgb", embedded=True, **fallback)
        if alpha is not None and not image.hasalpha():
            image = image.bandjoin(alpha)
    image = image.colourspace("srgb")
    return image.flatten(background=255) if image.hasalpha() else image


def colour_difference(source: bytes, result: bytes) -> float:
    """Mean ΔE00 between a picture and its result; the source is brought to the result's size first.

    Of a resized one, means of two by two pixels are compared: how sharp a resizing filter is does not count.
    """
    before, after = shown(source), shown(result)
    if (before.width, before.height) != (after.width, after.height):
        before = before.resize(after.width / before.width, vscale=after.height / before.height)
        before = before.embed(0, 0, after.width, after.height, extend="copy")
        side = min(2, after.width, after.height)
        before, after = before.shrink(side, side), after.shrink(side, side)
    return float(before.copy_memory().dE00(after.copy_memory()).avg())
