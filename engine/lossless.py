"""A file made smaller in its own format with every stored pixel as it was, and its orientation tag.

    PNG, animated PNG   oxipng                    (``recompress.py``)
    JPEG                the same coefficients     (``recompress.py``)
    all                 without the metadata that is not wanted (``strip.py``)

It is proven: both files are decoded and compared before the result is handed back.
"""

from __future__ import annotations

from engine.exact import decode_strictly, prove_same
from engine.formats import Format
from engine.job import Limits
from engine.probe import Facts, probe
from engine.recompress import LEVEL, recompress_jpeg, recompress_png
from engine.strip import strip

__all__ = ["optimize_losslessly"]

_ANY_SIZE = Limits(max_pixels=1 << 62, max_frames=1 << 30, max_file_size=1 << 62)


def optimize_losslessly(data: bytes, facts: Facts, level: int = LEVEL) -> bytes:
    """The smallest form found of ``data``; without its metadata at the least. ``level``: of oxipng, 0–6.

    Raises Unreadable for a damaged source, Refused (a Declined) for a PNG that oxipng does not take, and WriteFailed
    when what was made does not decode to the same pixels.
    """
    stripped = strip(data, facts)
    match facts.format:
        case Format.JPEG:
            decode_strictly(data, facts)
            result = recompress_jpeg(stripped)
        case Format.PNG:
            result = recompress_png(stripped, level)
        case _:
            result = stripped
    if result is not data:
        prove_same(data, facts, result, probe(result, _ANY_SIZE))
    return result
