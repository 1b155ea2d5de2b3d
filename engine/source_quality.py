"""The quality that a lossy JPEG or WebP was made with, from its own quantizers. An estimate: encoders have tables of
their own.

JPEG: libjpeg scales a base table by the quality (``jpeg_quality_scaling``: 5000 / Q percent below 50, else 200 − 2 Q).
Tables that are such a multiple give their quality exactly; of others, the sum tells which multiple they come near.
WebP: libwebp turns the quality into quantizer indexes of up to four segments (RFC 6386, sections 9.3 and 9.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from engine.containers import Chunk

__all__ = ["jpeg_quality", "vp8_quality"]

_ANNEX_K = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
"""Brightness in ITU-T T.81, table K.1, what nearly every encoder scales."""
_ROBIDOUX = (
    *(16, 16, 16, 18, 25, 37, 56, 85),
    *(16, 17, 20, 27, 34, 40, 53, 75),
    *(16, 20, 24, 31, 43, 62, 91, 135),
    *(18, 27, 31, 40, 53, 74, 106, 156),
    *(25, 34, 43, 53, 69, 94, 131, 189),
    *(37, 40, 62, 74, 94, 124, 169, 238),
    *(56, 53, 91, 106, 131, 169, 226, 311),
    *(85, 75, 135, 156, 189, 238, 311, 418),
)
"""By N. Robidoux: mozjpeg's own default, and what is written here."""


def _scaled(base: Iterable[int], quality: int) -> tuple[int, ...]:
    """``base`` at ``quality`` 1–100, as libjpeg makes it for baseline files (1–255)."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(255, max(1, (value * percent + 50) // 100)) for value in base)


@cache
def _exact() -> dict[tuple[int, ...], int]:
    """Sorted table → the quality it stands for; the order of the values in the file does not matter then."""
    found: dict[tuple[int, ...], int] = {}
    for base in (_ROBIDOUX, _ANNEX_K):
        for quality in range(100, 0, -1):
            found[tuple(sorted(_scaled(base, quality)))] = quality
    return found


@cache
def _sums() -> tuple[int, ...]:
    """Sum of the Annex K table at quality 1, 2, … 100; never rises."""
    return tuple(sum(_scaled(_ANNEX_K, quality)) for quality in range(1, 101))


def _table_quality(values: tuple[int, ...]) -> int:
    known = _exact().get(tuple(sorted(values)))
    if known is not None:
        return known
    total = sum(values)
    return min(range(1, 101), key=lambda quality: abs(_sums()[quality - 1] - total))


def jpeg_quality(data: bytes, segments: Iterable[Chunk]) -> int:
    """Quality 1–100 by the table of the first component, which is brightness; 0 when there is none."""
    for segment in segments:
        if segment.kind != b"\xdb":
            continue
        at, end = segment.body, segment.body + segment.length
        while at < end:
            wide, number = data[at] >> 4, data[at] & 15
            size = 128 if wide else 64
            if at + 1 + size > end:
                break
            if number == 0:
                raw = data[at + 1 : at + 1 + size]
                values = tuple(raw) if not wide else tuple(raw[i] << 8 | raw[i + 1] for i in range(0, 128, 2))
                return _table_quality(values)
            at += 1 + size
    return 0


_HEADER_BYTES = 80
"""Enough of a VP8 frame to hold its quantizers."""
_COARSEST = 1 + 127 * 0.9 * 0.5 / 128


class _Booleans:
    """The boolean decoder of RFC 6386, section 7.3, for bits of even odds only."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 2
        self._value = int.from_bytes(data[:2].ljust(2, b"\0"), "big")
        self._range = 255
        self._shifted = 0

    def bit(self) -> int:
        """One bit."""
        split = 1 + ((self._range - 1) * 128 >> 8)
        found = int(self._value >= split << 8)
        if found:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._shifted += 1
            if self._shifted == 8:
                self._shifted = 0
                if self._at < len(self._data):
                    self._value |= self._data[self._at]
                self._at += 1
        return found

    def number(self, bits: int) -> int:
        """An unsigned number, highest bit first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def optional(self, bits: int) -> int:
        """A flag and, when it is set, a number with its sign after it; else 0."""
        if not self.bit():
            return 0
        value = self.number(bits)
        return -value if self.bit() else value


def _quantizers(frame: bytes) -> list[int]:
    """Quantizer indexes 0–127 of the segments of a VP8 key frame, or its one index."""
    bits = _Booleans(frame[10:])
    bits.number(2)  # colour space, clamping
    indexes: list[int] = []
    absolute = False
    if bits.bit():
        has_map, has_data = bits.bit(), bits.bit()
        if has_data:
            absolute = bool(bits.bit())
            indexes = [bits.optional(7) for _ in range(4)]
            for _ in range(4):
                bits.optional(6)
        if has_map:
            for _ in range(3):
                if bits.bit():
                    bits.number(8)
    bits.number(1 + 6 + 3)  # filter type, level, sharpness
    if bits.bit() and bits.bit():
        for _ in range(8):
            bits.optional(6)
    bits.number(2)
    base = bits.number(7)
    if not indexes:
        return [base]
    return [min(127, max(0, index if absolute else base + index)) for index in indexes]


def vp8_quality(data: bytes, chunk: Chunk | None) -> int:
    """Quality 1–100 of libwebp that leads to the quantizers of a VP8 chunk; 0 when there is none or it is no key frame.

    libwebp: index = 127 (1 − cᵉ), where c³ = ⅔ Q below 0.75, else 2 Q − 1, with Q of 0–1. Its usual strength of
    spatial noise shaping (50) gives e = 1.446 to the coarsest of several segments.
    """
    frame = data[chunk.body : chunk.body + min(chunk.length, _HEADER_BYTES)] if chunk else b""
    if len(frame) < 20 or frame[3:6] != b"\x9d\x01\x2a":
        return 0
    indexes = _quantizers(frame)
    exponent = 3 / _COARSEST if len(indexes) > 1 else 3
    linear = (1 - (max(indexes) + 0.5) / 127.5) ** exponent
    quality = linear * 1.5 if linear < 0.5 else (linear + 1) / 2
    return min(100, max(1, round(100 * quality)))
