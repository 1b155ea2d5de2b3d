"""EXIF and XMP items of an AVIF: reading them, overwriting them in place, adding them to a file that has none.

meta: pitm primary item | iinf: infe type of each item | iref: "cdsc" item describes item | iloc: where each lies
mdat: the items' bytes                                           (ISO/IEC 14496-12 section 8.11, 23008-12 annex A)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from engine.boxes import walk_boxes
from engine.errors import Unreadable, WriteFailed

__all__ = ["Item", "add_items", "overwrite_items", "read_items"]

_XMP_TYPE = b"application/rdf+xml"
_MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a file."""

    number: int
    kind: bytes
    """Type of four bytes."""
    xmp: bool
    method: int
    """Where offsets count from: 0 the file, 1 the ``idat`` box, 2 another item."""
    extents: tuple[tuple[int, int], ...]
    """(start, end) in the file of the pieces; as stated for method 2."""


def _meta(data: bytes) -> tuple[int, int, dict[bytes, tuple[int, int]]]:
    """Start and end of the ``meta`` box, and (body, end) of each box in it."""
    start = 0
    for kind, body, end in walk_boxes(data, 0, len(data)):
        if kind == b"meta":
            inner = {name: (at, stop) for name, at, stop in walk_boxes(data, body + 4, end)}
            return start, end, inner
        start = end
    raise Unreadable("damaged: an AVIF without a description of its items")


def read_items(data: bytes) -> list[Item]:
    """All items; Unreadable when their tables do not add up."""
    try:
        _, _, inner = _meta(data)
        kinds = _kinds(data, *inner[b"iinf"])
        base = inner.get(b"idat", (0, 0))[0]
        found = []
        for number, method, extents in _locations(data, *inner[b"iloc"]):
            shift = base if method == 1 else 0
            moved = tuple((start + shift, end + shift) for start, end in extents)
            if method != 2 and any(end > len(data) for _, end in moved):
                raise Unreadable("damaged: the AVIF data ends early")
            kind, content = kinds.get(number, (b"", b""))
            found.append(Item(number, kind, kind == b"mime" and content == _XMP_TYPE, method, moved))
        return found
    except (struct.error, IndexError, KeyError):
        raise Unreadable("damaged: the AVIF item tables end early") from None


def _kinds(data: bytes, body: int, end: int) -> dict[int, tuple[bytes, bytes]]:
    """Type and content type by item number."""
    found: dict[int, tuple[bytes, bytes]] = {}
    first = body + (8 if data[body] else 6)
    for kind, at, stop in walk_boxes(data, first, end):
        if kind != b"infe" or data[at] < 2:
            continue
        wide = data[at] >= 3
        (number,) = struct.unpack_from(">I" if wide else ">H", data, at + 4)
        place = at + (10 if wide else 8)
        content = data[place + 4 : stop].split(b"\0")
        found[number] = data[place : place + 4], content[1] if len(content) > 1 else b""
    return found


def _locations(data: bytes, body: int, end: int) -> list[tuple[int, int, tuple[tuple[int, int], ...]]]:
    """(number, method, extents) of every item as ``iloc`` states them."""
    version, sizes, at = data[body], struct.unpack_from(">H", data, body + 4)[0], body + 6
    widths = [sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0]

    def number(width: int) -> int:
        nonlocal at
        if at + width > end:
            raise Unreadable("damaged: the AVIF item tables end early")
        at += width
        return int.from_bytes(data[at - width : at], "big")

    found = []
    for _ in range(min(number(4 if version == 2 else 2), _MAX_ITEMS)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base, extents = number(widths[2]), []
        for _ in range(number(2)):
            number(widths[3])
            start = base + number(widths[0])
            extents.append((start, start + number(widths[1])))
        found.append((item, method, tuple(extents)))
    return found


def overwrite_items(data: bytes, edit: Callable[[Item, bytes], bytes]) -> bytes:
    """``data``, of the same length, with ``edit(item, payload)`` in place of the EXIF and XMP items' payloads.

    ``edit`` must answer as many bytes as it is given. Raises Unreadable when the items cannot be found.
    """
    out = bytearray(data)
    items = [item for item in read_items(data) if item.method != 2]
    described = [item for item in items if item.kind == b"Exif" or item.xmp]
    others = [extent for item in items if item not in described for extent in item.extents]
    for item in described:
        if any(start < end2 and start2 < end for start, end in item.extents for start2, end2 in others):
            raise Unreadable("damaged: the AVIF items overlap")
        payload = edit(item, b"".join(data[start:end] for start, end in item.extents))
        at = 0
        for start, end in item.extents:
            out[start:end] = payload[at : at + end - start]
            at += end - start
    return bytes(out)


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) + 8) + kind + payload


def add_items(data: bytes, exif: bytes, xmp: bytes) -> bytes:
    """``data``, an encoder's AVIF, with an EXIF and an XMP item at its end; empty ones are not added."""
    if not exif and not xmp:
        return data
    try:
        start, end, inner = _meta(data)
        items = _locations(data, *inner[b"iloc"])
        primary = _primary(data, inner[b"pitm"][0])
        new = _new_items(max(item[0] for item in items) + 1, exif, xmp)
        # The length of the tables does not depend on the offsets in them: the first are made to find it.
        growth = len(_new_meta(data, end, inner, items, primary, new, 0, 0)) - (end - start)
        meta = _new_meta(data, end, inner, items, primary, new, growth, len(data) + growth + 8)
        return data[:start] + meta + data[end:] + _box(b"mdat", b"".join(payload for _, _, payload in new))
    except (Unreadable, struct.error, IndexError, KeyError, ValueError, OverflowError):
        raise WriteFailed("the metadata cannot be put into the AVIF") from None


def _primary(data: bytes, body: int) -> int:
    return int(struct.unpack_from(">I" if data[body] else ">H", data, body + 4)[0])


def _new_items(number: int, exif: bytes, xmp: bytes) -> list[tuple[int, bytes, bytes]]:
    """(number, type and name as ``infe`` has them, payload)."""
    new = []
    if exif:
        new.append((number, b"Exif\0", bytes(4) + exif))
    if xmp:
        new.append((number + len(new), b"mime\0" + _XMP_TYPE + b"\0", xmp))
    return new


def _new_meta(
    data: bytes,
    end: int,
    inner: dict[bytes, tuple[int, int]],
    items: list[tuple[int, int, tuple[tuple[int, int], ...]]],
    primary: int,
    new: list[tuple[int, bytes, bytes]],
    growth: int,
    tail: int,
) -> bytes:
    """The ``meta`` box with the new items: what lay behind it lies ``growth`` bytes later, payloads from ``tail``."""
    moved = [
        (number, method, [(a + (growth if method == 0 and a >= end else 0), b - a) for a, b in extents])
        for number, method, extents in items
    ]
    for number, _, payload in new:
        moved.append((number, 0, [(tail, len(payload))]))
        tail += len(payload)
    at, stop = inner.get(b"iref", (0, 0))
    head = data[at:stop] or bytes(4)
    wide = bool(head[0])
    references = b"".join(_reference(number, primary, wide) for number, _, _ in new)
    boxes = []
    for name, (at, stop) in inner.items():
        if name == b"iloc":
            boxes.append(_box(b"iloc", _iloc(moved)))
        elif name == b"iinf":
            boxes.append(_box(b"iinf", _iinf(data, at, stop, new)))
        elif name != b"iref":
            boxes.append(_box(name, data[at:stop]))
        if name == b"iinf":
            boxes.append(_box(b"iref", head + references))
    return _box(b"meta", bytes(4) + b"".join(boxes))


def _reference(number: int, primary: int, wide: bool) -> bytes:
    form = ">IHI" if wide else ">HHH"
    return _box(b"cdsc", struct.pack(form, number, 1, primary))


def _iloc(items: list[tuple[int, int, list[tuple[int, int]]]]) -> bytes:
    """Version 1: 32-bit offsets and lengths, no base."""
    out = bytearray(b"\1\0\0\0\x44\0" + struct.pack(">H", len(items)))
    for number, method, extents in items:
        out += struct.pack(">HHHH", number, method, 0, len(extents))
        for start, length in extents:
            out += struct.pack(">II", start, length)
    return bytes(out)


def _iinf(data: bytes, at: int, stop: int, new: list[tuple[int, bytes, bytes]]) -> bytes:
    wide = bool(data[at])
    (count,) = struct.unpack_from(">I" if wide else ">H", data, at + 4)
    entries = data[at + (8 if wide else 6) : stop]
    for number, kind, _ in new:
        entries += _box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + kind)
    return data[at : at + 4] + struct.pack(">I" if wide else ">H", count + len(new)) + entries
