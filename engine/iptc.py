"""Reads and writes Photoshop's image resources, in which JPEG and TIFF carry IPTC (IIM 4.2) and some more.

block: 8BIM | number | name, padded to even | length | data, padded to even …
IPTC data (resource 0x0404): 1C | record | dataset | length | value …
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from engine import exif, xmp
from engine.errors import Unreadable

__all__ = ["IPTC", "Resource", "iptc_of", "only_rights", "parse", "without_position", "wrapped"]

IPTC = 0x0404
_EXIF = frozenset({0x0422, 0x0423})
_XMP = 0x0424
_RIGHTS = frozenset({0x040A, 0x040B})
"""Photoshop's copyright flag and the address of the rights' holder."""
_DATASETS = frozenset({(1, 90), (2, 80), (2, 110), (2, 115), (2, 116)})
"""Character set, by-line, credit, source, copyright notice."""
_SIGNATURES = frozenset({b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa"})


@dataclass(frozen=True, slots=True)
class Resource:
    """One image resource."""

    head: bytes
    """Signature, number and padded name as they stand."""
    data: bytes

    @property
    def number(self) -> int:
        """What it is."""
        return int.from_bytes(self.head[4:6], "big")


def parse(block: bytes) -> list[Resource]:
    """The resources; Unreadable when they do not add up."""
    found, at = [], 0
    while at < len(block) and block[at:].strip(b"\0"):
        if block[at : at + 4] not in _SIGNATURES or at + 7 > len(block):
            raise Unreadable("damaged: the Photoshop block is out of step")
        name = block[at + 6] + 1
        body = at + 6 + name + (name & 1)
        size = int.from_bytes(block[body : body + 4], "big")
        if body + 4 + size > len(block):
            raise Unreadable("damaged: the Photoshop block ends early")
        found.append(Resource(block[at:body], block[body + 4 : body + 4 + size]))
        at = body + 4 + size + (size & 1)
    return found


def joined(resources: list[Resource]) -> bytes:
    """The reverse of ``parse``."""
    parts = ((r.head, struct.pack(">I", len(r.data)), r.data, b"\0" * (len(r.data) & 1)) for r in resources)
    return b"".join(piece for part in parts for piece in part)


def wrapped(iptc: bytes) -> bytes:
    """A block of bare IPTC data."""
    return joined([Resource(b"8BIM" + struct.pack(">H", IPTC) + b"\0\0", iptc)])


def iptc_of(block: bytes) -> bytes:
    """The bare IPTC data of a block; empty when there is none."""
    try:
        return next((resource.data for resource in parse(block) if resource.number == IPTC), b"")
    except Unreadable:
        return b""


def parted(block: bytes) -> tuple[bytes, bytes]:
    """The bare IPTC data, and the block without it; a block that cannot be read is all other."""
    bare = iptc_of(block)
    if not bare:
        return b"", block
    return bare, joined([resource for resource in parse(block) if resource.number != IPTC])


def _rights_of(iptc: bytes) -> bytes:
    parts, at = [], 0
    while at < len(iptc) and iptc[at] == 0x1C:
        if at + 5 > len(iptc):
            raise Unreadable("damaged: the IPTC data ends early")
        record, dataset, size = struct.unpack_from(">BBH", iptc, at + 1)
        end = at + 5 + size
        if size & 0x8000:
            wide = size & 0x7FFF
            end = at + 5 + wide + int.from_bytes(iptc[at + 5 : at + 5 + wide], "big")
        if end > len(iptc):
            raise Unreadable("damaged: the IPTC data ends early")
        if (record, dataset) in _DATASETS:
            parts.append(iptc[at:end])
        at = end
    return b"".join(parts) if any(part[1] == 2 for part in parts) else b""


def only_rights(block: bytes) -> bytes:
    """Author and rights alone; empty when there are none or the block cannot be read."""
    try:
        kept = []
        for resource in parse(block):
            if resource.number in _RIGHTS:
                kept.append(resource)
            elif resource.number == IPTC and (rights := _rights_of(resource.data)):
                kept.append(replace(resource, data=rights))
        return joined(kept)
    except Unreadable:
        return b""


def without_position(block: bytes) -> bytes:
    """``block`` with the position out of EXIF and XMP that it holds itself; empty when the block cannot be read."""
    try:
        kept, found = [], parse(block)
        for resource in found:
            data: bytes | None = resource.data
            if resource.number in _EXIF:
                data = exif.without_position(resource.data.removeprefix(b"Exif\0\0"))
            elif resource.number == _XMP:
                data = xmp.without_position(resource.data)
            if data is not None:
                kept.append(replace(resource, data=data))
        return block if kept == found else joined(kept)
    except Unreadable:
        return b""
