"""Takes entries out of TIFF directories in place, and writes directories anew. EXIF blocks are small TIFF files.

    header ─▶ table 0 ─▶ table 1 …      a table: count | entries, each tag, type, count, value or its offset | next
                │ 0x8769 EXIF, 0x8825 GPS, 0xA005 interoperability: entries that hold the offset of another table

Taking out moves nothing but the entries of the table itself: values, pixels and maker notes stay at their offsets, and
what is taken out is overwritten with zeros. A file in which a doomed part overlaps a part that stays is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.errors import Unreadable
from engine.ifd import MAX_ENTRIES, SIZES, Form, first_place, form_of

__all__ = ["Entry", "Node", "Table", "overwrite", "read_table", "serialize", "tables", "tree"]

EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset({EXIF, GPS, INTEROPERABILITY})
_UNITS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes that change places when the byte order does, by field type."""
_DATA = ((273, 279), (324, 325), (513, 514))
"""Tags of offsets and lengths of data outside the tables: strips, tiles, an EXIF preview."""
_MAX_TABLES = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a table. Offsets count from the header."""

    tag: int
    kind: int
    count: int
    place: int
    """Where the entry itself lies."""
    value: int
    """Where its value lies; inside the entry when it is small."""
    size: int
    """Bytes of the value."""
    inside: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One directory."""

    place: int
    entries: tuple[Entry, ...]
    following: int
    """Offset of the next table; 0: none."""
    end: int
    """First byte after the table; its last word, the link, may be cut off."""


def read_table(data: bytes, form: Form, at: int) -> Table:
    """The table at ``at``; Unreadable when it reaches beyond ``data``. A cut-off link counts as none."""
    try:
        (count,) = struct.unpack_from(form.order + ("Q" if form.big else "H"), data, at)
        if count > MAX_ENTRIES:
            raise Unreadable("damaged: a TIFF directory has too many entries")
        entries = []
        for index in range(count):
            place = at + form.head + index * form.entry
            tag, kind, number = struct.unpack_from(f"{form.order}HH{form.word}", data, place)
            held = place + 4 + form.width
            size = number * SIZES.get(kind, 1)
            inside = size <= form.width
            (value,) = (held,) if inside else struct.unpack_from(form.order + form.word, data, held)
            if held + form.width > len(data):
                raise Unreadable("damaged: the TIFF data ends early")
            entries.append(Entry(tag, kind, number, place, value, size, inside))
    except struct.error:
        raise Unreadable("damaged: the TIFF data ends early") from None
    end = at + form.head + count * form.entry
    link = data[end : end + form.width]
    following = struct.unpack(form.order + form.word, link)[0] if len(link) == form.width else 0
    return Table(at, tuple(entries), following, min(end + form.width, len(data)))


def _numbers(data: bytes, form: Form, entry: Entry) -> tuple[int, ...]:
    code = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(entry.kind)
    if code is None or entry.value + entry.size > len(data):
        return ()
    return struct.unpack_from(f"{form.order}{entry.count}{code}", data, entry.value)


def target_of(data: bytes, form: Form, entry: Entry) -> int | None:
    """The offset that a pointer entry holds; None for any other entry."""
    numbers = _numbers(data, form, entry) if entry.tag in _POINTERS else ()
    return numbers[0] if numbers else None


@dataclass(slots=True)
class _Parts:
    """Where what lies, as (start, end)."""

    kept: list[tuple[int, int]] = field(default_factory=list)
    gone: list[tuple[int, int]] = field(default_factory=list)
    edited: list[tuple[Table, frozenset[int]]] = field(default_factory=list)
    """Tables that stay, with the places of their doomed entries."""
    seen: set[int] = field(default_factory=set)


def tables(data: bytes, form: Form) -> Iterator[Table]:
    """The tables of the main chain; it ends at a link to nowhere, but its first table must be sound."""
    table = read_table(data, form, first_place(data, form))
    for _ in range(_MAX_TABLES):
        yield table
        if not table.following:
            return
        try:
            table = read_table(data, form, table.following)
        except Unreadable:
            return
    raise Unreadable("damaged: the TIFF directories run in a circle")


def _visit(data: bytes, form: Form, table: Table, doomed: bool, goes: Callable[[Entry], bool], parts: _Parts) -> None:
    if table.place in parts.seen:
        raise Unreadable("damaged: the TIFF directories run in a circle")
    parts.seen.add(table.place)
    ends: list[int] = []
    for entry in table.entries:
        dooms = doomed or goes(entry)
        if dooms:
            ends.append(entry.place)
        if not entry.inside:
            (parts.gone if dooms else parts.kept).append((entry.value, entry.value + entry.size))
        place = target_of(data, form, entry)
        if place is None:
            continue
        try:
            inner = read_table(data, form, place)
        except Unreadable:
            if dooms:
                raise
            continue
        _visit(data, form, inner, dooms, goes, parts)
    if doomed:
        parts.gone.append((table.place, table.end))
        return
    parts.kept += _outside(data, form, table)
    if ends:
        parts.edited.append((table, frozenset(ends)))
    else:
        parts.kept.append((table.place, table.end))


def _outside(data: bytes, form: Form, table: Table) -> list[tuple[int, int]]:
    """Where strips, tiles or a preview lie."""
    by_tag = {entry.tag: entry for entry in reversed(table.entries)}
    found: list[tuple[int, int]] = []
    for offsets, lengths in _DATA:
        if offsets in by_tag and lengths in by_tag:
            pairs = zip(_numbers(data, form, by_tag[offsets]), _numbers(data, form, by_tag[lengths]), strict=False)
            found += [(offset, offset + length) for offset, length in pairs]
    return found


def _refuse_overlaps(parts: _Parts) -> None:
    """Unreadable when an edited table overlaps anything, or what goes overlaps what stays."""
    kept, gone, edited = 0, 1, 2
    ranges = [(start, end, kept) for start, end in parts.kept]
    ranges += [(start, end, gone) for start, end in parts.gone]
    ranges += [(table.place, table.end, edited) for table, _ in parts.edited]
    reach = [0, 0, 0]
    for start, end, what in sorted(ranges):
        if start >= end:
            continue
        against = {kept: reach[1:], gone: (reach[kept], reach[edited]), edited: reach}[what]
        if start < max(against):
            raise Unreadable("damaged: the TIFF directories overlap")
        reach[what] = max(reach[what], end)


def overwrite(data: bytes, goes: Callable[[Entry], bool]) -> bytes:
    """``data``, of the same length, without the entries that ``goes`` says, their values and the tables below them.

    ``goes`` is asked in the tables below an entry that stays as well. Raises Unreadable when it cannot be done without
    touching what stays.
    """
    form, parts = form_of(data), _Parts()
    parts.kept.append((0, 16 if form.big else 8))
    for table in tables(data, form):
        _visit(data, form, table, False, goes, parts)
    if not parts.edited:
        return data
    _refuse_overlaps(parts)
    out = bytearray(data)
    for start, end in parts.gone:
        end = min(end, len(out))
        if start < end:
            out[start:end] = bytes(end - start)
    for table, doomed in parts.edited:
        stays = [data[e.place : e.place + form.entry] for e in table.entries if e.place not in doomed]
        count = struct.pack(form.order + ("Q" if form.big else "H"), len(stays))
        link = data[table.place + form.head + len(table.entries) * form.entry : table.end]
        out[table.place : table.end] = (count + b"".join(stays) + link).ljust(table.end - table.place, b"\0")
    return bytes(out)


@dataclass(frozen=True, slots=True)
class Node:
    """An entry apart from any file: its value's bytes, or the table it points to."""

    tag: int
    kind: int
    count: int
    value: bytes | tuple[Node, ...]


def _ordered(value: bytes, kind: int, swap: bool) -> bytes:
    unit = _UNITS.get(kind, 1)
    if not swap or unit == 1:
        return value
    return b"".join(value[at : at + unit][::-1] for at in range(0, len(value), unit))


def tree(data: bytes, form: Form, table: Table, wanted: Callable[[Entry], bool], order: str) -> tuple[Node, ...]:
    """The wanted entries of ``table`` with all tables below them, in byte order ``order``, damaged ones left out."""
    nodes: dict[int, Node] = {}
    for entry in table.entries:
        if entry.tag in nodes or not wanted(entry) or entry.value + entry.size > len(data):
            continue
        place = target_of(data, form, entry)
        if place is None:
            value = _ordered(data[entry.value : entry.value + entry.size], entry.kind, order != form.order)
            nodes[entry.tag] = Node(entry.tag, entry.kind, entry.count, value)
            continue
        try:
            inner = read_table(data, form, place)
        except Unreadable:
            continue
        nodes[entry.tag] = Node(entry.tag, 4, 1, tree(data, form, inner, _below(entry.tag), order))
    return tuple(nodes[tag] for tag in sorted(nodes))


def _below(pointer: int) -> Callable[[Entry], bool]:
    """What is wanted in the table that ``pointer`` leads to; pointers only rise, so no circle goes round."""
    return lambda entry: entry.kind <= 13 and (entry.tag not in _POINTERS or entry.tag > pointer)


def serialize(nodes: tuple[Node, ...], order: str, at: int, link: int = 0) -> bytes:
    """A classic table for offset ``at``, with its values and the tables below it behind it."""
    table, extra = bytearray(struct.pack(order + "H", len(nodes))), bytearray()
    behind = at + 2 + 12 * len(nodes) + 4
    for node in nodes:
        place = behind + len(extra)
        if isinstance(node.value, tuple):
            extra += serialize(node.value, order, place)
            held = struct.pack(order + "I", place)
        elif len(node.value) <= 4:
            held = node.value.ljust(4, b"\0")
        else:
            held = struct.pack(order + "I", place)
            extra += node.value
        extra += bytes(len(extra) & 1)
        table += struct.pack(order + "HHI", node.tag, node.kind, node.count) + held
    return bytes(table + struct.pack(order + "I", link) + extra)
