"""Header facts from the whole file's bytes, before any pixel is decoded.

    bytes ──sniff──▶ walk of the container ──▶ Facts
                          │                       └─▶ engine.cost (memory), engine.codec (what to do)
                          ├─▶ Unreadable: not an image, ends early, nothing here decodes it
                          └─▶ Declined: over a limit, or of a kind that nothing here carries over faithfully

What a target cannot hold is only told here; ``engine.losses`` decides by the settings.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from engine import boxes, containers, gainmap, ifd
from engine.apng import read_apng
from engine.errors import Declined, Unreadable
from engine.foreign import NOT_READ, what_it_is
from engine.formats import Format, sniff
from engine.gainmap import GainMapKind
from engine.icc import ProfileKind, judge
from engine.policy import Limits
from engine.source_quality import jpeg_quality, vp8_quality

__all__ = ["PNG_TEXT", "Facts", "probe"]

_MAX_PROFILE = 8 << 20
"""Largest uncompressed colour profile that is read, in bytes."""
_SRGB_GAMMA = 45455
"""PNG gAMA value (× 100,000) that means what sRGB means."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header of an image says."""

    format: Format
    width: int
    height: int
    """Pixels of one frame or page, upright (orientation applied)."""
    stored_width: int
    stored_height: int
    """Pixels of one frame or page as stored."""
    bands: int
    """Bands after decoding: 1 or 3 colours (4 for CMYK), plus 1 with alpha; a palette counts as its colours."""
    bits: int
    """Bits per sample as stored; for a palette, bits of the index."""
    frames: int = 1
    """Frames of an animation, or pages of a TIFF."""
    animated: bool = False
    orientation: int = 1
    """EXIF orientation 1–8."""
    alpha: bool = False
    progressive: bool = False
    """Progressive JPEG or interlaced PNG or GIF: decoding needs the whole picture in memory."""
    palette: bool = False
    profile: ProfileKind = ProfileKind.NONE
    cmyk: bool = False
    trailing: int = 0
    """Bytes after the picture's end beside a gain map, zeros at both ends not counted."""
    gain_map: GainMapKind = GainMapKind.NONE
    more: int = 0
    """Pages or pictures beside ``frames`` that cannot be decoded together with them."""
    sequence: bool = False
    """An AVIF animation, of which only one picture is decoded."""
    layers: str = ""
    """What lies inside or beside the picture and nothing here writes (``Photoshop layers``); empty: nothing."""
    coding: str = ""
    """The code by which the colours are given, where it is not sRGB's and no profile says more (``cICP 9/16``)."""
    gamma: int = 0
    """PNG gAMA × 100,000 when it matters (no profile and not sRGB's), else 0."""
    lossless: bool = False
    """Whether the stored pixels are exact (PNG, GIF, TIFF, lossless WebP)."""
    text: bool = False
    """PNG: holds text chunks, which the decoder need not see."""
    bilevel_fax: bool = False
    """TIFF: one bit a pixel in a fax compression."""
    quality: int = 0
    """Estimate of what a lossy JPEG or WebP was made with, 1–100; 0 when it is not known."""
    apng: bool = False
    """An animated PNG: no decoder here reads its frames, so it is only made smaller as it is."""


def probe(data: bytes, limits: Limits) -> Facts:
    """The facts of one image. Unreadable or Declined with a sentence that names no file."""
    if len(data) > limits.max_file_size:
        raise Declined(f"{len(data):,} bytes are over the limit of {limits.max_file_size:,}")
    kind = sniff(data[:64])
    if kind is None:
        sentence = what_it_is(data)
        raise Declined(sentence) if sentence.endswith(NOT_READ) else Unreadable(sentence)
    try:
        facts = _PROBES[kind](data, limits)
    except (struct.error, IndexError):
        raise Unreadable(f"damaged: the {kind.value.upper()} header is too short") from None
    _within(facts, limits)
    return facts


def _within(facts: Facts, limits: Limits) -> None:
    if facts.stored_width * facts.stored_height > limits.max_pixels:
        size = f"{facts.stored_width:,} × {facts.stored_height:,} pixels"
        raise Declined(f"{size} are over the limit of {limits.max_pixels:,}")
    if facts.frames > limits.max_frames:
        raise Declined(f"more than {limits.max_frames:,} frames are over the limit of {limits.max_frames:,}")


def _check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse a size before anything else is looked at."""
    if not width or not height:
        raise Unreadable(f"damaged: the header says {width} × {height} pixels")
    _within(Facts(Format.PNG, width, height, width, height, 1, 8), limits)


def _tail(data: bytes, end: int) -> int:
    return len(data[end:].strip(b"\0")) if end < len(data) else 0


def _upright(facts: Facts) -> Facts:
    return facts if facts.orientation < 5 else replace(facts, width=facts.stored_height, height=facts.stored_width)


_INNER = (b"GDepth:Mime", b"GImage:Mime", b"GAudio:Mime")
"""What XMP says of a depth map, the other eye's picture or a sound that it holds."""


def _probe_jpeg(data: bytes, limits: Limits) -> Facts:
    layout = containers.walk_jpeg(data)
    if layout.components not in (1, 3, 4):
        raise Unreadable(f"a JPEG of {layout.components} components, which cannot be decoded")
    if layout.precision != 8:
        raise Unreadable(f"a JPEG of {layout.precision} bits per sample, which cannot be decoded here")
    orientation, inner, parts = 0, False, []
    for segment in layout.segments:
        if segment.kind == b"\xe1":
            payload = segment.payload(data)
            if payload.startswith(b"Exif\0\0") and not orientation:
                orientation = ifd.exif_orientation(payload[6:])
            inner = inner or any(mark in payload for mark in _INNER)
        elif segment.kind == b"\xe2":
            payload = segment.payload(data)
            if payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
                parts.append((payload[12], payload[14:]))
    gain = gainmap.find(data, layout)
    trailing = _tail(data, layout.end)
    if gain.end:
        trailing = len(data[layout.end : gain.start].strip(b"\0")) + _tail(data, gain.end)
    profile = b"".join(part for _, part in sorted(parts, key=lambda part: part[0]))
    width, height = layout.width, layout.height
    return _upright(
        Facts(
            Format.JPEG,
            width,
            height,
            width,
            height,
            layout.components,
            layout.precision,
            orientation=orientation or 1,
            progressive=layout.frame in (0xC2, 0xCA) or _scans_are_split(data, layout),
            profile=judge(profile, layout.components) if profile else ProfileKind.NONE,
            cmyk=layout.components == 4,
            trailing=trailing,
            gain_map=gain.kind,
            layers="depth map, second picture or sound inside its metadata" if inner else "",
            lossless=layout.frame in (0xC3, 0xCB),
            quality=jpeg_quality(data, layout.segments),
        )
    )


def _scans_are_split(data: bytes, layout: containers.JpegLayout) -> bool:
    """Whether the first scan holds fewer components than the frame (then all of it is buffered)."""
    return data[layout.segments[-1].body] < layout.components


def _png_profile(data: bytes, chunk: containers.Chunk) -> bytes:
    _, _, packed = chunk.payload(data).partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        return b""
    if unpacker.unconsumed_tail:
        raise Declined(f"its colour profile is over the limit of {_MAX_PROFILE:,} bytes")
    return profile


_PNG_BANDS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
PNG_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def _probe_png(data: bytes, limits: Limits) -> Facts:
    width, height, bits, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if data[12:16] == b"IHDR":
        _check_size(width, height, limits)
    chunks = containers.walk_png(data)
    kinds = {chunk.kind: chunk for chunk in reversed(chunks)}
    if colour not in _PNG_BANDS or bits not in (1, 2, 4, 8, 16):
        raise Unreadable("damaged: the PNG header is not valid")
    if b"IDAT" not in kinds:
        raise Unreadable("damaged: a PNG without a picture")
    animated = bool(kinds.keys() & {b"acTL", b"fcTL", b"fdAT"})
    coded = kinds[b"cICP"].payload(data) if b"cICP" in kinds else b"\1\x0d\0\1"
    alpha = colour in (4, 6) or b"tRNS" in kinds
    bands = _PNG_BANDS[colour] + (1 if b"tRNS" in kinds and colour in (0, 2, 3) else 0)
    profile = _png_profile(data, kinds[b"iCCP"]) if b"iCCP" in kinds else b""
    gamma = 0
    if b"gAMA" in kinds and not kinds.keys() & {b"iCCP", b"sRGB", b"cICP"}:
        gamma = int.from_bytes(kinds[b"gAMA"].payload(data)[:4], "big")
        gamma = 0 if abs(gamma - _SRGB_GAMMA) <= 500 else gamma
    return _upright(
        Facts(
            Format.PNG,
            width,
            height,
            width,
            height,
            bands,
            bits,
            orientation=ifd.exif_orientation(kinds[b"eXIf"].payload(data)) if b"eXIf" in kinds else 1,
            frames=len(read_apng(data, chunks).frames) if animated else 1,
            animated=animated,
            alpha=alpha,
            progressive=bool(interlace),
            palette=colour == 3,
            profile=judge(profile, bands - alpha) if profile else ProfileKind.NONE,
            trailing=_tail(data, containers.png_end(chunks)),
            gamma=gamma,
            coding="" if coded[:2] == b"\1\x0d" else "cICP " + "/".join(str(number) for number in coded[:2]),
            lossless=True,
            text=bool(kinds.keys() & PNG_TEXT),
            apng=animated,
        )
    )


def _probe_webp(data: bytes, limits: Limits) -> Facts:
    chunks, end = containers.walk_webp(data)
    kinds = {chunk.kind: chunk for chunk in reversed(chunks)}
    first = chunks[0]
    body = data[first.body : first.body + 10]
    animated, profile, exif = False, b"", b""
    if first.kind == b"VP8X":
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        alpha, animated = bool(body[0] & 0x10), bool(body[0] & 0x02)
        profile = kinds[b"ICCP"].payload(data) if b"ICCP" in kinds else b""
        exif = kinds[b"EXIF"].payload(data).removeprefix(b"Exif\0\0") if b"EXIF" in kinds else b""
    elif first.kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        alpha = False
    elif first.kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        width, height, alpha = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, bool(packed >> 28 & 1)
    else:
        raise Unreadable("damaged: the WebP header is not valid")
    frames = sum(chunk.kind == b"ANMF" for chunk in chunks) if animated else 1
    if not frames or not (animated or kinds.keys() & {b"VP8 ", b"VP8L"}):
        raise Unreadable("damaged: a WebP without a picture")
    _check_size(width, height, limits)
    if first.kind == b"VP8X" and b"VP8L" in kinds:
        alpha = alpha or bool(data[kinds[b"VP8L"].body + 4] >> 4 & 1)
    return _upright(
        Facts(
            Format.WEBP,
            width,
            height,
            width,
            height,
            4 if alpha else 3,
            8,
            frames=frames,
            animated=frames > 1,
            orientation=ifd.exif_orientation(exif) if exif else 1,
            alpha=alpha,
            progressive=True,
            profile=judge(profile, 3) if profile else ProfileKind.NONE,
            trailing=_tail(data, end),
            lossless=b"VP8L" in kinds,
            quality=vp8_quality(data, kinds.get(b"VP8 ")) if not animated else 0,
        )
    )


def _probe_gif(data: bytes, limits: Limits) -> Facts:
    width, height = struct.unpack_from("<HH", data, 6)
    _check_size(width, height, limits)
    layout = containers.walk_gif(data, limits.max_frames)
    return Facts(
        Format.GIF,
        width,
        height,
        width,
        height,
        4 if layout.transparent else 3,
        layout.colour_bits,
        frames=layout.frames,
        animated=layout.frames > 1,
        alpha=layout.transparent,
        progressive=layout.interlaced,
        palette=True,
        trailing=_tail(data, layout.end) if layout.frames <= limits.max_frames else 0,
        lossless=True,
    )


def _probe_avif(data: bytes, limits: Limits) -> Facts:
    layout = boxes.walk_avif(data)
    _check_size(layout.width, layout.height, limits)
    coding = ""
    if layout.colour_code is not None and not layout.profile:
        primaries, transfer = layout.colour_code
        if primaries not in (1, 2) or transfer not in (1, 2, 6, 13, 14, 15):
            coding = f"nclx {primaries}/{transfer}"
    return _avif_facts(data, layout, coding)


def _avif_facts(data: bytes, layout: boxes.AvifLayout, coding: str) -> Facts:
    """Facts of the picture as the decoder will hand it out: it applies rotation and cropping itself."""
    import pyvips

    try:
        image = pyvips.Image.heifload_buffer(data, access="sequential")
    except pyvips.Error as error:
        from engine.vips import plain

        raise Unreadable(f"damaged: the AVIF header cannot be read ({plain(error)})") from None
    alpha = image.hasalpha()
    colours = image.bands - alpha
    return Facts(
        Format.AVIF,
        image.width,
        image.height,
        layout.width,
        layout.height,
        image.bands,
        layout.bits,
        alpha=alpha,
        progressive=True,
        profile=judge(layout.profile, colours) if layout.profile else ProfileKind.NONE,
        trailing=_tail(data, layout.end),
        gain_map=GainMapKind.OTHER if layout.gain_map else GainMapKind.NONE,
        more=0 if layout.sequence else image.get("n-pages") - 1,
        sequence=layout.sequence,
        layers="depth map" if layout.depth_map else "",
        coding=coding,
    )


def _probe_tiff(data: bytes, limits: Limits) -> Facts:
    from engine.tiff import probe_tiff

    return probe_tiff(data, limits)


_PROBES = {
    Format.JPEG: _probe_jpeg,
    Format.PNG: _probe_png,
    Format.WEBP: _probe_webp,
    Format.GIF: _probe_gif,
    Format.AVIF: _probe_avif,
    Format.TIFF: _probe_tiff,
}
