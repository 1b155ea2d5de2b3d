"""What one image will cost, from its header: peak bytes above the idle worker, and CPU seconds. Arithmetic only.

Peak memory = the file + the result + what decoder, transforms and encoder hold at once. The coefficients are bytes
per pixel, fitted to measured peaks of pictures of 2 to 24 megapixels with libvips 8.18, one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.formats import Format

if TYPE_CHECKING:
    from engine.probe import Facts

__all__ = ["predict_bytes", "predict_seconds"]

FIXED_BYTES = 6_000_000
"""Lines in flight, tables of the codecs."""
_RESULT_SHARE = {
    Format.JPEG: 1.0,
    Format.PNG: 2.0,
    Format.WEBP: 1.0,
    Format.AVIF: 1.0,
    Format.GIF: 1.5,
    Format.TIFF: 3.0,
}
_DECODE = {Format.JPEG: 0.0, Format.PNG: 0.0, Format.WEBP: 4.0, Format.AVIF: 6.0, Format.GIF: 5.0, Format.TIFF: 0.0}
_ENCODE = {Format.JPEG: 6.5, Format.PNG: 0.2, Format.WEBP: 5.5, Format.AVIF: 16.0, Format.GIF: 6.0, Format.TIFF: 3.2}

_DECODE_SECONDS = {
    Format.JPEG: 0.012,
    Format.PNG: 0.02,
    Format.WEBP: 0.02,
    Format.AVIF: 0.04,
    Format.GIF: 0.02,
    Format.TIFF: 0.015,
}
_ENCODE_SECONDS = {
    Format.JPEG: 0.08,
    Format.PNG: 0.5,
    Format.WEBP: 0.09,
    Format.AVIF: 0.5,
    Format.GIF: 0.4,
    Format.TIFF: 0.06,
}
FIXED_SECONDS = 0.002


def _decoded_bytes(facts: Facts) -> float:
    """Bytes per pixel that decoding the source holds."""
    held = _DECODE[facts.format]
    if facts.progressive and facts.format is Format.JPEG:
        held += 2.0 * facts.bands
    elif facts.progressive and facts.format is Format.PNG:
        held += facts.bands * (2 if facts.bits > 8 else 1)
    return held


def predict_bytes(facts: Facts, target: Format, width: int, height: int, *, full_check: bool, file_size: int) -> int:
    """Peak bytes above the idle worker for one image.

    ``width`` × ``height`` is the result's frame in pixels; ``full_check`` says whether the result is decoded again
    (``engine.check.check_pixels``); ``file_size`` is the source's in bytes.
    """
    source_pixels = facts.stored_width * facts.stored_height * facts.frames
    pixels = width * height * facts.frames
    sample = 2 if facts.bits > 8 else 1
    held = _decoded_bytes(facts) * source_pixels
    if facts.orientation > 2:
        held += facts.bands * sample * pixels
    encode = _ENCODE[target] * pixels
    result = min(file_size * _RESULT_SHARE[target], 4 * pixels)
    check = 4 * pixels if full_check and target in (Format.WEBP, Format.AVIF, Format.GIF, Format.JPEG) else 0
    return int(FIXED_BYTES + file_size + result + held + max(encode, check))


def predict_seconds(facts: Facts, target: Format, width: int, height: int, *, full_check: bool) -> float:
    """CPU seconds on one core for one image."""
    source = facts.stored_width * facts.stored_height * facts.frames / 1e6
    result = width * height * facts.frames / 1e6
    decode = _DECODE_SECONDS[facts.format] * source
    again = decode + _DECODE_SECONDS[target] * result if full_check else 0.0
    return FIXED_SECONDS + decode + _ENCODE_SECONDS[target] * result + again
