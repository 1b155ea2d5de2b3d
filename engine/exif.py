"""Edits of an EXIF block, given from its TIFF header on (what follows ``Exif`` and two zeros in a JPEG).

The position out, the orientation set, the rights alone; an EXIF block of what a TIFF says about its picture, and the
way back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from engine import ifd
from engine.errors import Unreadable
from engine.ifd import Form, first_place, form_of
from engine.ifdedit import (
    EXIF,
    GPS,
    Entry,
    Node,
    overwrite,
    read_table,
    serialize,
    tree,
)

__all__ = [
    "from_tiff",
    "into_tiff",
    "only_rights",
    "orientation_alone",
    "with_orientation",
    "with_rights",
    "without_position",
]

ORIENTATION, ARTIST, COPYRIGHT = 274, 315, 33432
RIGHTS = frozenset({ARTIST, COPYRIGHT})
DESCRIPTIVE = frozenset({269, 270, 271, 272, 274, 285, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)})
"""Tags of a TIFF's first directory that speak of the picture: names, camera, date, people, Windows' own texts."""
_HEADER = 8
_CODES = {1: "B", 3: "H", 4: "I", 13: "I"}


def without_position(exif: bytes) -> bytes | None:
    """``exif`` without its GPS directory, of the same length; None when it is too damaged to tell. A TIFF will do."""
    try:
        return overwrite(exif, lambda entry: entry.tag == GPS)
    except (Unreadable, struct.error):
        return None


def orientation_alone(orientation: int) -> bytes:
    """The smallest EXIF block that says ``orientation``: one directory with one SHORT."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def with_orientation(exif: bytes, orientation: int) -> bytes:
    """``exif`` saying ``orientation``, else exactly as it was; ``exif`` itself when it says so (also by silence)."""
    if ifd.exif_orientation(exif) == orientation:
        return exif
    try:
        first = next(ifd.read_directories(exif, strict=False))
        kind, _, offset = first.entries[ORIENTATION]
        out = bytearray(exif)
        struct.pack_into(first.order + _CODES[kind], out, offset, orientation)
        return bytes(out)
    except (Unreadable, StopIteration, KeyError, struct.error):
        return orientation_alone(orientation)


def only_rights(exif: bytes) -> bytes:
    """An EXIF block of author and copyright; empty when there are none or they cannot be read."""
    return _of_first(exif, lambda entry: entry.tag in RIGHTS)


def with_rights(exif: bytes, orientation: int) -> bytes:
    """An EXIF block of author, copyright and ``orientation``."""
    try:
        form = form_of(exif)
        first = read_table(exif, form, first_place(exif, form))
        rights = tree(exif, form, first, lambda entry: entry.tag in RIGHTS, form.order)
    except (Unreadable, struct.error):
        rights = ()
    if not rights:
        return orientation_alone(orientation)
    said = Node(ORIENTATION, 3, 1, struct.pack(form.order + "H", orientation))
    return _block((said, *rights), form.order)


def _block(nodes: tuple[Node, ...], order: str) -> bytes:
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", _HEADER)
    return start + serialize(nodes, order, _HEADER)


def from_tiff(data: bytes) -> bytes:
    """What a TIFF says about its picture, as an EXIF block; empty when it says nothing."""
    return _of_first(data, lambda entry: entry.kind <= 13 and (entry.tag in DESCRIPTIVE or entry.tag in (EXIF, GPS)))


def _of_first(data: bytes, wanted: Callable[[Entry], bool]) -> bytes:
    try:
        form = form_of(data)
        nodes = tree(data, form, read_table(data, form, first_place(data, form)), wanted, form.order)
    except (Unreadable, struct.error):
        return b""
    return _block(nodes, form.order) if nodes else b""


def into_tiff(tiff: bytes, exif: bytes, more: tuple[Node, ...]) -> bytes:
    """A classic TIFF with what ``exif`` says about the picture and the entries ``more`` in its first directory.

    The directory is written anew at the end; pixels stay where they are. Entries that the TIFF has already stay.
    Maker notes that count their offsets from the start of the file (few do) cannot be read in another file.
    """
    form = form_of(tiff)
    table = read_table(tiff, form, first_place(tiff, form))
    have = {entry.tag for entry in table.entries}
    added = {node.tag: node for node in (*_nodes(exif, form), *more) if node.tag not in have}
    if form.big or not added:
        return tiff
    entries: list[Node] = [*added.values()]
    for entry in table.entries:
        held = tiff[entry.place + 8 : entry.place + 12]
        entries.append(Node(entry.tag, entry.kind, entry.count, held))
    at = len(tiff) + (len(tiff) & 1)
    out = bytearray(tiff.ljust(at, b"\0"))
    out += serialize(tuple(sorted(entries, key=lambda node: node.tag)), form.order, at, table.following)
    struct.pack_into(form.order + "I", out, 4, at)
    return bytes(out)


def _nodes(exif: bytes, form: Form) -> tuple[Node, ...]:
    """The descriptive entries of an EXIF block in another file's byte order; a TIFF's orientation is its own."""
    try:
        own = form_of(exif)
        first = read_table(exif, own, first_place(exif, own))
    except (Unreadable, struct.error):
        return ()
    wanted = (DESCRIPTIVE | {EXIF, GPS}) - {ORIENTATION}
    return tree(exif, own, first, lambda entry: entry.tag in wanted and entry.kind <= 13, form.order)
