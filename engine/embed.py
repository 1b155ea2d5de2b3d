"""Puts metadata into a finished file, block by block as it stands; pixels and the rest of the file are not touched.

| into | EXIF | XMP | IPTC | comments |
|---|---|---|---|---|
| JPEG | APP1 | APP1, over 64 KiB extended | APP13 | COM |
| PNG | eXIf | iTXt | text ("Raw profile type iptc") | PNG's own texts |
| WebP | EXIF | XMP | – | – |
| AVIF | item | item | – | – |
| TIFF | directories | tag | tags | – |
| GIF | – | application block | – | comment block |
"""

from __future__ import annotations

import struct
import zlib
from hashlib import md5

from engine import exif, iptc, xmp
from engine.containers import LARGEST_SEGMENT, PNG_SIGNATURE, jpeg_segment, walk_jpeg, walk_webp
from engine.formats import Format
from engine.ifdedit import Node
from engine.indexed import png_chunk
from engine.items import add_items
from engine.metadata import (
    GIF_XMP,
    JPEG_EXIF,
    JPEG_EXTENDED,
    JPEG_IPTC,
    JPEG_XMP,
    PNG_XMP,
    TIFF_IPTC,
    TIFF_PHOTOSHOP,
    TIFF_XMP,
    Metadata,
)

__all__ = ["embed", "riff_chunk"]

WEBP_ICC, WEBP_ALPHA, WEBP_EXIF, WEBP_XMP = 0x20, 0x10, 0x08, 0x04
"""Flags in the first byte of VP8X (RFC 9649, section 2.7)."""
_GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""What follows XMP in a GIF, so that a reader of sub-blocks comes to their end wherever it is (XMP part 3)."""


def embed(data: bytes, format: Format, metadata: Metadata) -> bytes:
    """``data``, a file of ``format`` without metadata, with what of ``metadata`` the format holds."""
    if metadata == Metadata():
        return data
    return _WRITERS[format](data, metadata)


def _jpeg(data: bytes, metadata: Metadata) -> bytes:
    first = walk_jpeg(data).segments[0]
    place = first.end if first.kind == b"\xe0" else 2
    parts = [data[:place]]
    if metadata.exif:
        parts.append(jpeg_segment(0xE1, JPEG_EXIF + metadata.exif))
    parts += _jpeg_xmp(metadata)
    room = LARGEST_SEGMENT - len(JPEG_IPTC)
    for at in range(0, len(metadata.iptc), room):
        parts.append(jpeg_segment(0xED, JPEG_IPTC + metadata.iptc[at : at + room]))
    parts += [jpeg_segment(0xFE, comment[:LARGEST_SEGMENT]) for comment in metadata.comments]
    return b"".join((*parts, data[place:]))


def _jpeg_xmp(metadata: Metadata) -> list[bytes]:
    """XMP in segments; a packet too large for one goes into the extended packet whole (XMP part 3, section 1.1.3.1)."""
    main, extended, guid = metadata.xmp, metadata.extended, metadata.guid
    if len(main) > LARGEST_SEGMENT - len(JPEG_XMP):
        extended = xmp.unwrapped(main)
        guid = md5(extended, usedforsecurity=False).hexdigest().upper().encode()
        main = xmp.pointing_to(guid)
    parts = [jpeg_segment(0xE1, JPEG_XMP + main)] if main else []
    room = LARGEST_SEGMENT - len(JPEG_EXTENDED) - 40
    for at in range(0, len(extended), room):
        head = JPEG_EXTENDED + guid + struct.pack(">II", len(extended), at)
        parts.append(jpeg_segment(0xE1, head + extended[at : at + room]))
    return parts


def _png(data: bytes, metadata: Metadata) -> bytes:
    place = len(PNG_SIGNATURE) + 25
    parts = [data[:place]]
    if metadata.exif:
        parts.append(png_chunk(b"eXIf", metadata.exif))
    packet = metadata.whole_xmp()
    if packet:
        parts.append(png_chunk(b"iTXt", PNG_XMP + b"\0\0\0\0\0" + packet))
    if metadata.iptc:
        digits = metadata.iptc.hex()
        lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
        text = f"\niptc\n{len(metadata.iptc):8}\n{lines}\n".encode("ascii")
        parts.append(png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text, 9)))
    return b"".join((*parts, *metadata.text, data[place:]))


def riff_chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk of a WebP, padded to an even length."""
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)


def _webp(data: bytes, metadata: Metadata) -> bytes:
    packet = metadata.whole_xmp()
    if not metadata.exif and not packet:
        return data
    chunks, _ = walk_webp(data)
    first = chunks[0]
    if first.kind == b"VP8X":
        header, rest = bytearray(first.payload(data)), chunks[1:]
    else:
        header, rest = _webp_header(data[first.body : first.body + 10], first.kind), chunks
    parts = [riff_chunk(chunk.kind, chunk.payload(data)) for chunk in rest]
    if metadata.exif:
        header[0] |= WEBP_EXIF
        parts.append(riff_chunk(b"EXIF", metadata.exif))
    if packet:
        header[0] |= WEBP_XMP
        parts.append(riff_chunk(b"XMP ", packet))
    body = b"WEBP" + riff_chunk(b"VP8X", bytes(header)) + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_header(body: bytes, kind: bytes) -> bytearray:
    """A VP8X header for a WebP that has none."""
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        width, height, flags = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, packed >> 28 & 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        flags = 0
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    return bytearray(bytes((WEBP_ALPHA * flags, 0, 0, 0)) + sides)


def _gif(data: bytes, metadata: Metadata) -> bytes:
    colours = data[10]
    place = 13 + (3 << (colours & 7) + 1 if colours & 0x80 else 0)
    parts = [b"GIF89a", data[6:place]]
    for comment in metadata.comments:
        blocks = (comment[at : at + 255] for at in range(0, len(comment), 255))
        parts.append(b"!\xfe" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0")
    packet = metadata.whole_xmp()
    if packet and b"\0" not in packet:
        parts.append(b"!\xff\x0b" + GIF_XMP + packet + _GIF_TRAILER)
    return b"".join((*parts, data[place:]))


def _tiff(data: bytes, metadata: Metadata) -> bytes:
    more = []
    packet = metadata.whole_xmp()
    if packet:
        more.append(Node(TIFF_XMP, 1, len(packet), packet))
    if metadata.iptc:
        bare, others = iptc.parted(metadata.iptc)
        if bare:
            more.append(Node(TIFF_IPTC, 7, len(bare), bare))
        if others:
            more.append(Node(TIFF_PHOTOSHOP, 1, len(others), others))
    return exif.into_tiff(data, metadata.exif, tuple(more))


def _avif(data: bytes, metadata: Metadata) -> bytes:
    return add_items(data, metadata.exif, metadata.whole_xmp())


_WRITERS = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.GIF: _gif,
    Format.TIFF: _tiff,
    Format.AVIF: _avif,
}
