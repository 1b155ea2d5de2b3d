"""Takes metadata out of a TIFF or AVIF by overwriting it: nothing moves, so the picture cannot change."""

from __future__ import annotations

import struct

from engine import exif, iptc, xmp
from engine.errors import Unreadable
from engine.ifd import form_of
from engine.ifdedit import GPS, Entry, overwrite, tables
from engine.items import Item, overwrite_items
from engine.metadata import TIFF_IPTC, TIFF_PHOTOSHOP, TIFF_XMP, apply, extract
from engine.policy import MetadataPolicy
from engine.probe import Facts

__all__ = ["avif_in_place", "tiff_in_place"]

ICC = 34675
_PICTURE = frozenset(
    {
        *range(254, 267),
        *range(273, 285),
        *range(286, 298),
        301,
        *range(317, 348),
        *range(512, 533),
        559,
        *range(32995, 32998),
        *range(34908, 34911),
        50674,
    }
)
"""TIFF tags of size, layout, compression and colour (TIFF 6.0, libtiff); all others speak of the picture."""
_PLACE_ON_EARTH = frozenset({33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113})
"""GeoTIFF: which coordinates the pixels have."""
_EMPTY_EXIF = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"


def tiff_in_place(data: bytes, profile: bool, policy: MetadataPolicy) -> bytes:
    """A TIFF of the same length with the metadata that ``policy`` leaves; Unreadable when that cannot be done."""
    blocks = {TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP}
    position = _PLACE_ON_EARTH | {GPS}

    def goes(entry: Entry) -> bool:
        if policy is MetadataPolicy.NO_GPS:
            return entry.tag in position
        if policy is MetadataPolicy.COPYRIGHT and entry.tag in blocks | exif.RIGHTS:
            return False
        return entry.tag not in _PICTURE and not (entry.tag == ICC and profile)

    try:
        done = overwrite(data, goes)
        return _edited(done, policy) if policy in (MetadataPolicy.NO_GPS, MetadataPolicy.COPYRIGHT) else done
    except struct.error:
        raise Unreadable("damaged: the TIFF data ends early") from None


def _edited(data: bytes, policy: MetadataPolicy) -> bytes:
    """The blocks in tags of every page, each in its own room; one that does not fit or parse goes whole."""
    out, dropped = bytearray(data), set()
    for table in tables(data, form_of(data)):
        for entry in table.entries:
            if entry.tag not in (TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP):
                continue
            block = _block(data[entry.value : entry.value + entry.size], entry.tag, policy)
            if block and len(block) <= entry.size and entry.value + entry.size <= len(data):
                filler = b" " if entry.tag == TIFF_XMP else b"\0"
                out[entry.value : entry.value + entry.size] = block.ljust(entry.size, filler)
            else:
                dropped.add(entry.place)
    return overwrite(bytes(out), lambda entry: entry.place in dropped) if dropped else bytes(out)


def _block(block: bytes, tag: int, policy: MetadataPolicy) -> bytes:
    rights = policy is MetadataPolicy.COPYRIGHT
    if tag == TIFF_XMP:
        return xmp.only_rights(block) if rights else xmp.without_position(block) or b""
    if tag == TIFF_PHOTOSHOP:
        return iptc.only_rights(block) if rights else iptc.without_position(block)
    return iptc.iptc_of(iptc.only_rights(iptc.wrapped(block))) if rights else block


def avif_in_place(data: bytes, facts: Facts, policy: MetadataPolicy) -> bytes:
    """An AVIF of the same length with the metadata that ``policy`` leaves; Unreadable when it cannot be done."""
    wanted = apply(policy, extract(data, facts))

    def edit(item: Item, payload: bytes) -> bytes:
        if item.xmp:
            return (wanted.xmp if len(wanted.xmp) <= len(payload) else b"").ljust(len(payload))
        head = payload[: 4 + int.from_bytes(payload[:4], "big")]
        if payload[len(head) :].startswith(b"Exif\0\0"):
            head = payload[: len(head) + 6]
        for block in (wanted.exif, _EMPTY_EXIF):
            if block and len(head) + len(block) <= len(payload):
                return (head + block).ljust(len(payload), b"\0")
        return bytes(len(payload))

    return overwrite_items(data, edit)
