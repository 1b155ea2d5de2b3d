"""How much a result looks like the pixels it was made of, as both are seen: upright, in sRGB, 8 bits a sample.

    pixels for the encoder ─┐
                            ├─▸ sRGB ▸ 8 bits ▸ onto a background ▸ upright ▸ frames ▸ score (engine.similarity)
    the file, decoded again ┘

Transparency is seen on a dark and on a light background, an animation frame by frame; the lowest score counts. Only
for workers: it needs libvips, and numpy once a score is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyvips import Image

from engine.cost import KEPT_PIXELS
from engine.decode import Picture, frames_of, open_image, turned
from engine.policy import Limits
from engine.probe import probe

if TYPE_CHECKING:
    from engine.scales import Pixels
    from engine.similarity import Comparison

__all__ = ["Seen", "as_seen", "decoded"]

BACKGROUNDS = (26, 230)
"""Grey of 0–255, as the original program has it: a tenth and nine tenths."""
_NO_LIMITS = Limits(max_pixels=1 << 62, max_frames=1 << 30, max_file_size=1 << 62)


class Seen:
    """The pixels that results are compared with."""

    def __init__(self, picture: Picture, frames: int, orientation: int, kept: int = KEPT_PIXELS) -> None:
        """``picture`` is in memory; ``orientation`` is the EXIF orientation 1–8 in which it lies; what is computed of
        up to ``kept`` pixels, of all frames on all backgrounds, is kept."""
        from engine.similarity import Reference

        self._frames, self._orientation = frames, orientation
        image = as_seen(picture)
        see_through = image.hasalpha() and image[image.bands - 1].min() < 255
        self._backgrounds = BACKGROUNDS if see_through else BACKGROUNDS[:1]
        keep = image.width * image.height * len(self._backgrounds) <= kept
        self._references = [Reference(pixels, keep=keep) for pixels in self._pictures(image)]

    def _pictures(self, image: Image) -> Iterator[Pixels]:
        if self._frames > 1 or len(self._backgrounds) > 1:
            image = image.copy_memory()
        for frame in frames_of(image, self._frames) if self._frames > 1 else [image]:
            upright = turned(frame, self._orientation)
            for grey in self._backgrounds:
                yield (upright.flatten(background=[grey]) if upright.hasalpha() else upright).numpy()

    def compare(self, data: bytes) -> Comparison:
        """The whole file ``data`` beside the source; raises pyvips.Error where it cannot be decoded."""
        from engine.similarity import Comparison

        pairs = zip(self._references, self._pictures(decoded(data)), strict=True)
        found = [reference.compare(pixels) for reference, pixels in pairs]
        place = min(found, key=lambda each: each.worst)
        return Comparison(min(each.score for each in found), place.worst, place.left, place.top)


def as_seen(picture: Picture) -> Image:
    """The pixels for an encoder in 8 bits of sRGB, with the alpha there is; lying as they do."""
    return _srgb(picture.image, profile=picture.keep_profile)


def decoded(data: bytes) -> Image:
    """The same of a whole file, to be read once from top to bottom; raises pyvips.Error."""
    return _srgb(open_image(data, probe(data, _NO_LIMITS)), profile=True)


def _srgb(image: Image, *, profile: bool) -> Image:
    """8 bits of red, green and blue, with the alpha there is; ``profile``: by the one it carries, if any."""
    if profile and image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, depth=8)
    if image.format == "ushort":
        space = "b-w" if image.bands < 3 else "srgb"
        image = ((image + 128) / 256).cast("uchar").copy(interpretation=space)
    return image.colourspace("srgb") if image.bands < 3 else image
