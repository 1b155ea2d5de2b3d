"""Drops metadata from a file whose pixels stay as they are: EXIF, XMP, IPTC, comments, previews, trailing bytes.

What the picture's look depends on stays: colour profiles other than sRGB, gamma, Adobe's colour transform, animation,
and an orientation other than upright, as an EXIF block of that one tag. JPEG, PNG, WebP and GIF; TIFF and AVIF keep
their metadata in the structure of the file and are returned as they are.
"""

from __future__ import annotations

import struct

from engine.containers import PNG_SIGNATURE, Chunk, walk_gif, walk_jpeg, walk_png, walk_webp
from engine.formats import Format
from engine.icc import ProfileKind
from engine.indexed import png_chunk
from engine.probe import Facts

__all__ = ["strip", "strip_gif"]

_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"cICP", b"sBIT", b"acTL", b"fcTL", b"fdAT"}
)
_PNG_GAMMA = frozenset({b"gAMA", b"cHRM"})
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_ICC, _WEBP_EXIF, _WEBP_XMP = 0x20, 0x08, 0x04
"""Flags in the first byte of VP8X (RFC 9649, section 2.7)."""


def strip(data: bytes, facts: Facts) -> bytes:
    """``data`` without metadata; ``data`` itself when there is nothing to drop. Never longer than ``data``.

    Raises Unreadable for bytes that ``engine.probe.probe`` would not have taken.
    """
    match facts.format:
        case Format.JPEG:
            result = _strip_jpeg(data, facts)
        case Format.PNG:
            result = _strip_png(data, facts)
        case Format.WEBP:
            result = _strip_webp(data, facts)
        case Format.GIF:
            result = strip_gif(data)
        case _:
            return data
    return data if len(result) >= len(data) else result


def _matters(facts: Facts) -> bool:
    return facts.profile not in (ProfileKind.NONE, ProfileKind.SRGB)


def _orientation_exif(orientation: int) -> bytes:
    """The smallest EXIF block that says ``orientation``: one directory with one SHORT."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def _jpeg_stays(data: bytes, segment: Chunk, facts: Facts) -> bool:
    code = segment.kind[0]
    if code == 0xE2:
        return _matters(facts) and data.startswith(b"ICC_PROFILE\0", segment.body)
    if code == 0xEE:
        return data.startswith(b"Adobe", segment.body)
    return code != 0xFE and not 0xE0 <= code <= 0xEF


def _strip_jpeg(data: bytes, facts: Facts) -> bytes:
    layout = walk_jpeg(data)
    parts = [b"\xff\xd8"]
    for segment in layout.segments:
        if segment.kind == b"\xe0" and data.startswith(b"JFIF\0", segment.body) and segment.length >= 14:
            parts.append(b"\xff\xe0\0\x10" + data[segment.body : segment.body + 12] + b"\0\0")
    if facts.orientation != 1:
        exif = b"Exif\0\0" + _orientation_exif(facts.orientation)
        parts.append(b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    parts += [data[segment.start : segment.end] for segment in layout.segments if _jpeg_stays(data, segment, facts)]
    parts.append(data[layout.segments[-1].end : layout.end])
    return b"".join(parts)


def _strip_png(data: bytes, facts: Facts) -> bytes:
    kept = set(_PNG_KEPT)
    chunks = walk_png(data)
    kinds = {chunk.kind for chunk in chunks}
    if _matters(facts):
        kept.add(b"iCCP")
    if _matters(facts) or b"iCCP" not in kinds:
        kept |= _PNG_GAMMA
    parts = [PNG_SIGNATURE]
    for chunk in chunks:
        if chunk.kind in kept:
            parts.append(data[chunk.start : chunk.end])
        if chunk.kind == b"IHDR" and facts.orientation != 1:
            parts.append(png_chunk(b"eXIf", _orientation_exif(facts.orientation)))
    return b"".join(parts)


def _strip_webp(data: bytes, facts: Facts) -> bytes:
    chunks, _ = walk_webp(data)
    if chunks[0].kind != b"VP8X":
        return data
    flags = data[chunks[0].body] & ~(_WEBP_XMP | _WEBP_EXIF | _WEBP_ICC)
    parts: list[bytes] = []
    for chunk in chunks[1:]:
        if chunk.kind in _WEBP_KEPT or (chunk.kind == b"ICCP" and _matters(facts)):
            flags |= _WEBP_ICC if chunk.kind == b"ICCP" else 0
            parts.append(_riff_chunk(chunk.kind, chunk.payload(data)))
    if facts.orientation != 1:
        flags |= _WEBP_EXIF
        parts.append(_riff_chunk(b"EXIF", _orientation_exif(facts.orientation)))
    header = chunks[0].payload(data)
    body = b"WEBP" + _riff_chunk(b"VP8X", bytes([flags]) + header[1:]) + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff_chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)


def strip_gif(data: bytes) -> bytes:
    """A GIF without comments, foreign application blocks and trailing bytes."""
    layout = walk_gif(data, 1 << 30)
    parts: list[bytes] = []
    at = 0
    for start, end in layout.removable:
        parts.append(data[at:start])
        at = end
    parts.append(data[at : layout.end])
    return b"".join(parts)
