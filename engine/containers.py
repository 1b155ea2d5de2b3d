"""Walks through JPEG, PNG, WebP and GIF files: where each part lies, and whether the file is all there.

    JPEG   FFD8 | FFxx length payload … | FFDA length payload, entropy-coded bytes … | FFD9
    PNG    signature | length type payload crc … | IEND
    WebP   RIFF size WEBP | type size payload (padded to even) …
    GIF    screen | extension or image blocks … | 3B

Nothing here decodes a pixel or looks at more than marks and lengths, so a walk costs far less than a millisecond per
megabyte. Every walk raises Unreadable and nothing else, whatever the bytes are.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from engine.errors import Unreadable

__all__ = [
    "LARGEST_SEGMENT",
    "PNG_SIGNATURE",
    "Chunk",
    "GifLayout",
    "JpegLayout",
    "gif_blocks",
    "gif_timing",
    "jpeg_segment",
    "png_end",
    "walk_gif",
    "walk_jpeg",
    "walk_png",
    "walk_webp",
]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ENDS_EARLY = "damaged: the {} data ends early"

LARGEST_SEGMENT = 65_533
"""Bytes of payload in a JPEG segment."""
_JPEG_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0–7, SOI."""
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_JPEG_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers (ITU-T T.81, table B.1)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a file. Offsets count from the file's start."""

    kind: bytes
    """A PNG or RIFF type of four bytes, or a JPEG marker's second byte."""
    start: int
    """Where the part begins, its mark and length included."""
    body: int
    """Where its payload begins."""
    length: int
    """Bytes of payload."""
    end: int
    """First byte after the part, checksum and padding included."""

    def payload(self, data: bytes) -> bytes:
        """A copy of the payload."""
        return data[self.body : self.body + self.length]


@dataclass(frozen=True, slots=True)
class JpegLayout:
    """What a JPEG consists of."""

    segments: tuple[Chunk, ...]
    """All segments with a length before the first scan's data, the first SOS last."""
    frame: int
    """The start-of-frame marker's second byte: C0/C1 sequential, C2 progressive, C3 lossless, C9 and up arithmetic."""
    precision: int
    """Bits per sample."""
    width: int
    height: int
    components: int
    end: int
    """First byte after the end-of-image marker."""


def jpeg_segment(code: int, payload: bytes) -> bytes:
    """A JPEG segment: its marker's second byte, its length, and at most ``LARGEST_SEGMENT`` bytes."""
    return bytes((0xFF, code)) + struct.pack(">H", len(payload) + 2) + payload


def walk_jpeg(data: bytes) -> JpegLayout:
    """The layout of a JPEG; Unreadable when it has no frame, no scan or no end-of-image marker."""
    segments: list[Chunk] = []
    frame: tuple[int, int, int, int, int] | None = None
    at, scanning = 2, False
    while True:
        if scanning:
            found = _JPEG_MARK.search(data, at)
            at = -1 if found is None else found.start()
        else:
            at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Unreadable(ENDS_EARLY.format("JPEG"))
        code = data[at + 1]
        if code == 0xD9:
            if frame is None or not scanning:
                raise Unreadable("damaged: a JPEG without a picture")
            return JpegLayout(tuple(segments), *frame, end=at + 2)
        if code in (0x00, 0xFF) or code in _JPEG_BARE:
            at += 1 if code == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if end > len(data) or at + 4 > len(data):
            raise Unreadable(ENDS_EARLY.format("JPEG"))
        if length < 2:
            raise Unreadable("damaged: a JPEG segment has no length")
        if not scanning:
            segments.append(Chunk(data[at + 1 : at + 2], at, at + 4, length - 2, end))
        if code in _JPEG_SOF and frame is None:
            frame = _jpeg_frame(data, code, at + 4, length - 2)
        scanning = scanning or code == 0xDA
        at = end


def _jpeg_frame(data: bytes, code: int, body: int, length: int) -> tuple[int, int, int, int, int]:
    if length < 6:
        raise Unreadable("damaged: the JPEG frame header is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", data, body)
    if not width or not height:
        raise Unreadable(f"damaged: the JPEG header says {width} × {height} pixels")
    return code, precision, width, height, components


def walk_png(data: bytes) -> tuple[Chunk, ...]:
    """All chunks, IHDR first and IEND last; Unreadable when one reaches beyond the file or IEND is missing."""
    chunks: list[Chunk] = []
    at, size = 8, len(data)
    while True:
        if at + 12 > size:
            raise Unreadable(ENDS_EARLY.format("PNG"))
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if not chunks and (kind != b"IHDR" or length != 13):
            raise Unreadable("damaged: the PNG header is missing")
        if end > size:
            raise Unreadable(ENDS_EARLY.format("PNG"))
        chunks.append(Chunk(kind, at, at + 8, length, end))
        if kind == b"IEND":
            return tuple(chunks)
        at = end


def png_end(chunks: tuple[Chunk, ...]) -> int:
    """First byte after IEND."""
    return chunks[-1].end


def walk_webp(data: bytes) -> tuple[tuple[Chunk, ...], int]:
    """The top-level chunks and the first byte after the RIFF form; Unreadable when the file is shorter than it says."""
    if len(data) < 20:
        raise Unreadable(ENDS_EARLY.format("WebP"))
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + (end & 1):
        raise Unreadable(ENDS_EARLY.format("WebP"))
    end = min(end, len(data))
    chunks: list[Chunk] = []
    at = 12
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise Unreadable(ENDS_EARLY.format("WebP"))
        after = at + 8 + length + (length & 1)
        chunks.append(Chunk(data[at : at + 4], at, at + 8, length, min(after, len(data))))
        at = after
    if not chunks:
        raise Unreadable("damaged: a WebP without a picture")
    return tuple(chunks), min(max(at, end), len(data))


@dataclass(frozen=True, slots=True)
class GifLayout:
    """What a GIF consists of."""

    width: int
    height: int
    """Logical screen in pixels."""
    frames: int
    transparent: bool
    """Whether any frame names a transparent colour."""
    interlaced: bool
    colour_bits: int
    """Bits of the largest colour table."""
    clears_opaque: bool
    """Whether a frame without a transparent colour is to be cleared after it was shown."""
    removable: tuple[tuple[int, int], ...]
    """(start, end) of comments and of application blocks other than the loop count."""
    end: int
    """First byte after the trailer."""


def _skip_blocks(data: bytes, at: int) -> int:
    """First byte after a chain of GIF sub-blocks."""
    size = len(data)
    while at < size:
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    raise Unreadable(ENDS_EARLY.format("GIF"))


def gif_blocks(data: bytes, at: int) -> bytes:
    """What a chain of GIF sub-blocks holds."""
    parts: list[bytes] = []
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def walk_gif(data: bytes, max_frames: int) -> GifLayout:
    """The layout of a GIF, stopping at ``max_frames`` + 1 frames; Unreadable without a trailer or a frame."""
    size = len(data)
    if size < 13:
        raise Unreadable(ENDS_EARLY.format("GIF"))
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    bits = (flags & 7) + 1
    at = 13 + (3 << bits if flags & 0x80 else 0)
    bits = bits if flags & 0x80 else 1
    frames, transparent, interlaced, clears = 0, False, False, False
    removable: list[tuple[int, int]] = []
    while frames <= max_frames:
        mark = data[at] if at < size else -1
        if mark == 0x3B:
            at += 1
            break
        if mark == 0x21:
            label = data[at + 1] if at + 1 < size else -1
            end = _skip_blocks(data, at + 2)
            if label == 0xF9:
                transparent = transparent or bool(data[at + 3] & 1)
                clears = clears or data[at + 3] & 0b11101 == 0b01000
            elif label == 0xFE or (label == 0xFF and data[at + 3 : at + 14] not in _GIF_LOOPS):
                removable.append((at, end))
            at = end
        elif mark == 0x2C and at + 10 < size:
            local = data[at + 9]
            interlaced = interlaced or bool(local & 0x40)
            bits = max(bits, (local & 7) + 1) if local & 0x80 else bits
            at = _skip_blocks(data, at + 11 + (3 << ((local & 7) + 1) if local & 0x80 else 0))
            frames += 1
        elif mark == 0 and frames:
            at += 1
        elif mark in (-1, 0x2C):
            raise Unreadable(ENDS_EARLY.format("GIF"))
        else:
            raise Unreadable("damaged: the GIF blocks are out of step")
    if not frames:
        raise Unreadable("damaged: a GIF without a picture")
    return GifLayout(width, height, frames, transparent, interlaced, bits, clears, tuple(removable), at)


def gif_timing(data: bytes) -> tuple[list[int], list[int | None]]:
    """Every loop count of a GIF, and the delay before each frame in 1/100 s (None where the file says none). For bytes
    that ``walk_gif`` takes."""
    loops: list[int] = []
    delays: list[int | None] = []
    delay: int | None = None
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            if data[at + 1] == 0xF9:
                delay = int.from_bytes(data[at + 4 : at + 6], "little")
            elif data[at + 1] == 0xFF and data[at + 3 : at + 14] in _GIF_LOOPS and data[at + 15 : at + 16] == b"\1":
                loops.append(int.from_bytes(data[at + 16 : at + 18], "little"))
            at = _skip_blocks(data, at + 2)
        elif data[at] == 0x2C:
            local = data[at + 9]
            at = _skip_blocks(data, at + 11 + (3 << ((local & 7) + 1) if local & 0x80 else 0))
            delays.append(delay)
            delay = None
        else:
            at += 1
    return loops, delays
