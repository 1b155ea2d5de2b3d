"""Reads the directories of TIFF files and of EXIF blocks (which are small TIFF files).

Only tags and small values are read, each bounded by the bytes that are there; loops among directories end the walk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Unreadable

__all__ = ["Directory", "Form", "exif_orientation", "first_place", "form_of", "read_directories"]

ORIENTATION = 274

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value by field type (TIFF 6.0 section 2; BigTIFF adds 16–18)."""
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
MAX_ENTRIES = 4096
_PRIVATE_TAGS = 32768
"""From here on tags belong to companies; nobody else needs their values."""
_MAX_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class Form:
    """How numbers are written."""

    order: str
    """``<`` or ``>``, as ``struct`` has it."""
    big: bool
    """BigTIFF: 64-bit offsets."""

    @property
    def word(self) -> str:
        """``struct`` letter of an offset."""
        return "Q" if self.big else "I"

    @property
    def width(self) -> int:
        """Bytes of an offset, and of the largest value that lies inside its entry."""
        return 8 if self.big else 4

    @property
    def head(self) -> int:
        """Bytes of the number of entries."""
        return 8 if self.big else 2

    @property
    def entry(self) -> int:
        """Bytes of one entry."""
        return 20 if self.big else 12


@dataclass(frozen=True, slots=True)
class Directory:
    """One image file directory."""

    data: bytes
    order: str
    """``<`` or ``>``, as ``struct`` has it."""
    entries: dict[int, tuple[int, int, int]]
    """Field type, number of values and offset of the first, by tag."""

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole-number values of ``tag``; empty when it is absent, of another type, or beyond the file."""
        kind, count, offset = self.entries.get(tag, (0, 0, 0))
        code = _CODES.get(kind)
        if code is None or count > _MAX_VALUES or offset + count * SIZES[kind] > len(self.data):
            return ()
        return struct.unpack_from(f"{self.order}{count}{code}", self.data, offset)

    def number(self, tag: int, default: int) -> int:
        """The first value of ``tag``."""
        values = self.numbers(tag)
        return values[0] if values else default

    def raw(self, tag: int) -> bytes:
        """The bytes of ``tag``; empty when absent or beyond the file."""
        kind, count, offset = self.entries.get(tag, (0, 0, 0))
        size = count * SIZES.get(kind, 0)
        return self.data[offset : offset + size] if offset + size <= len(self.data) else b""


def form_of(data: bytes) -> Form:
    """The form; Unreadable when ``data`` does not start with a TIFF header."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise Unreadable("damaged: the TIFF header is too short")
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    if big and len(data) < 16:
        raise Unreadable("damaged: the TIFF header is too short")
    return Form(order, big)


def first_place(data: bytes, form: Form) -> int:
    """Offset of the first table."""
    return int(struct.unpack_from(form.order + form.word, data, 8 if form.big else 4)[0])


def _read_one(data: bytes, form: Form, at: int, strict: bool) -> tuple[Directory, int]:
    """The directory at ``at`` and the offset of the next (0: none)."""
    order, word, width, head, entry = form.order, form.word, form.width, form.head, form.entry
    try:
        (count,) = struct.unpack_from(order + ("Q" if form.big else "H"), data, at)
        if count > MAX_ENTRIES:
            raise Unreadable("damaged: a TIFF directory has too many entries")
        entries: dict[int, tuple[int, int, int]] = {}
        for index in range(count):
            place = at + head + index * entry
            tag, kind, number = struct.unpack_from(f"{order}HH{word}", data, place)
            inline = place + 4 + width
            fits = number * SIZES.get(kind, 1) <= width
            offset = inline if fits else struct.unpack_from(order + word, data, inline)[0]
            entries.setdefault(tag, (kind, number, offset))
            if strict and tag < _PRIVATE_TAGS and offset + number * SIZES.get(kind, 1) > len(data):
                raise Unreadable("damaged: the TIFF data ends early")
        end = at + head + count * entry
        following = data[end : end + width]
    except struct.error:
        raise Unreadable("damaged: the TIFF data ends early") from None
    if strict and len(following) < width:
        raise Unreadable("damaged: the TIFF data ends early")
    after = struct.unpack(order + word, following)[0] if len(following) == width else 0
    return Directory(data, order, entries), after


def read_directories(data: bytes, *, strict: bool = True) -> Iterator[Directory]:
    """The chain of directories of a TIFF; Unreadable when one is damaged, or the chain runs in a circle.

    Without ``strict`` the link to the next directory may be missing, as in many EXIF blocks.
    """
    form = form_of(data)
    at = first_place(data, form)
    seen: set[int] = set()
    while at:
        if at in seen:
            raise Unreadable("damaged: the TIFF directories run in a circle")
        seen.add(at)
        directory, at = _read_one(data, form, at, strict)
        yield directory


def exif_orientation(exif: bytes) -> int:
    """The orientation tag (1–8) of an EXIF block that starts with its TIFF header; 1 when absent or not sensible."""
    try:
        value = next(read_directories(exif, strict=False)).number(ORIENTATION, 1)
    except (Unreadable, StopIteration):
        return 1
    return value if 1 <= value <= 8 else 1
