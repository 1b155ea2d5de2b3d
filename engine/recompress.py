"""PNG and JPEG files made smaller without touching a pixel, by two libraries that may be missing.

    PNG    oxipng: other filters, a smaller way to store the same colours, a stronger deflate; animations too
    JPEG   mozjpeg: the same coefficients in progressive order with tables of their own

Both hand back what they were given when they find nothing better.
"""

from __future__ import annotations

from engine.containers import PNG_SIGNATURE, walk_jpeg
from engine.efforts import OXIPNG, Effort
from engine.errors import Declined
from engine.extras import installed

__all__ = ["LEVEL", "Refused", "recompress_jpeg", "recompress_png"]

LEVEL = OXIPNG[Effort.BALANCED]
"""Of oxipng, 0–6."""


class Refused(Declined):
    """A file that the library does not take, though decoders may."""


def recompress_png(data: bytes, level: int = LEVEL) -> bytes:
    """A smaller PNG with all its chunks, or ``data``. A still one is not interlaced any more. Raises Refused.

    Holds the interpreter's lock all the while, about a second a megapixel.
    """
    if not installed("oxipng"):
        return data
    import oxipng

    try:
        result: bytes = oxipng.optimize_from_memory(data, level=level)
    except oxipng.PngError as error:
        raise Refused(f"a PNG that is not sound ({_line(error)})") from None
    return result if len(result) < len(data) and result.startswith(PNG_SIGNATURE) else data


def recompress_jpeg(data: bytes) -> bytes:
    """A smaller JPEG with the same coefficients, or ``data``; what stands in its application segments stays.

    Takes a damaged file for a whole one, and ends the process over coefficients that only such a file has: decode it
    strictly before.
    """
    if not installed("mozjpeg_lossless_optimization") or not _within_eight_bits(data):
        return data
    import mozjpeg_lossless_optimization

    try:
        bare: bytes = mozjpeg_lossless_optimization.optimize(data)
    except ValueError:  # a way of coding that it does not read, such as lossless JPEG
        return data
    result = _with_segments_of(data, bare)
    return result if len(result) < len(data) else data


def _within_eight_bits(data: bytes) -> bool:
    """Whether the first scan's Huffman tables have no code for a coefficient that 8-bit pixels cannot have: of more
    than 11 bits for a mean, 10 for any other (ITU-T T.81, tables F.1 and F.2)."""
    for segment in walk_jpeg(data).segments:
        at, end = segment.body, segment.body + segment.length
        while segment.kind == b"\xc4" and at + 17 <= end:
            codes = sum(data[at + 1 : at + 17])
            most = 10 if data[at] >> 4 else 11
            if any(code & 15 > most for code in data[at + 17 : min(at + 17 + codes, end)]):
                return False
            at += 17 + codes
    return True


def _is_application(kind: bytes) -> bool:
    return 0xE0 <= kind[0] <= 0xEF or kind == b"\xfe"


def _with_segments_of(source: bytes, bare: bytes) -> bytes:
    """``bare`` with ``source``'s application segments and comments instead of its own."""
    before, after = walk_jpeg(source), walk_jpeg(bare)
    parts = [b"\xff\xd8"]
    parts += [source[part.start : part.end] for part in before.segments if _is_application(part.kind)]
    parts += [bare[part.start : part.end] for part in after.segments if not _is_application(part.kind)]
    parts.append(bare[after.segments[-1].end : after.end])
    return b"".join(parts)


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 120 else text[:119] + "…"
