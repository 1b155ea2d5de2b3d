"""The gain map of a picture: a second JPEG behind the first, with which an HDR screen makes it brighter.

    FFD8 | JFIF | XMP: hdrgm:Version, Container | ISO 21496-1: version | MPF: where the two pictures lie | … | FFD9
    FFD8 | XMP: hdrgm:GainMapMax … | ISO 21496-1: the same in numbers | … | FFD9

By the Ultra HDR image format 1.1, ISO 21496-1 and the Multi-Picture Format (CIPA DC-007). Apple's pictures have
parameters of another name in the second JPEG's XMP and nothing of it in the first. Bytes only: no pixel is decoded
here.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import Enum

from engine.containers import LARGEST_SEGMENT, Chunk, JpegLayout, jpeg_segment, walk_jpeg
from engine.errors import Unreadable

__all__ = ["GainMap", "GainMapKind", "attach", "cleaned", "find", "parameters", "version_segment", "with_parameters"]

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_MPF = b"MPF\0"
_IN_XMP = (b"hdrgm:GainMapMax", b"HDRGainMap:HDRGainMapHeadroom")
"""What a gain map's XMP must say (Ultra HDR, Apple)."""
_MARKS = (b"hdrgm:", b"hdrgainmap", b"HDRGainMap", _ISO[:24])
_TRIES = 16
"""How many places that look like the start of a JPEG are looked at; a film holds such bytes by chance."""


class GainMapKind(Enum):
    """What is known of a picture's gain map."""

    NONE = "none"
    JPEG = "jpeg"
    """A JPEG of its own with its parameters in it: can be put behind another picture."""
    OTHER = "other"
    """One whose parameters are elsewhere (Apple's first way), one inside an AVIF, or a mark without a map."""


@dataclass(frozen=True, slots=True)
class GainMap:
    """Where the gain map lies in a file. Both offsets are 0 when it is no JPEG of its own."""

    kind: GainMapKind
    start: int = 0
    end: int = 0


def find(data: bytes, layout: JpegLayout) -> GainMap:
    """The gain map of a JPEG."""
    kind, start, end = GainMapKind.NONE, 0, 0
    at = layout.end
    for _ in range(_TRIES):
        at = data.find(b"\xff\xd8\xff", at)
        if at < 0:
            break
        try:
            second = walk_jpeg(data[at:])
        except Unreadable:
            at += 1
            continue
        found = _kind_of(data[at:], second)
        if found is GainMapKind.JPEG:
            return GainMap(found, at, at + second.end)
        if found is GainMapKind.OTHER and kind is GainMapKind.NONE:
            kind, start, end = found, at, at + second.end
        at += second.end
    if kind is GainMapKind.NONE and (_marked(data, layout) or any(data.find(m, layout.end) >= 0 for m in _MARKS)):
        kind = GainMapKind.OTHER
    return GainMap(kind, start, end)


def _marked(data: bytes, layout: JpegLayout) -> bool:
    parts = (segment.payload(data) for segment in layout.segments if segment.kind in (b"\xe1", b"\xe2"))
    return any(mark in part for part in parts for mark in _MARKS)


def _kind_of(data: bytes, layout: JpegLayout) -> GainMapKind:
    """What a JPEG that follows a picture is to it."""
    if any(_is_parameters(data, segment) for segment in layout.segments):
        return GainMapKind.JPEG
    return GainMapKind.OTHER if _marked(data, layout) else GainMapKind.NONE


def _is_parameters(data: bytes, segment: Chunk) -> bool:
    """Whether a segment says how to apply the gain map it stands in."""
    if segment.kind == b"\xe1" and data.startswith(_XMP, segment.body):
        payload = segment.payload(data)
        return any(word in payload for word in _IN_XMP)
    # A primary picture says its version alone, in four bytes.
    return segment.kind == b"\xe2" and data.startswith(_ISO, segment.body) and segment.length > len(_ISO) + 4


def cleaned(data: bytes) -> bytes:
    """A gain map's JPEG without what is neither pixels, colours nor parameters."""
    layout = walk_jpeg(data)
    parts = [b"\xff\xd8"]
    parts += [data[segment.start : segment.end] for segment in layout.segments if _stays(data, segment)]
    parts.append(data[layout.segments[-1].end : layout.end])
    return b"".join(parts)


def _stays(data: bytes, segment: Chunk) -> bool:
    code = segment.kind[0]
    if code in (0xE0, 0xEE):
        return data.startswith((b"JFIF\0", b"Adobe"), segment.body)
    if code == 0xE2 and data.startswith(b"ICC_PROFILE\0", segment.body):
        return True
    return _is_parameters(data, segment) or (code != 0xFE and not 0xE0 <= code <= 0xEF)


def parameters(data: bytes) -> bytes:
    """The segments of a gain map's JPEG that say how to apply it."""
    layout = walk_jpeg(data)
    return b"".join(data[part.start : part.end] for part in layout.segments if _is_parameters(data, part))


def with_parameters(data: bytes, segments: bytes) -> bytes:
    """A gain map's new JPEG with the ``parameters`` of the old."""
    place = _behind_jfif(data)
    return data[:place] + segments + data[place:]


def version_segment(source: bytes) -> bytes:
    """The whole segment by which a primary picture says its version of ISO 21496-1; empty when it has none."""
    for segment in walk_jpeg(source).segments:
        if segment.kind == b"\xe2" and source.startswith(_ISO, segment.body):
            return source[segment.start : segment.end]
    return b""


def _behind_jfif(data: bytes) -> int:
    """Where a JPEG's further header segments may begin."""
    return 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2


_DIRECTORY = (
    '<rdf:Description xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    ' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"><Container:Directory><rdf:Seq>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource">'
    '<Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{length}"/></rdf:li>'
    "</rdf:Seq></Container:Directory></rdf:Description>"
)
_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b"</rdf:RDF></x:xmpmeta>"
)
_RDF_END = b"</rdf:RDF>"
_LENGTH = re.compile(rb"""(Item:Semantic\s*=\s*["']GainMap["'][^<>]*?Item:Length\s*=\s*["'])\d+""")
"""How the gain map's length is told in a packet that has a directory already."""


def _told(packet: bytes, length: int) -> bytes:
    """An XMP packet that says where the gain map of ``length`` bytes is."""
    if b"Container:Directory" in packet:
        return _LENGTH.sub(rb"\g<1>%d" % length, packet)
    before, end, after = packet.rpartition(_RDF_END)
    return before + _DIRECTORY.format(length=length).encode() + end + after if end else _told(_PACKET, length)


def _with_directory(primary: bytes, length: int) -> bytes:
    """A primary JPEG whose XMP says where the gain map is, beside what it says already."""
    place = _behind_jfif(primary)
    start = end = place
    packet = _PACKET
    for segment in walk_jpeg(primary).segments:
        if segment.kind == b"\xe1" and primary.startswith(_XMP, segment.body):
            packet, start, end = segment.payload(primary)[len(_XMP) :], segment.start, segment.end
            break
    packet = _told(packet, length)
    if len(_XMP) + len(packet) > LARGEST_SEGMENT:
        packet = _told(_PACKET, length)  # of the two, the picture's look matters more
    return primary[:start] + jpeg_segment(0xE1, _XMP + packet) + primary[end:]


_PRIMARY = 0x030000
"""Attribute of the first picture: baseline MP primary image."""
_MPF_BYTES = 90
"""Length of the segment for two pictures."""


def _index(before: int, primary: int, second: int) -> bytes:
    """The MPF segment of a file of two pictures of ``primary`` and ``second`` bytes.

    ``before`` is the number of bytes in front of the segment; the second picture's offset counts from the segment's
    own TIFF header.
    """
    offset = primary - (before + 4 + len(_MPF))
    header = b"MM\0*" + struct.pack(">I", 8)
    directory = struct.pack(">HHHI4sHHIIHHIII", 3, 0xB000, 7, 4, b"0100", 0xB001, 4, 1, 2, 0xB002, 7, 32, 50, 0)
    entries = struct.pack(">IIIHHIIIHH", _PRIMARY, primary, 0, 0, 0, 0, second, offset, 0, 0)
    return jpeg_segment(0xE2, _MPF + header + directory + entries)


def attach(primary: bytes, gain: bytes, version: bytes) -> bytes:
    """An Ultra HDR file of a primary JPEG, with its metadata, and a gain map's JPEG.

    ``version`` is the source's ``version_segment``. XMP is written where the gain map has its parameters in XMP.
    """
    if b"hdrgm:" in parameters(gain):
        primary = _with_directory(primary, len(gain))
    place = _behind_jfif(primary)
    size = len(primary) + len(version) + _MPF_BYTES
    index = _index(place + len(version), size, len(gain))
    return primary[:place] + version + index + primary[place:] + gain
