"""Names what is none of our formats, by its first bytes."""

from __future__ import annotations

__all__ = ["NOT_READ", "what_it_is"]

_FOREIGN = (
    (b"BM", "BMP"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\0\0\1\0", "icon (ICO)"),
    (b"8BPS", "Photoshop"),
    (b"PK\3\4", "ZIP archive"),
    (b"version https://git-lfs", "Git LFS pointer"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


NOT_READ = ", which is not read here"
"""How the sentence ends for an image in a format that no loader here is allowed for."""


def what_it_is(data: bytes) -> str:
    """A sentence for bytes that are none of our formats."""
    if not data:
        return "not an image: the file is empty"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return f"a HEIC image{NOT_READ}"
    for signature, name in _FOREIGN:
        if data.startswith(signature):
            pointer = name == "Git LFS pointer"
            article = "an" if name.startswith("icon") else "a"
            return f"not an image: a {name}" if pointer or "archive" in name else f"{article} {name} file{NOT_READ}"
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return f"an SVG drawing{NOT_READ}"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "not an image: a web page or XML"
    if not data.strip(b"\0"):
        return "not an image: only zero bytes"
    return "not an image"
