"""The image formats: names, extensions, content signatures. Knows nothing of pixels, so every process may import it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["MAX_SIDE", "SIGNATURE_BYTES", "Format", "FormatInfo", "corrected", "format_for_extension", "info", "sniff"]

SIGNATURE_BYTES = 64
"""Bytes from the start of a file that ``sniff`` looks at."""
MAX_SIDE = 65_535
"""Largest side in pixels that can be asked for."""


class Format(StrEnum):
    """A format that is read and written."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """What the planner and the screens need to know of a format."""

    format: Format
    extensions: tuple[str, ...]
    """Lower case with the dot; the first is the one given to new files."""
    lossy: bool
    """Whether encoding at a quality below 100 changes pixels by nature of the format."""
    alpha: bool
    frames: bool
    """Whether it can hold an animation."""


_INFO = (
    FormatInfo(Format.JPEG, (".jpg", ".jpeg", ".jpe", ".jfif"), lossy=True, alpha=False, frames=False),
    FormatInfo(Format.PNG, (".png",), lossy=False, alpha=True, frames=False),
    FormatInfo(Format.WEBP, (".webp",), lossy=True, alpha=True, frames=True),
    FormatInfo(Format.AVIF, (".avif",), lossy=True, alpha=True, frames=False),
    FormatInfo(Format.GIF, (".gif",), lossy=False, alpha=True, frames=True),
    FormatInfo(Format.TIFF, (".tif", ".tiff"), lossy=False, alpha=True, frames=False),
)
_BY_FORMAT = {entry.format: entry for entry in _INFO}
_BY_EXTENSION = {extension: entry.format for entry in _INFO for extension in entry.extensions}

OTHER_IMAGES = frozenset(
    (".bmp", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".svg", ".ico", ".psd", ".tga", ".apng", ".jfif", ".jls")
)
"""Extensions of images that are looked at although no format we read has them: the content decides."""


def info(format: Format) -> FormatInfo:
    """The table's row of ``format``."""
    return _BY_FORMAT[format]


def format_for_extension(extension: str) -> Format | None:
    """The format a file name's extension promises (``.JPG`` → JPEG), or None when it promises none we read."""
    return _BY_EXTENSION.get(extension.lower())


def looks_like_image(name: str) -> bool:
    """Whether a file's extension makes it worth a look at its content."""
    extension = os.path.splitext(name)[1].lower()
    return format_for_extension(extension) is not None or extension in OTHER_IMAGES


def corrected(path: str, format: Format) -> str:
    """``path`` with an extension that belongs to ``format``; as it is when it has one."""
    stem, extension = os.path.splitext(path)
    known = info(format).extensions
    return path if extension.lower() in known else stem + known[0]


def _isobmff_brands(head: bytes) -> set[bytes]:
    if head[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in range(8, size - 3, 4) if at != 12}


def sniff(head: bytes) -> Format | None:
    """The format by content, from the first ``SIGNATURE_BYTES`` of a file; None for anything we do not read."""
    if head.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Format.GIF
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return Format.TIFF
    if _isobmff_brands(head) & {b"avif", b"avis"}:
        return Format.AVIF
    return None
