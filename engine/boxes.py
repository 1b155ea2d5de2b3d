"""Reads the box structure of an AVIF file (ISO/IEC 14496-12 and 23008-12) without decoding it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Unreadable

__all__ = ["AvifLayout", "walk_avif", "walk_boxes"]

_MAX_BOXES = 20_000


@dataclass(frozen=True, slots=True)
class AvifLayout:
    """What the header of an AVIF says."""

    width: int
    height: int
    """Largest stated size of any item, in pixels; the picture is not larger."""
    bits: int
    alpha: bool
    sequence: bool
    """An animation (brand ``avis`` or a movie box)."""
    gain_map: bool
    depth_map: bool
    colour_code: tuple[int, int] | None
    """(primaries, transfer) of the first ``nclx`` box, ITU-T H.273; None when there is none."""
    profile: bytes
    """The ICC profile, or empty."""
    end: int
    """First byte after the last whole box."""


def walk_boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the body, end) of the boxes in a range; Unreadable when one reaches beyond it."""
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if at + 16 > end:
                raise Unreadable("damaged: the AVIF data ends early")
            size, body = struct.unpack_from(">Q", data, body)[0], at + 16
        after = end if size == 0 else at + size
        if after > end or after < body:
            raise Unreadable("damaged: the AVIF data ends early")
        yield kind, body, after
        at = after
    raise Unreadable("damaged: the AVIF file has too many boxes")


def _properties(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """(type, payload) of the item properties inside a ``meta`` box."""
    for kind, body, after in walk_boxes(data, start + 4, end):
        if kind != b"iprp":
            continue
        for inner, inner_body, inner_end in walk_boxes(data, body, after):
            if inner == b"ipco":
                for name, at, stop in walk_boxes(data, inner_body, inner_end):
                    yield name, data[at:stop]


def walk_avif(data: bytes) -> AvifLayout:
    """The layout; Unreadable when a box reaches beyond the file or no size is stated."""
    width = height = 0
    bits, alpha, gain_map, depth_map, profile = 8, False, False, False, b""
    colour_code: tuple[int, int] | None = None
    sequence, end, head = False, 0, b""
    for kind, body, after in walk_boxes(data, 0, len(data)):
        end = after
        if kind == b"ftyp":
            head = data[body:after]
        sequence = sequence or kind == b"moov"
        if kind != b"meta":
            continue
        gain_map = gain_map or b"tmap" in data[body:after]
        for name, payload in _properties(data, body, after):
            if name == b"ispe" and len(payload) >= 12:
                wide, high = struct.unpack_from(">II", payload, 4)
                width, height = max(width, wide), max(height, high)
            elif name == b"av1C" and len(payload) >= 3:
                bits = max(bits, 8 + 2 * (payload[2] >> 6 & 1) + 2 * (payload[2] >> 5 & 1))
            elif name == b"auxC":
                alpha = alpha or b"auxid:1" in payload or b"auxiliary:alpha" in payload
                depth_map = depth_map or b"auxid:2" in payload or b"auxiliary:depth" in payload
            elif name == b"colr" and payload[:4] in (b"prof", b"rICC"):
                profile = profile or payload[4:]
            elif name == b"colr" and payload[:4] == b"nclx" and len(payload) >= 8 and colour_code is None:
                colour_code = struct.unpack_from(">HH", payload, 4)
    if not width or not height:
        raise Unreadable("damaged: the AVIF header has no size")
    brands = {head[place : place + 4] for place in range(0, len(head), 4)}
    return AvifLayout(
        width, height, bits, alpha, sequence or b"avis" in brands, gain_map, depth_map, colour_code, profile, end
    )
