"""From bytes to the pixels that the encoder gets: decode ▸ colour ▸ resize ▸ upright.

    load (shrinking on the way where the format can) ▸ CMYK or unstorable profile → sRGB ▸ 8 bits where the target has
    no more ▸ resize, alpha premultiplied ▸ turn upright

A picture that is neither resized nor turned streams through: nothing holds all of its pixels. Frames of an animation
and pages of a TIFF stand one below the other in one tall image, as libvips has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pyvips
from pyvips import Image

from engine import losses
from engine.containers import PNG_SIGNATURE, walk_png
from engine.cost import KEPT_PIXELS
from engine.errors import Unreadable
from engine.formats import Format
from engine.icc import ProfileKind
from engine.probe import PNG_TEXT, Facts
from engine.task import Resize

__all__ = ["Picture", "SharedPictures", "Treatment", "open_image", "picture", "scaled", "turned"]

_HARMLESS = re.compile(r"extraneous bytes before marker 0xd9")
"""libjpeg's warning for padding before the end-of-image marker, which some cameras write."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels on their way to the encoder."""

    image: Image
    """All frames, one below the other; lazy."""
    keep_profile: bool
    """Whether the embedded profile goes into the result."""


def _png_without_text(data: bytes) -> bytes:
    """The PNG without text chunks: the decoder would unpack them, whatever their size."""
    parts = [PNG_SIGNATURE]
    parts += [data[chunk.start : chunk.end] for chunk in walk_png(data) if chunk.kind not in PNG_TEXT]
    return b"".join(parts)


def open_image(data: bytes, facts: Facts, *, shrink: int = 1, scale: float = 1.0, strict: bool = True) -> Image:
    """The decoder's image, to be read once from top to bottom; raises pyvips.Error.

    ``shrink`` (1, 2, 4, 8) is for JPEG, ``scale`` (0–1) for WebP stills. ``strict`` takes JPEG warnings as errors.
    """
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if facts.frames > 1:
        options["n"] = -1
    match facts.format:
        case Format.JPEG:
            options["fail_on"] = "warning" if strict else "error"
            image = Image.jpegload_buffer(data, shrink=shrink, **options)
        case Format.PNG:
            image = Image.pngload_buffer(_png_without_text(data) if facts.text else data, **options)
        case Format.WEBP:
            image = Image.webpload_buffer(data, scale=scale, **options)
        case Format.GIF:
            image = Image.gifload_buffer(data, **options)
        case Format.AVIF:
            image = Image.heifload_buffer(data, **options)
        case Format.TIFF:
            image = Image.tiffload_buffer(data, **options)
    if shrink == 1 and scale == 1.0:
        _agree(image, facts)
    return image


def _agree(image: Image, facts: Facts) -> None:
    """Refuse a file of which the decoder makes something else than its header says."""
    width, height = (
        (facts.width, facts.height) if facts.format is Format.AVIF else (facts.stored_width, facts.stored_height)
    )
    if (image.width, image.height) != (width, height * facts.frames):
        raise Unreadable("damaged: the header does not fit the picture")


def is_harmless(error: pyvips.Error) -> bool:
    """Whether a strict JPEG decode failed over something that loses no pixel."""
    return _HARMLESS.search(str(error)) is not None


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to the colours on the way, by what the target holds."""

    flat: bool
    """The alpha channel goes."""
    srgb: bool
    eight: bool
    """16 bits a sample become 8."""
    keep_profile: bool


def treatment(facts: Facts, target: Format, quality: int, *, srgb_profile: bool = False) -> Treatment:
    """With ``srgb_profile`` a profile goes along also when it says no more than sRGB."""
    keep = facts.profile in (ProfileKind.RGB, ProfileKind.GREY)
    srgb = facts.cmyk or (keep and not _holds(facts.profile, target, quality))
    keep = keep and not srgb
    if srgb_profile and facts.profile is ProfileKind.SRGB:
        keep = _holds(ProfileKind.GREY if facts.bands - facts.alpha == 1 else ProfileKind.RGB, target, quality)
    eight = facts.bits > 8 and losses.depth(facts, target, quality) == 8
    return Treatment(target is Format.JPEG and facts.alpha, srgb, eight, keep)


Beside = TypeVar("Beside")


class SharedPictures:
    """Pixels that several results of one image are made of: decoded once for each size and treatment. Holds those of
    the newest only, so results of one size are best made one after the other."""

    def __init__(self) -> None:
        self._key: object = None
        self._picture: Picture | None = None
        self._beside: object = None
        self._kept = KEPT_PIXELS

    def get(self, key: object, make: Callable[[], Picture]) -> Picture:
        """The picture for ``key``, in memory; what ``make`` opens is pulled through at once."""
        if self._picture is None or key != self._key:
            self._picture = self._beside = None
            made = make()
            self._key, self._picture = key, Picture(made.image.copy_memory(), made.keep_profile)
        return self._picture

    def keep_up_to(self, pixels: int) -> None:
        """Pixels up to which what scores need of them may be kept from now on; less than before lets go of it."""
        if pixels < self._kept:
            self._beside = None
        self._kept = pixels

    def beside(self, make: Callable[[Picture, int], Beside]) -> Beside:
        """What ``make`` makes of the newest picture, made once and held as long as that; it is told how many pixels may
        be kept."""
        assert self._picture is not None, "get comes first"
        if self._beside is None:
            self._beside = make(self._picture, self._kept)
        return cast(Beside, self._beside)


def picture(
    data: bytes,
    facts: Facts,
    resize: Resize,
    target: Format,
    quality: int,
    *,
    strict: bool = True,
    flatten: bool = False,
    upright: bool = True,
    srgb_profile: bool = False,
) -> Picture:
    """The pixels to encode. Lazy, so most damage shows only when they are pulled: raises pyvips.Error then.

    ``flatten``: transparency that the target cannot hold goes onto white; else it is WouldLose. Without ``upright``
    they stay as the source stores them, for a result that keeps the orientation tag. With ``srgb_profile`` a profile
    goes along also when it says no more than sRGB.
    """
    width, height = resize.target(facts.width, facts.height)
    if facts.orientation >= 5:
        width, height = height, width
    stored = (
        (facts.stored_width, facts.stored_height) if facts.format is not Format.AVIF else (facts.width, facts.height)
    )
    resized = (width, height) != stored
    image = (
        _load(data, facts, width / stored[0], height / stored[1], strict)
        if resized
        else open_image(data, facts, strict=strict)
    )
    colours = treatment(facts, target, quality, srgb_profile=srgb_profile)
    if colours.flat and image.hasalpha():
        image = _flat(image) if flatten else _without_alpha(data, facts, image)
    if colours.srgb:
        image = _to_srgb(image)
    if colours.eight and _deep(image):
        image = image.cast("uchar", shift=True).copy(interpretation="b-w" if image.bands < 3 else "srgb")
    if resized:
        image = _resize(image, facts.frames, width, height)
    return Picture(_upright(image, facts.frames, facts.orientation if upright else 1), colours.keep_profile)


def _load(data: bytes, facts: Facts, across: float, down: float, strict: bool) -> Image:
    """Open at a reduced size where that is cheap, at least twice the size asked for so that resizing stays sharp."""
    factor = min(1 / across, 1 / down)
    shrink, scale = 1, 1.0
    if facts.format is Format.JPEG and not facts.lossless:
        shrink = 8 if factor >= 16 else 4 if factor >= 8 else 2 if factor >= 4 else 1
    elif facts.format is Format.WEBP and not facts.animated and factor > 4:
        scale = 2 / factor
    return open_image(data, facts, shrink=shrink, scale=scale, strict=strict)


def _without_alpha(data: bytes, facts: Facts, image: Image) -> Image:
    """The colours alone, when the alpha says nothing; WouldLose when it does."""
    whole = open_image(data, facts)
    if whole[whole.bands - 1].min() < _white(image):
        raise losses.transparent(Format.JPEG)
    return image.extract_band(0, n=image.bands - 1)


def _white(image: Image) -> int:
    return 65535 if _deep(image) else 255


def _flat(image: Image) -> Image:
    return image.flatten(background=_white(image), max_alpha=_white(image))


def _to_srgb(image: Image) -> Image:
    """sRGB by the embedded profile, or by libvips' own for CMYK without a usable one."""
    fallback = {"input_profile": "cmyk"} if image.interpretation == "cmyk" else {}
    return image.icc_transform("srgb", embedded=True, depth=16 if _deep(image) else 8, **fallback)


def _deep(image: Image) -> bool:
    return bool(image.format == "ushort")


def _holds(profile: ProfileKind, target: Format, quality: int) -> bool:
    """Whether the target can carry such a profile: GIF none, and a grey one only where pixels stay grey."""
    if target is Format.GIF:
        return False
    grey_stays = target in (Format.JPEG, Format.TIFF) or (target is Format.PNG and quality == 100)
    return profile is ProfileKind.RGB or grey_stays


def frames_of(image: Image, count: int) -> list[Image]:
    """The frames of a tall image, top to bottom."""
    high = image.height // count
    return [image.crop(0, index * high, image.width, high) for index in range(count)]


def _stack(frames: list[Image], like: Image) -> Image:
    """The reverse of ``frames_of``, with the delays, loop and page metadata of ``like``."""
    if len(frames) == 1:
        return frames[0]
    tall = Image.arrayjoin(frames, across=1).copy()
    for name in ("delay", "loop", "n-pages", "gif-palette", "background"):
        if like.get_typeof(name):
            tall.set_type(like.get_typeof(name), name, like.get(name))
    tall.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    return tall


def _resize(image: Image, count: int, width: int, height: int) -> Image:
    if count == 1:
        return scaled(image, width, height)
    return _stack([scaled(frame, width, height) for frame in frames_of(image.copy_memory(), count)], image)


def scaled(image: Image, width: int, height: int) -> Image:
    """Exactly ``width`` × ``height``."""
    if (image.width, image.height) == (width, height):
        return image
    format, space, alpha = image.format, image.interpretation, image.hasalpha()
    if alpha:
        image = image.premultiply()
    small = image.resize(width / image.width, vscale=height / image.height)
    if (small.width, small.height) != (width, height):
        small = small.embed(0, 0, width, height, extend="copy")
    if alpha:
        small = small.unpremultiply().rint().cast(format).copy(interpretation=space)
    return small


def turned(image: Image, orientation: int) -> Image:
    """Upright by EXIF orientation 1–8 (which stored row and column are the picture's top and left)."""
    match orientation:
        case 1:
            return image
        case 2:
            return image.fliphor()
        case 3:
            return image.rot180()
        case 4:
            return image.flipver()
        case 5:
            return image.rot90().fliphor()
        case 6:
            return image.rot90()
        case 7:
            return image.rot270().fliphor()
        case _:
            return image.rot270()


def _upright(image: Image, count: int, orientation: int) -> Image:
    """Turned upright (left as it is for 1), and without the tag, which savers would write out again."""
    if orientation == 2 and count == 1:
        image = image.fliphor()
    elif orientation != 1:
        image = image.copy_memory()
        pictures = [turned(frame, orientation) for frame in frames_of(image, count)]
        image = _stack(pictures, image) if count > 1 else pictures[0]
    if image.get_typeof("orientation"):
        image = image.copy()
        image.remove("orientation")
    return image
