"""Header facts from the whole file's bytes, before any pixel is decoded.

    bytes ──sniff──▶ walk of the container ──▶ Facts
                          │                       └─▶ engine.cost (memory), engine.codec (what to do)
                          ├─▶ Unreadable: not an image, ends early, nothing here decodes it
                          └─▶ Declined: over a limit, or it holds something that no result could hold

What depends on the settings (transparency into a JPEG, an animation into a PNG) is refused by ``engine.codec``.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from engine import boxes, containers, ifd
from engine.apng import read_apng
from engine.errors import Declined, Unreadable
from engine.estimate import jpeg_quality, vp8_quality
from engine.formats import Format, sniff
from engine.icc import ProfileKind, judge
from engine.job import Limits

__all__ = ["PNG_TEXT", "TRAILING_ALLOWED", "Facts", "probe"]

TRAILING_ALLOWED = 10_000
"""Bytes after the picture's end that are dropped without asking; more is a second picture, a film, a depth map."""
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
    """Bytes after the picture's end, zeros at both ends not counted."""
    gain_map: bool = False
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


_FOREIGN = (
    (b"BM", "BMP"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\0\0\1\0", "icon (ICO)"),
    (b"8BPS", "Photoshop"),
    (b"PK\3\4", "ZIP archive"),
    (b"version https://git-lfs", "Git LFS pointer"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


NOT_READ = ", which is not read here"
"""How the sentence ends for an image in a format that no loader here is allowed for."""


def _what_it_is(data: bytes) -> str:
    """A sentence for bytes that are none of our formats."""
    if not data:
        return "not an image: the file is empty"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return f"a HEIC image{NOT_READ}"
    for signature, name in _FOREIGN:
        if data.startswith(signature):
            pointer = name == "Git LFS pointer"
            return f"not an image: a {name}" if pointer or "archive" in name else f"a {name} file{NOT_READ}"
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return f"an SVG drawing{NOT_READ}"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "not an image: a web page or XML"
    if not data.strip(b"\0"):
        return "not an image: only zero bytes"
    return "not an image"


def probe(data: bytes, limits: Limits) -> Facts:
    """The facts of one image. Unreadable or Declined with a sentence that names no file."""
    if len(data) > limits.max_file_size:
        raise Declined(f"{len(data):,} bytes are over the limit of {limits.max_file_size:,}")
    kind = sniff(data[:64])
    if kind is None:
        sentence = _what_it_is(data)
        raise Declined(sentence) if sentence.endswith(NOT_READ) else Unreadable(sentence)
    try:
        facts = _PROBES[kind](data, limits)
    except (struct.error, IndexError):
        raise Unreadable(f"damaged: the {kind.value.upper()} header is too short") from None
    _within(facts, limits)
    if facts.gain_map:
        raise Declined("its HDR gain map would be lost")
    if facts.trailing > TRAILING_ALLOWED:
        raise Declined(f"{facts.trailing:,} bytes after the picture's end would be lost (film, depth map or preview)")
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


def _probe_jpeg(data: bytes, limits: Limits) -> Facts:
    layout = containers.walk_jpeg(data)
    if layout.components not in (1, 3, 4):
        raise Unreadable(f"a JPEG of {layout.components} components, which cannot be decoded")
    if layout.precision != 8:
        raise Unreadable(f"a JPEG of {layout.precision} bits per sample, which cannot be decoded here")
    orientation, gain_map, parts = 0, False, []
    for segment in layout.segments:
        if segment.kind == b"\xe1":
            payload = segment.payload(data)
            if payload.startswith(b"Exif\0\0") and not orientation:
                orientation = ifd.exif_orientation(payload[6:])
            gain_map = gain_map or b"hdrgm:" in payload or b"HDRGainMap" in payload
        elif segment.kind == b"\xe2":
            payload = segment.payload(data)
            if payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
                parts.append((payload[12], payload[14:]))
            gain_map = gain_map or payload.startswith(b"urn:iso:std:iso:ts:21496")
    trailing = _tail(data, layout.end)
    if trailing:
        marks = (b"hdrgm:", b"hdrgainmap", b"HDRGainMap", b"urn:iso:std:iso:ts:21496")
        gain_map = gain_map or any(data.find(mark, layout.end) >= 0 for mark in marks)
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
            gain_map=gain_map,
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
    if coded[:2] != b"\1\x0d":
        raise Declined("its colours are given by a code (cICP) that would be lost")
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
    if layout.sequence:
        raise Declined("an animated AVIF, whose animation would be lost")
    if layout.gain_map:
        raise Declined("its HDR gain map would be lost")
    if layout.colour_code is not None and not layout.profile:
        primaries, transfer = layout.colour_code
        if primaries not in (1, 2) or transfer not in (1, 2, 6, 13, 14, 15):
            raise Declined(f"its colours are given by a code (nclx {primaries}/{transfer}) that would be lost")
    return _avif_facts(data, layout)


def _avif_facts(data: bytes, layout: boxes.AvifLayout) -> Facts:
    """Facts of the picture as the decoder will hand it out: it applies rotation and cropping itself."""
    import pyvips

    try:
        image = pyvips.Image.heifload_buffer(data, access="sequential")
    except pyvips.Error as error:
        from engine.vips import plain

        raise Unreadable(f"damaged: the AVIF header cannot be read ({plain(error)})") from None
    if image.get("n-pages") > 1:
        raise Declined(f"an AVIF of {image.get('n-pages')} pictures, of which all but one would be lost")
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
