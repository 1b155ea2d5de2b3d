"""What a file says beside its pixels, and what of that goes into its result.

    extract (by format) ──▶ Metadata ──▶ apply (by policy) ──▶ Metadata ──▶ engine.embed, into the finished result

Everything is carried as the bytes that stood in the source. A colour profile is not metadata here: ``engine.decode``
decides about it. Nothing here raises over damaged metadata: a block that cannot be edited is left out.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from hashlib import md5

from engine import exif, iptc, xmp
from engine.containers import LARGEST_SEGMENT, gif_blocks, walk_gif, walk_jpeg, walk_png, walk_webp
from engine.errors import Unreadable
from engine.formats import Format
from engine.ifd import exif_orientation, read_directories
from engine.items import read_items
from engine.policy import MetadataPolicy
from engine.probe import PNG_TEXT, Facts

__all__ = ["Metadata", "apply", "carried", "extract", "keeps_profile", "stays"]

JPEG_EXIF, JPEG_XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
JPEG_EXTENDED, JPEG_IPTC = b"http://ns.adobe.com/xmp/extension/\0", b"Photoshop 3.0\0"
GIF_XMP = b"XMP DataXMP"
TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP = 700, 33723, 34377
PNG_XMP = b"XML:com.adobe.xmp"
_TURNS_BY_TAG = frozenset({Format.JPEG, Format.PNG, Format.WEBP})
"""Formats whose viewers obey the orientation in the EXIF block."""
_EDITS = frozenset({MetadataPolicy.KEEP, MetadataPolicy.NO_GPS})
"""Policies under which the orientation tag stays and pixels are not turned."""
_PNG_RIGHTS = (b"Author", b"Copyright")
_MAX_TEXT = 64 << 20
"""Largest unpacked text chunk that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Blocks as they stand in a file, without what wraps them there; empty where there is none."""

    exif: bytes = b""
    """From the TIFF header on."""
    xmp: bytes = b""
    extended: bytes = b""
    """JPEG: the extended XMP packet, joined."""
    guid: bytes = b""
    """Name of the extended packet: 32 hexadecimal digits."""
    iptc: bytes = b""
    """Photoshop's image resources, IPTC among them."""
    comments: tuple[bytes, ...] = ()
    """Plain comments of JPEG and GIF."""
    text: tuple[bytes, ...] = ()
    """PNG text chunks as they are, XMP and IPTC not among them."""

    @property
    def orientation(self) -> int:
        """What the EXIF block says, 1–8."""
        return exif_orientation(self.exif) if self.exif else 1

    def said_upright(self, *, turned: bool) -> Metadata:
        """The same for pixels that are upright; XMP, which no viewer obeys, is told only when they were turned."""
        block = exif.with_orientation(self.exif, 1) if self.exif else b""
        if not turned:
            return replace(self, exif=block)
        return replace(self, exif=block, xmp=xmp.with_orientation_1(self.xmp))

    def whole_xmp(self) -> bytes:
        """The XMP in one packet."""
        return xmp.merged(self.xmp, self.extended) if self.extended else self.xmp


def keeps_profile(policy: MetadataPolicy) -> bool:
    """Whether a profile that says no more than "sRGB" goes along as well."""
    return policy in (MetadataPolicy.ICC, MetadataPolicy.KEEP, MetadataPolicy.NO_GPS)


def carried(data: bytes, facts: Facts, target: Format, policy: MetadataPolicy) -> Metadata:
    """What goes into a result in ``target``. Its ``orientation`` is that of the result's pixels: when it is not 1, they
    are to be stored as the source has them.
    """
    if policy in (MetadataPolicy.STRIP, MetadataPolicy.ICC):
        return Metadata()
    found = apply(policy, extract(data, facts))
    if target is Format.JPEG and len(found.exif) > LARGEST_SEGMENT - len(JPEG_EXIF):
        found = replace(found, exif=b"")
    stored_as_source = policy in _EDITS and target in _TURNS_BY_TAG and found.orientation == facts.orientation
    return found if stored_as_source else found.said_upright(turned=facts.orientation != 1)


def stays(data: bytes, facts: Facts, policy: MetadataPolicy) -> Metadata:
    """What remains in a file whose pixels stay as they are: whatever the policy, it must still say how they lie."""
    nothing = policy in (MetadataPolicy.STRIP, MetadataPolicy.ICC)
    found = Metadata() if nothing else apply(policy, extract(data, facts))
    if found.orientation == facts.orientation:
        return found
    if found.exif and policy in _EDITS:
        return replace(found, exif=exif.with_orientation(found.exif, facts.orientation))
    return replace(found, exif=exif.with_rights(found.exif, facts.orientation))


def apply(policy: MetadataPolicy, metadata: Metadata) -> Metadata:
    """What the policy leaves; with ``copyright`` the orientation goes, since pixels are turned."""
    match policy:
        case MetadataPolicy.KEEP:
            return metadata
        case MetadataPolicy.NO_GPS:
            return _without_position(metadata)
        case MetadataPolicy.COPYRIGHT:
            return Metadata(
                exif=exif.only_rights(metadata.exif),
                xmp=xmp.only_rights(metadata.whole_xmp()),
                iptc=iptc.only_rights(metadata.iptc),
                text=tuple(chunk for chunk in metadata.text if _keyword(chunk[8:]) in _PNG_RIGHTS),
            )
        case _:
            return Metadata()


def _without_position(metadata: Metadata) -> Metadata:
    main = xmp.without_position(metadata.xmp) or b""
    extended = xmp.without_position(metadata.extended) if main and metadata.extended else None
    guid = metadata.guid
    if extended is not None and extended != metadata.extended:
        guid = md5(extended, usedforsecurity=False).hexdigest().upper().encode()
        main = main.replace(metadata.guid, guid)
    return replace(
        metadata,
        exif=(exif.without_position(metadata.exif) or b"") if metadata.exif else b"",
        xmp=main,
        extended=extended or b"",
        guid=guid if extended else b"",
        iptc=iptc.without_position(metadata.iptc),
        text=tuple(chunk for chunk in metadata.text if not _may_tell_position(_keyword(chunk[8:]))),
    )


def _keyword(payload: bytes) -> bytes:
    return payload[:80].partition(b"\0")[0]


def _may_tell_position(keyword: bytes) -> bool:
    """Whether a PNG text by this name can hold coordinates: EXIF fields one by one, or whole blocks as text."""
    return keyword.startswith(b"Raw profile type") or xmp.is_position(keyword)


def extract(data: bytes, facts: Facts) -> Metadata:
    """All metadata of a file that ``engine.probe.probe`` took."""
    match facts.format:
        case Format.JPEG:
            return _from_jpeg(data)
        case Format.PNG:
            return _from_png(data)
        case Format.WEBP:
            kinds = {chunk.kind: chunk for chunk in reversed(walk_webp(data)[0])}
            block = kinds[b"EXIF"].payload(data).removeprefix(JPEG_EXIF) if b"EXIF" in kinds else b""
            return Metadata(exif=block, xmp=kinds[b"XMP "].payload(data) if b"XMP " in kinds else b"")
        case Format.GIF:
            return _from_gif(data)
        case Format.TIFF:
            return _from_tiff(data)
        case Format.AVIF:
            return _from_avif(data)


def _from_jpeg(data: bytes) -> Metadata:
    found = Metadata()
    pieces: dict[bytes, list[tuple[int, bytes]]] = {}
    for segment in walk_jpeg(data).segments:
        code, payload = segment.kind[0], segment.payload(data) if segment.kind[0] >= 0xE0 else b""
        if code == 0xE1 and payload.startswith(JPEG_EXIF) and not found.exif:
            found = replace(found, exif=payload[len(JPEG_EXIF) :])
        elif code == 0xE1 and payload.startswith(JPEG_XMP) and not found.xmp:
            found = replace(found, xmp=payload[len(JPEG_XMP) :])
        elif code == 0xE1 and payload.startswith(JPEG_EXTENDED):
            rest = payload[len(JPEG_EXTENDED) :]
            pieces.setdefault(rest[:32], []).append((int.from_bytes(rest[36:40], "big"), rest[40:]))
        elif code == 0xED and payload.startswith(JPEG_IPTC):
            found = replace(found, iptc=found.iptc + payload[len(JPEG_IPTC) :])
        elif code == 0xFE:
            found = replace(found, comments=(*found.comments, payload))
    for guid, parts in pieces.items():
        if len(guid) == 32 and guid in found.xmp:
            extended = b"".join(part for _, part in sorted(parts))
            return replace(found, extended=extended, guid=guid)
    return found


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _MAX_TEXT)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else text


def _text_of(kind: bytes, payload: bytes) -> bytes:
    """The text of a PNG text chunk (PNG, third edition, section 11.3.3); empty when it is damaged or too large."""
    _, _, rest = payload.partition(b"\0")
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _unpacked(rest[1:])
    packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return _unpacked(text) if packed else text


def _raw_profile(text: bytes) -> bytes:
    """ImageMagick's way of putting a block into a text chunk: a name, a length, hexadecimal digits."""
    try:
        _, length, *lines = text.lstrip().split(b"\n")
        return bytes.fromhex(b"".join(lines)[: 2 * int(length)].decode("ascii"))
    except ValueError:
        return b""


def _from_png(data: bytes) -> Metadata:
    found = Metadata()
    raw: dict[bytes, bytes] = {}
    for chunk in walk_png(data):
        if chunk.kind == b"eXIf" and not found.exif:
            found = replace(found, exif=chunk.payload(data))
        if chunk.kind not in PNG_TEXT:
            continue
        name = _keyword(data[chunk.body : chunk.body + min(chunk.length, 80)])
        if name == PNG_XMP and not found.xmp:
            found = replace(found, xmp=_text_of(chunk.kind, chunk.payload(data)))
        elif name.startswith(b"Raw profile type "):
            raw.setdefault(name[17:].lower(), _raw_profile(_text_of(chunk.kind, chunk.payload(data))))
        elif name != PNG_XMP:
            found = replace(found, text=(*found.text, data[chunk.start : chunk.end]))
    return _with_raw(found, raw)


def _with_raw(found: Metadata, raw: dict[bytes, bytes]) -> Metadata:
    """Blocks in text chunks count where there is no chunk of their own kind; no viewer turns pixels by them."""
    block = next((raw[name].removeprefix(JPEG_EXIF) for name in (b"exif", b"app1") if raw.get(name)), b"")
    if block and not found.exif and not block.startswith(b"http"):
        found = replace(found, exif=exif.with_orientation(block, 1))
    if raw.get(b"xmp") and not found.xmp:
        found = replace(found, xmp=raw[b"xmp"])
    name = next((name for name in (b"8bim", b"iptc") if raw.get(name)), b"")
    if name:
        block = raw[name].removeprefix(JPEG_IPTC)
        found = replace(found, iptc=iptc.wrapped(block) if block[:1] == b"\x1c" else block)
    return found


def _from_gif(data: bytes) -> Metadata:
    comments: list[bytes] = []
    packet = b""
    for start, end in walk_gif(data, 1 << 30).removable:
        if data[start + 1] == 0xFE:
            comments.append(gif_blocks(data, start + 2))
        elif data[start + 3 : start + 14] == GIF_XMP and not packet:
            packet = data[start + 14 : end].rpartition(b"\x01\xff\xfe")[0]
    return Metadata(xmp=packet, comments=tuple(comments))


def _from_tiff(data: bytes) -> Metadata:
    first = next(read_directories(data))
    block, bare = first.raw(TIFF_PHOTOSHOP), first.raw(TIFF_IPTC)
    if bare and not iptc.iptc_of(block):
        block = iptc.wrapped(bare) + block
    return Metadata(exif=exif.from_tiff(data), xmp=first.raw(TIFF_XMP), iptc=block)


def _from_avif(data: bytes) -> Metadata:
    found = Metadata()
    try:
        items = read_items(data)
    except Unreadable:
        return found
    for item in items:
        payload = b"".join(data[start:end] for start, end in item.extents)
        if item.kind == b"Exif" and not found.exif:
            found = replace(found, exif=payload[4 + int.from_bytes(payload[:4], "big") :].removeprefix(JPEG_EXIF))
        elif item.xmp and not found.xmp:
            found = replace(found, xmp=payload)
    return found
