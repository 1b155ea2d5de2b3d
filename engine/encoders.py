"""From pixels to bytes: what each format needs beside the options that ``engine.efforts`` chooses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyvips
from pyvips import Image

from engine import efforts
from engine.blocks import difference, grain
from engine.containers import gif_timing, walk_gif, walk_png
from engine.content import content_of, is_drawn
from engine.decode import Picture
from engine.errors import Declined, WriteFailed
from engine.extras import installed
from engine.formats import Format
from engine.icc import ProfileKind
from engine.indexed import encode_indexed
from engine.losses import depth, half_transparent
from engine.lossless import optimize_losslessly
from engine.metadata import keeps_profile
from engine.policy import Loss, MetadataPolicy, Policy
from engine.probe import Facts
from engine.recompress import Refused, recompress_png

__all__ = ["LARGEST_SIDE", "Bytes", "Request", "encode", "refuse_size"]

LARGEST_SIDE = {Format.JPEG: 65_500, Format.WEBP: 16_383, Format.AVIF: 16_384, Format.GIF: 65_535}
"""Pixels a side that a format's encoder takes (libjpeg, libwebp, libheif's limit, GIF89a); others take any."""

GIF_OPTIONS: dict[str, Any] = {
    "keep_duplicate_frames": True,
    "interframe_maxerror": 0.0,
    "interpalette_maxerror": 0.0,
}
TIFF_OPTIONS: dict[str, Any] = {"compression": "deflate", "predictor": "horizontal"}


@dataclass(frozen=True, slots=True)
class Request:
    """What to encode, and what of the source helps to do it well."""

    picture: Callable[[], Picture]
    """Opens the pixels anew at each call: a stream can be read once."""
    facts: Facts
    source: bytes
    quality: int
    untouched: bool
    """Neither resized nor converted: pixels are the source's own, at most turned upright."""
    policy: Policy
    turned: bool = True
    """Whether pixels that lie otherwise are turned upright; False when the result keeps the orientation tag."""
    full_chroma: bool | None = None
    """JPEG in 4:4:4 and WebP with its sharper subsampling, or not; None: as quality and effort have it."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """An encoder's answer."""

    data: bytes
    lossless: bool
    """Whether decoding gives exactly the pixels that were handed over."""
    options: str = ""
    """What the encoder was told beside the quality, for people."""


def told(how: Mapping[str, object]) -> str:
    """Options of a saver in libvips' own words, without the quality: ``effort=4 smart_subsample``."""
    shown = [key if value is True else f"{key}={value}" for key, value in how.items() if value is not False]
    return " ".join(word for word in shown if not word.startswith("Q="))


def _keep(picture: Picture) -> str:
    return "icc" if picture.keep_profile else "none"


def _jpeg(request: Request) -> Bytes:
    picture = request.picture()
    full = efforts.stores_colours_well(Format.JPEG, request.quality, request.policy.effort, request.full_chroma)
    how = {"subsample_mode": "off" if full else "on", **efforts.JPEG[request.policy.effort]}
    data = picture.image.jpegsave_buffer(Q=request.quality, keep=_keep(picture), **how)
    return Bytes(data, lossless=False, options=told(how))


def _webp(request: Request) -> Bytes:
    picture, lossless = request.picture(), request.quality == 100
    how = {"lossless": True, "exact": True} if lossless else {"Q": request.quality}
    how |= (efforts.WEBP_LOSSLESS if lossless else efforts.WEBP)[request.policy.effort]
    if request.full_chroma and not lossless:
        how["smart_subsample"] = True
    data = picture.image.webpsave_buffer(keep=_keep(picture), **how)
    whole = _all_frames(data, picture.image, request) if request.facts.animated else data
    return Bytes(whole, lossless, told(how))


def _all_frames(data: bytes, image: Image, request: Request) -> bytes:
    """An animated WebP with all the frames and delays of its source."""
    from engine.webpframes import Timing, frame_delays, with_all_frames

    timing = Timing.of(image, frame_delays(request.source) if request.facts.format is Format.WEBP else [])
    high = image.height // request.facts.frames
    whole = with_all_frames(data, timing, image.width, high, alpha=bool(image.hasalpha()))
    if whole is None:
        raise Declined(f"the delays of its {request.facts.frames} frames would be lost")
    return whole


def _avif(request: Request) -> Bytes:
    picture, lossless, effort = request.picture(), request.quality == 100, request.policy.effort
    bits = depth(request.facts, Format.AVIF, request.quality) if picture.image.format == "ushort" else 8
    if lossless:
        how: dict[str, Any] = {"lossless": True, **efforts.AVIF_LOSSLESS[effort], "bitdepth": bits}
    else:
        how = {"Q": request.quality, **efforts.AVIF[effort][content_of(request.picture().image)]}
        how["bitdepth"] = max(bits, how["bitdepth"])
    data = picture.image.heifsave_buffer(keep=_keep(picture), **how)
    # Resizing makes values between those of 10 or 12 bits.
    exact = request.facts.bits <= max(bits, 8) and (request.untouched or bits == 8)
    return Bytes(data, lossless and exact, told(how))


def _gif(request: Request) -> Bytes:
    """From a GIF: its own palette, else a new exact one, else (too many colours) a new one that comes close."""
    options = dict(GIF_OPTIONS)
    if _clears_opaque(request):
        return Bytes(_stripped(request.source), lossless=True)
    if request.facts.format is not Format.GIF and Loss.ALPHA not in request.policy.allow_loss:
        _refuse_half_transparent(request.picture().image)
    if not (request.facts.format is Format.GIF and request.untouched):
        return Bytes(request.picture().image.gifsave_buffer(keep="none", **options), False, told(options))
    image = request.picture().image.copy_memory()
    for reuse in (True, False):
        data = image.gifsave_buffer(keep="none", reuse=reuse, dither=0.0, **options)
        if _same_gif(image, data) and gif_timing(data) == gif_timing(request.source):
            return Bytes(data, True, told({"reuse": reuse, **options}))
        if not image.get_typeof("gif-palette"):
            break
    return Bytes(_stripped(request.source), lossless=True)


def _clears_opaque(request: Request) -> bool:
    """Whether a GIF's own blocks are best left alone: it clears frames that have no transparent colour.

    The standard says to the background colour, as libvips does; browsers make such a place transparent.
    """
    same = request.facts.format is Format.GIF and request.untouched
    return same and walk_gif(request.source, request.facts.frames).clears_opaque


def _refuse_half_transparent(image: Image) -> None:
    if image.hasalpha():
        alpha = image[image.bands - 1]
        if ((alpha > 0) & (alpha < 255)).max() > 0:
            raise half_transparent()


def _stripped(source: bytes) -> bytes:
    from engine.strip import strip_gif

    return strip_gif(source)


def _with_alpha(image: Image) -> Image:
    if image.bands < 3:
        image = image.colourspace("srgb")
    return image if image.hasalpha() else image.addalpha()


def _same_gif(image: Image, data: bytes) -> bool:
    """Whether a GIF decodes to exactly ``image``; colours under full transparency do not count."""
    try:
        result = Image.gifload_buffer(data, n=-1, fail_on="error")
        if (result.width, result.height) != (image.width, image.height):
            return False
        wanted, got = _with_alpha(image), _with_alpha(result)
        shown = wanted[3] > 0
        return bool(((wanted != got) & shown.bandjoin([shown, shown, 255])).max() == 0)
    except pyvips.Error:
        return False


def _tiff(request: Request) -> Bytes:
    picture = request.picture()
    options = dict(TIFF_OPTIONS)
    if (
        request.facts.bits == 1
        and request.untouched
        and request.facts.format is Format.TIFF
        and picture.image.bands == 1
    ):
        fax = request.facts.bilevel_fax
        options = {"bitdepth": 1, "compression": "ccittfax4" if fax else "deflate"}
    return Bytes(picture.image.tiffsave_buffer(keep=_keep(picture), **options), True, told(options))


def _png(request: Request) -> Bytes:
    """At 100 lossless. Below, in a run: lossless or a palette, whichever is smaller, but no palette that shows; in a
    contract call: a palette."""
    effort = request.policy.effort
    packed = f"oxipng={efforts.OXIPNG[effort]}" if installed("oxipng") else told(efforts.PNG[effort][1])
    if request.quality == 100:
        return Bytes(_lossless_png(request), True, packed)
    picture, how = request.picture(), efforts.PALETTE[effort]
    data = picture.image.pngsave_buffer(Q=request.quality, keep=_keep(picture), **how)
    palette = _insert(data, _gamma_chunks(request))
    if not request.policy.keep_original:
        small = _png_at_own_depth(request)
        exact = palette if small is None else _insert(small, _gamma_chunks(request))
        exact_is_smaller = small is not None and len(exact) <= len(palette)
        return Bytes(exact, True, packed) if exact_is_smaller else Bytes(palette, False, told(how))
    palette, exact = recompress_png(palette, efforts.OXIPNG[effort]), _lossless_png(request)
    if len(exact) <= len(palette) or _palette_shows(request.picture().image, palette):
        return Bytes(exact, True, packed)
    return Bytes(palette, False, told(how))


PALETTE_GRAIN, PALETTE_LUMA, PALETTE_BLOCK = 1.0, 12.0, 36.0
"""What a palette may change, of 0–255: the single pixels on average, and the worst block of 8 × 8 pixels in brightness
and in any colour. At quality 80 photos reach 1.4 and more in the first, screenshots 0.25, 12 and 36 at most."""


def _palette_shows(image: Image, palette: bytes) -> bool:
    """Whether a palette's colours are visibly others than ``image``'s."""
    image = image.copy_memory()
    got = Image.pngload_buffer(palette, access="sequential").copy_memory()
    _, luma, block = difference(image, got)
    return luma > PALETTE_LUMA or block > PALETTE_BLOCK or grain(image, got) > PALETTE_GRAIN


def _lossless_png(request: Request) -> bytes:
    """The source's own file made smaller where its pixels are not to change at all, else a new one."""
    level = efforts.OXIPNG[request.policy.effort]
    if _goes_as_it_is(request):
        wanted = MetadataPolicy.ICC if keeps_profile(request.policy.metadata) else MetadataPolicy.STRIP
        with contextlib.suppress(Refused, WriteFailed):
            return optimize_losslessly(request.source, request.facts, wanted, level)
    small = _png_at_own_depth(request)
    if small is None:
        small = _for_oxipng(request) if installed("oxipng") else _filtered(request)
    return recompress_png(_insert(small, _gamma_chunks(request)), level)


def _goes_as_it_is(request: Request) -> bool:
    facts = request.facts
    exact = request.quality == 100 or (facts.bits <= 8 and facts.profile is not ProfileKind.GREY)
    as_png = facts.format is Format.PNG and request.untouched and facts.orientation == 1
    return as_png and exact and installed("oxipng")


def _for_oxipng(request: Request) -> bytes:
    """A PNG that is packed quickly, because it will be unpacked again at once."""
    picture = request.picture()
    data: bytes = picture.image.pngsave_buffer(compression=1, filter="none", keep=_keep(picture))
    return data


def _png_at_own_depth(request: Request) -> bytes | None:
    """A palette or a grey of 1, 2 or 4 bits, exactly as the source has it; None for any other source."""
    facts = request.facts
    if facts.format is not Format.PNG or not request.untouched or not (facts.palette or facts.bits < 8):
        return None
    picture, options = request.picture(), efforts.PNG[request.policy.effort][1]
    if facts.palette:
        data = encode_indexed(
            picture.image, request.source, facts.bits, keep=_keep(picture), compression=options["compression"]
        )
        # Some files use numbers that their palette does not have: decoders make up a colour for those.
        return data if data is not None and _same_png(request.picture().image, data) else None
    if picture.image.bands != 1:
        return None
    return bytes(picture.image.pngsave_buffer(bitdepth=facts.bits, keep=_keep(picture), **options))


def _same_png(image: Image, data: bytes) -> bool:
    """Whether a PNG decodes to exactly ``image``."""
    result = Image.pngload_buffer(data, access="sequential")
    return image.bands == result.bands and bool((image != result).max() == 0)


def _filtered(request: Request) -> bytes:
    """Unfiltered, or filtered as the effort has it for photos."""
    photo, drawing = efforts.PNG[request.policy.effort]
    way = drawing if is_drawn(request.picture().image) else photo
    picture = request.picture()
    data: bytes = picture.image.pngsave_buffer(keep=_keep(picture), **way)
    return data


def _gamma_chunks(request: Request) -> bytes:
    """The source's own gamma and primaries, or code, for a PNG whose colours depend on them."""
    if request.facts.format is not Format.PNG:
        return b""
    wanted = (b"cICP",) if request.facts.coding else (b"gAMA", b"cHRM") if request.facts.gamma else ()
    return b"".join(request.source[c.start : c.end] for c in walk_png(request.source) if c.kind in wanted)


def _insert(data: bytes, chunks: bytes) -> bytes:
    """``chunks`` behind the header of a PNG as libvips wrote it, without the resolution, which goes from all PNGs."""
    first, *rest = walk_png(data)
    kept = [data[chunk.start : chunk.end] for chunk in rest if chunk.kind != b"pHYs"]
    return b"".join([data[: first.end], chunks, *kept])


_ENCODERS: dict[Format, Callable[[Request], Bytes]] = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.GIF: _gif,
    Format.TIFF: _tiff,
}


def encode(target: Format, request: Request) -> Bytes:
    """The bytes in ``target``; raises pyvips.Error."""
    return _ENCODERS[target](request)


def refuse_size(target: Format, width: int, height: int, frames: int) -> None:
    """Declined when no file of ``target`` can be that large. WebP and GIF stand their frames apart."""
    most = LARGEST_SIDE.get(target)
    if most is not None and max(width, height) > most:
        raise Declined(f"{width:,} × {height:,} pixels: {target.value.upper()} holds at most {most:,} a side")
