"""A file made smaller in its own format with every stored pixel as it was, and its orientation tag.

    PNG, animated PNG   oxipng                    (``recompress.py``)
    JPEG                the same coefficients     (``recompress.py``)
    all                 without the metadata that is not wanted (``strip.py``)

It is proven: both files are decoded and compared before the result is handed back.
"""

from __future__ import annotations

from engine.exact import decode_strictly, prove_same
from engine.formats import Format
from engine.policy import Limits, MetadataPolicy
from engine.probe import Facts, probe
from engine.recompress import LEVEL, recompress_jpeg, recompress_png
from engine.strip import rewritten, strip, with_own_gain_map

__all__ = ["optimize_losslessly"]

_ANY_SIZE = Limits(max_pixels=1 << 62, max_frames=1 << 30, max_file_size=1 << 62)


def optimize_losslessly(
    data: bytes, facts: Facts, policy: MetadataPolicy = MetadataPolicy.STRIP, level: int = LEVEL
) -> bytes:
    """The smallest form found of ``data``; without the metadata that is to go at the least. ``level``: of oxipng, 0–6.

    Raises Unreadable for a damaged source, Refused (a Declined) for a PNG that oxipng does not take, and WriteFailed
    when what was made does not decode to the same pixels.
    """
    match facts.format:
        case Format.JPEG:
            decode_strictly(data, facts)
            result = with_own_gain_map(recompress_jpeg(rewritten(data, facts, policy)), data, facts)
            if len(result) >= len(data):
                result = strip(data, facts, policy)
        case Format.PNG:
            result = recompress_png(strip(data, facts, policy), level)
        case _:
            result = strip(data, facts, policy)
    if result is not data:
        prove_same(data, facts, result, probe(result, _ANY_SIZE))
    return result
