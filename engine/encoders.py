"""From pixels to bytes: one table of encoder options per format, and what each format needs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips
from pyvips import Image

from engine.containers import PNG_SIGNATURE, walk_png, walk_webp
from engine.decode import Picture
from engine.errors import Declined
from engine.formats import Format
from engine.indexed import encode_indexed
from engine.job import Policy
from engine.probe import Facts

__all__ = ["LARGEST_SIDE", "Request", "encode"]

LARGEST_SIDE = {Format.JPEG: 65_500, Format.WEBP: 16_383, Format.AVIF: 16_384, Format.GIF: 65_535}
"""Pixels a side that a format's encoder takes (libjpeg, libwebp, libheif's limit, GIF89a); others take any."""

FULL_CHROMA_FROM = 95
"""JPEG quality from which colour is stored at full resolution; 4:4:4 costs a fifth more bytes at an equal score."""

JPEG_OPTIONS: dict[str, Any] = {
    "optimize_coding": True,
    "interlace": True,
    "trellis_quant": True,
    "overshoot_deringing": True,
    "optimize_scans": True,
    "quant_table": 3,
}
WEBP_OPTIONS: dict[str, Any] = {"effort": 4}
AVIF_OPTIONS: dict[str, Any] = {"compression": "av1", "effort": 2}
PNG_OPTIONS: dict[str, Any] = {"compression": 9}
PALETTE_OPTIONS: dict[str, Any] = {"palette": True, "bitdepth": 8, "colours": 256, "dither": 1.0, "effort": 7}
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


@dataclass(frozen=True, slots=True)
class Bytes:
    """An encoder's answer."""

    data: bytes
    lossless: bool
    """Whether decoding gives exactly the pixels that were handed over."""


def _keep(picture: Picture) -> str:
    return "icc" if picture.keep_profile else "none"


def _jpeg(request: Request) -> Bytes:
    picture = request.picture()
    chroma = "off" if request.quality >= FULL_CHROMA_FROM else "on"
    data = picture.image.jpegsave_buffer(Q=request.quality, subsample_mode=chroma, keep=_keep(picture), **JPEG_OPTIONS)
    return Bytes(data, lossless=False)


def _webp(request: Request) -> Bytes:
    picture, lossless = request.picture(), request.quality == 100
    how = {"lossless": True, "exact": True} if lossless else {"Q": request.quality}
    data = picture.image.webpsave_buffer(keep=_keep(picture), **how, **WEBP_OPTIONS)
    if request.facts.animated:
        frames = sum(chunk.kind == b"ANMF" for chunk in walk_webp(data)[0])
        if frames != request.facts.frames:
            raise Declined(f"{request.facts.frames} frames, some alike: WebP would merge them into {max(frames, 1)}")
    return Bytes(data, lossless)


def _avif(request: Request) -> Bytes:
    picture, lossless = request.picture(), request.quality == 100
    deep = picture.image.format == "ushort"
    depth = (request.facts.bits if lossless else 10) if deep else 8
    how = {"lossless": True} if lossless else {"Q": request.quality, "subsample_mode": "on"}
    data = picture.image.heifsave_buffer(bitdepth=depth, keep=_keep(picture), **how, **AVIF_OPTIONS)
    # Resizing makes values between those of 10 or 12 bits.
    return Bytes(data, lossless and (request.untouched or not deep))


def _gif(request: Request) -> Bytes:
    """From a GIF: its own palette, else a new exact one, else (too many colours) a new one that comes close."""
    options = dict(GIF_OPTIONS)
    if request.facts.format is not Format.GIF:
        _refuse_half_transparent(request.picture().image)
    if not (request.facts.format is Format.GIF and request.untouched):
        return Bytes(request.picture().image.gifsave_buffer(keep="none", **options), lossless=False)
    image = request.picture().image.copy_memory()
    for reuse in (True, False):
        data = image.gifsave_buffer(keep="none", reuse=reuse, dither=0.0, **options)
        if _same_gif(image, data):
            return Bytes(data, lossless=True)
        if not image.get_typeof("gif-palette"):
            break
    return Bytes(_stripped(request.source), lossless=True)


def _refuse_half_transparent(image: Image) -> None:
    if image.hasalpha():
        alpha = image[image.bands - 1]
        if ((alpha > 0) & (alpha < 255)).max() > 0:
            raise Declined("half-transparent pixels would be lost: a GIF pixel is seen or not")


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
    return Bytes(picture.image.tiffsave_buffer(keep=_keep(picture), **options), lossless=True)


def _png(request: Request) -> Bytes:
    gamma = _gamma_chunks(request)
    small = _png_at_own_depth(request)
    if request.quality == 100:
        return Bytes(_insert(small or _best_filter(request), gamma), lossless=True)
    picture = request.picture()
    data = picture.image.pngsave_buffer(Q=request.quality, keep=_keep(picture), **PNG_OPTIONS, **PALETTE_OPTIONS)
    if small is not None and len(small) <= len(data):
        return Bytes(_insert(small, gamma), lossless=True)
    return Bytes(_insert(data, gamma), lossless=False)


def _png_at_own_depth(request: Request) -> bytes | None:
    """A palette or a grey of 1, 2 or 4 bits, exactly as the source has it; None for any other source."""
    facts = request.facts
    if facts.format is not Format.PNG or not request.untouched or not (facts.palette or facts.bits < 8):
        return None
    picture = request.picture()
    if facts.palette:
        data = encode_indexed(picture.image, request.source, facts.bits, keep=_keep(picture), **PNG_OPTIONS)
        # Some files use numbers that their palette does not have: decoders make up a colour for those.
        return data if data is not None and _same_png(request.picture().image, data) else None
    if picture.image.bands != 1:
        return None
    return bytes(picture.image.pngsave_buffer(bitdepth=facts.bits, filter="none", keep=_keep(picture), **PNG_OPTIONS))


def _same_png(image: Image, data: bytes) -> bool:
    """Whether a PNG decodes to exactly ``image``."""
    result = Image.pngload_buffer(data, access="sequential")
    return image.bands == result.bands and bool((image != result).max() == 0)


_SAMPLE_SIDE = 384
"""Pixels a side of the piece on which the two ways of filtering are tried."""


def _best_filter(request: Request) -> bytes:
    """Unfiltered or adaptively filtered, whichever a piece from the middle says is smaller."""
    picture = request.picture()
    # What was turned upright is in memory already and can be read twice.
    image = picture.image if request.turned and request.facts.orientation > 2 else request.picture().image
    wide, high = min(_SAMPLE_SIDE, image.width), min(_SAMPLE_SIDE, image.height)
    piece = image.crop((image.width - wide) // 2, (image.height - high) // 2, wide, high).copy_memory()
    tried: dict[str, bytes] = {
        name: piece.pngsave_buffer(filter=name, keep="none", **PNG_OPTIONS) for name in ("all", "none")
    }
    name = min(tried, key=lambda filter: len(tried[filter]))
    if (wide, high) == (image.width, image.height) and not picture.keep_profile:
        return tried[name]
    data: bytes = picture.image.pngsave_buffer(filter=name, keep=_keep(picture), **PNG_OPTIONS)
    return data


def _gamma_chunks(request: Request) -> bytes:
    """The source's own gamma and primaries, for a PNG whose colours depend on them."""
    if request.facts.format is not Format.PNG or not request.facts.gamma:
        return b""
    wanted = (b"gAMA", b"cHRM")
    return b"".join(request.source[c.start : c.end] for c in walk_png(request.source) if c.kind in wanted)


def _insert(data: bytes, chunks: bytes) -> bytes:
    """``chunks`` behind the header of a PNG."""
    place = len(PNG_SIGNATURE) + 25
    return data[:place] + chunks + data[place:] if chunks else data


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
