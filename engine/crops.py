"""A small piece of a picture as bytes: cut out at 1:1, enlarged without smoothing or shrunk; and how two differ.

Only for workers: it needs libvips.
"""

from __future__ import annotations

import math

from pyvips import Image

from engine.tuning import LARGEST_CROP, Pixels

__all__ = ["Box", "cut", "difference"]

Box = tuple[int, int, int, int]
"""Left and top in the picture, width and height of the pixels wanted."""


def cut(image: Image, box: Box, zoom: float) -> Pixels:
    """The piece of ``image`` (three bands of 8 bits) at ``box``: moved into the picture, and smaller where that is."""
    return _pixels(image, *_region(image, box, zoom), zoom)


def difference(image: Image, other: Image, box: Box, zoom: float, gain: int) -> Pixels:
    """The same of the distance between two pictures of one size, times ``gain`` and up to 255."""
    left, top, width, height = _region(image, box, zoom)
    part, against = (each.crop(left, top, width, height) for each in (image, other))
    apart = ((part.cast("short") - against).abs() * gain).cast("uchar").copy(interpretation="srgb")
    whole = _pixels(apart, 0, 0, width, height, zoom)
    return Pixels(left, top, whole.width, whole.height, zoom, whole.rgb)


def _region(image: Image, box: Box, zoom: float) -> Box:
    left, top, width, height = box
    width, height = (max(1, min(size, most)) for size, most in zip((width, height), LARGEST_CROP, strict=True))
    across, down = (min(math.ceil(size / zoom), side) for size, side in ((width, image.width), (height, image.height)))
    return max(0, min(left, image.width - across)), max(0, min(top, image.height - down)), across, down


def _pixels(image: Image, left: int, top: int, width: int, height: int, zoom: float) -> Pixels:
    part = image.crop(left, top, width, height)
    if zoom > 1:
        part = part.zoom(round(zoom), round(zoom))
        part = part.crop(0, 0, min(part.width, LARGEST_CROP[0]), min(part.height, LARGEST_CROP[1]))
    elif zoom < 1:
        part = part.shrink(round(1 / zoom), round(1 / zoom), ceil=True)
    return Pixels(left, top, part.width, part.height, zoom, bytes(part.write_to_memory()))
