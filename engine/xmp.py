"""Edits of an XMP packet (ISO 16684-1): the position out, the rights alone, two packets made one.

The position is taken out by writing spaces over it, so everything else stays where and as it is. Packets that are not
well-formed UTF-8 XML without a DOCTYPE are not edited: the functions answer None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

__all__ = ["is_position", "merged", "only_rights", "with_orientation_1", "without_position"]

_TOKEN = re.compile(
    rb"""<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>
    |<(?P<close>/)?(?P<name>[^\s/>"'=<]+)(?P<attributes>(?:\s+[^\s=/>"']+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(?P<empty>/)?>""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(rb"""([^\s=/>"']+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_POSITION = re.compile(
    rb"(?i:gps.*|georss:.*|.*:lat|.*:lon|.*:long|.*:lng|.*:lat_long|.*latitude|.*longt?itude|.*altitude|.*geohash)"
    rb"|.*[a-z0-9](?:Lat|Lon|Lng|Alt)",
    re.DOTALL,
)
"""Qualified names of coordinates and heights: exif:GPS*, drone-dji:GpsLongtitude, LRFTargetLat, geo:lat and so on."""
_DECLARED = re.compile(rb"""\sxmlns:(\w+)\s*=\s*["']([^"'&<]+)["']""")
_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>\s*))[2-8](?=\s*[<"'])""")

NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
}
_RDF, _DESCRIPTION = (f"{{{NAMESPACES['rdf']}}}{name}" for name in ("RDF", "Description"))
_RIGHTS = frozenset(
    f"{{{NAMESPACES[prefix]}}}{name}"
    for prefix, name in (
        ("dc", "creator"),
        ("dc", "rights"),
        ("photoshop", "Credit"),
        ("photoshop", "Source"),
        ("tiff", "Artist"),
        ("tiff", "Copyright"),
    )
)
_RIGHTS_SPACES = tuple(f"{{{NAMESPACES[prefix]}}}" for prefix in ("xmpRights", "plus", "cc"))
_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = b'<?xpacket end="w"?>'


def _parsed(xmp: bytes) -> Element | None:
    """The root; None for what is not edited."""
    if b"<!DOCTYPE" in xmp or b"<!ENTITY" in xmp:
        return None
    try:
        text = xmp.rstrip(b"\0").strip().removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        return ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError):
        return None


def _local(name: bytes) -> bytes:
    return name.rpartition(b":")[2]


def is_position(name: bytes) -> bool:
    """Whether a property of this qualified name tells coordinates or a height."""
    return not name.startswith(b"xmlns") and bool(_POSITION.fullmatch(name) or _POSITION.fullmatch(_local(name)))


def _positions(xmp: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of every attribute and whole element that tells coordinates."""
    depth, begin, inside = 0, 0, 0
    for token in _TOKEN.finditer(xmp):
        name = token["name"]
        if name is None:
            continue
        if token["close"]:
            depth -= 1
            if inside and depth < inside:
                inside = 0
                yield begin, token.end()
            continue
        if not inside:
            if is_position(name):
                if token["empty"]:
                    yield token.span()
                    continue
                begin, inside = token.start(), depth + 1
            else:
                start = token.start("attributes")
                for attribute in _ATTRIBUTE.finditer(token["attributes"]):
                    if is_position(attribute[1]):
                        yield start + attribute.start(), start + attribute.end()
        depth += 0 if token["empty"] else 1


def without_position(xmp: bytes) -> bytes | None:
    """``xmp`` with spaces in place of coordinates, of the same length; None when it cannot be edited."""
    if _parsed(xmp) is None:
        return None
    out = bytearray(xmp)
    for start, end in _positions(xmp):
        out[start:end] = b" " * (end - start)
    return bytes(out)


def with_orientation_1(xmp: bytes) -> bytes:
    """``xmp`` saying that the picture is upright; of the same length."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def _is_right(name: str) -> bool:
    return name in _RIGHTS or name.startswith(_RIGHTS_SPACES)


def only_rights(xmp: bytes) -> bytes:
    """A packet of author and rights; ``xmp`` itself when it holds nothing else, empty when none or not readable."""
    root = _parsed(xmp)
    if root is None:
        return b""
    into, other = Element(_DESCRIPTION, {f"{{{NAMESPACES['rdf']}}}about": ""}), False
    for part in root.iter(_RDF):
        for description in part.findall(_DESCRIPTION):
            for name, value in description.attrib.items():
                if _is_right(name):
                    into.set(name, value)
                else:
                    other = other or not name.endswith("}about")
            for child in description:
                if _is_right(child.tag):
                    into.append(child)
                else:
                    other = True
    if not len(into) and len(into.attrib) == 1:
        return b""
    return _packet([into]) if other else xmp


def _packet(descriptions: list[Element], toolkit: dict[str, str] | None = None) -> bytes:
    for prefix, space in NAMESPACES.items():  # after others: these prefixes are nobody else's
        ElementTree.register_namespace(prefix, space)
    meta = Element(f"{{{NAMESPACES['x']}}}xmpmeta", toolkit or {})
    rdf = ElementTree.SubElement(meta, _RDF)
    rdf.extend(descriptions)
    body: bytes = ElementTree.tostring(meta, encoding="utf-8", xml_declaration=False)
    return _BEGIN + body + _END


def merged(xmp: bytes, extended: bytes) -> bytes:
    """One packet of a main and an extended one, for formats that need no splitting; ``xmp`` when they do not parse."""
    main, more = _parsed(xmp), _parsed(extended)
    if main is None or more is None:
        return xmp
    found = [description for root in (main, more) for rdf in root.iter(_RDF) for description in rdf]
    note = f"{{{NAMESPACES['xmpNote']}}}HasExtendedXMP"
    for prefix, space in _DECLARED.findall(xmp + extended):
        if prefix != b"xml" and not re.fullmatch(rb"ns\d+", prefix):
            ElementTree.register_namespace(prefix.decode(), space.decode())
    for description in found:
        description.attrib.pop(note, None)
        for child in description.findall(note):
            description.remove(child)
    return _packet(found, main.attrib if main.tag.endswith("}xmpmeta") else None)


def pointing_to(guid: bytes) -> bytes:
    """A packet that says nothing but where the extended one is."""
    note = f"{{{NAMESPACES['xmpNote']}}}HasExtendedXMP"
    return _packet([Element(_DESCRIPTION, {f"{{{NAMESPACES['rdf']}}}about": "", note: guid.decode("ascii")})])


def unwrapped(xmp: bytes) -> bytes:
    """``xmp`` without the packet's processing instructions and padding, as an extended packet must be."""
    return re.sub(rb"<\?xpacket.*?\?>", b"", xmp, flags=re.DOTALL).strip(b"\0 \t\r\n\xef\xbb\xbf")
