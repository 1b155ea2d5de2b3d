"""What taking the position out of an EXIF block promises, for any bytes."""

from __future__ import annotations

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from engine import exif, iptc, xmp
from engine.errors import Unreadable
from engine.ifd import exif_orientation, form_of
from engine.ifdedit import EXIF, GPS, INTEROPERABILITY, Node, read_table, serialize, tables, target_of

ASCII, SHORT, LONG, UNDEFINED = 2, 3, 4, 7
PLAIN_TAGS = st.integers(1, 0xFFFF).filter(lambda tag: tag not in (EXIF, GPS, INTEROPERABILITY, 273, 324, 513))


@st.composite
def nodes(draw: st.DrawFn, pointers: tuple[int, ...]) -> tuple[Node, ...]:
    """A directory of texts and blobs, and the directories below it."""
    found = {}
    for tag in draw(st.sets(PLAIN_TAGS, max_size=6)):
        value = draw(st.binary(max_size=40))
        found[tag] = Node(tag, draw(st.sampled_from([ASCII, UNDEFINED])), len(value), value)
    for pointer in pointers:
        if draw(st.booleans()):
            below = draw(nodes((INTEROPERABILITY,) if pointer == EXIF else ()))
            found[pointer] = Node(pointer, LONG, 1, below)
    return tuple(found[tag] for tag in sorted(found))


@st.composite
def blocks(draw: st.DrawFn) -> bytes:
    """A sound EXIF block, with or without a position."""
    order = draw(st.sampled_from("<>"))
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return start + serialize(draw(nodes((EXIF, GPS))), order, 8)


def described(block: bytes) -> dict[tuple[int, ...], bytes]:
    """Value by path of tags, pointers apart."""
    form, found = form_of(block), {}

    def walk(at: int, path: tuple[int, ...]) -> None:
        for entry in read_table(block, form, at).entries:
            place = target_of(block, form, entry)
            if place is None:
                found[(*path, entry.tag)] = block[entry.value : entry.value + entry.size]
            else:
                found[(*path, entry.tag)] = b""
                walk(place, (*path, entry.tag))

    walk(next(tables(block, form)).place, ())
    return found


@given(blocks())
def test_the_position_goes_and_every_other_value_stays(block: bytes) -> None:
    result = exif.without_position(block)
    assert result is not None
    assert len(result) == len(block)
    before, after = described(block), described(result)
    assert after == {path: value for path, value in before.items() if path[0] != GPS}
    if (GPS,) not in before:
        assert result is block


@given(blocks())
def test_nothing_of_the_position_is_left_in_the_bytes(block: bytes) -> None:
    values = [value for path, value in described(block).items() if path[0] == GPS and len(value) > 8]
    others = b"".join(value for path, value in described(block).items() if path[0] != GPS)
    result = exif.without_position(block)
    assert result is not None
    for value in values:
        assert value in others or not value.strip(b"\0") or value not in result


@example(b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0")
@example(b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0")
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"MM\0*\0\0\0\x08" + tail))
def test_any_bytes_are_edited_or_refused(block: bytes) -> None:
    result = exif.without_position(block)
    if result is None:
        return
    assert len(result) == len(block)
    form = form_of(result)
    assert all(entry.tag != GPS for table in tables(result, form) for entry in table.entries)


@given(blocks(), st.data())
def test_damaged_blocks_are_edited_or_refused(block: bytes, data: st.DataObject) -> None:
    broken = bytearray(block)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(broken[: data.draw(st.integers(0, len(block)))])
    result = exif.without_position(cut)
    assert result is None or (len(result) == len(cut) and exif.without_position(result) in (result, None))
    exif.only_rights(cut)
    assert exif_orientation(exif.with_rights(cut, 6)) == 6
    assert exif_orientation(exif.with_orientation(cut, 3)) == 3


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_any_other_block_is_edited_or_dropped(head: bytes, tail: bytes) -> None:
    for block in (head, b"8BIM\x04\x04\0\0" + head, b"8BIM\x04\x04\0\0\0\0\0\x10\x1c" + tail):
        iptc.only_rights(block)
        assert len(iptc.without_position(block)) <= len(block)
        try:
            assert iptc.parse(iptc.joined(iptc.parse(block))) == iptc.parse(block)
        except Unreadable:
            assert iptc.only_rights(block) == b""
    for packet in (head, b"<a b='" + head + b"'>" + tail + b"</a>"):
        edited = xmp.without_position(packet)
        assert edited is None or len(edited) == len(packet)
        xmp.only_rights(packet)
        assert xmp.merged(packet, tail) == packet


PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dji="http://www.dji.com/drone-dji/1.0/"
 dji:GpsLongtitude="+11.5" dji:AbsoluteAltitude='520' dji:LRFTargetLat="48.1" exif:UserComment="a > b"
 dji:Model="GPS 7">
 <exif:GPSLatitude>48,7.1N</exif:GPSLatitude><exif:GPSVersionID/><!-- exif:GPSLatitude="1" -->
 <exif:Where><rdf:Alt><rdf:li exif:GPSLongitude="11,5E">kept</rdf:li></rdf:Alt></exif:Where>
 <exif:GPSTrack><rdf:Seq><rdf:li>48.2</rdf:li></rdf:Seq></exif:GPSTrack><exif:Flash>7</exif:Flash>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_coordinates_in_xmp_become_spaces() -> None:
    result = xmp.without_position(PACKET)
    assert result is not None
    for gone in (b"+11.5", b"520", b"LRFTargetLat", b"48,7.1N", b"GPSVersionID", b"11,5E", b"48.2", b"GPSTrack"):
        assert gone in PACKET
        assert gone not in result
    for kept in (b"a > b", b'dji:Model="GPS 7"', b">kept<", b"<exif:Flash>7</exif:Flash>"):
        assert kept in result
    assert xmp.without_position(result) == result


def test_what_is_not_plain_xml_is_not_edited() -> None:
    for packet in (
        PACKET.decode().encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + PACKET,
        PACKET[:-4],
        b"\xff" + PACKET,
    ):
        assert xmp.without_position(packet) is None
        assert xmp.only_rights(packet) == b""
