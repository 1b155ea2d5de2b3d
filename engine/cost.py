"""What one image will cost, from its header: peak bytes above the idle worker, and CPU seconds. Arithmetic only.

Peak memory = the file + the result + what decoder, transforms and encoder hold at once. The coefficients are bytes
per pixel, fitted to measured peaks of pictures of 2 to 24 megapixels with libvips 8.18, one thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.efforts import CALM_PIXELS, FULL_CHROMA_FROM, Effort
from engine.formats import Format

if TYPE_CHECKING:
    from engine.probe import Facts

__all__ = [
    "KEPT_PIXELS",
    "predict_bytes",
    "predict_seconds",
    "result_bytes",
    "score_bytes",
    "shared_bytes",
    "shown_bytes",
]

FIXED_BYTES = 6_000_000
"""Lines in flight, tables of the codecs."""
_RESIZE_BYTES = 20_000_000
"""Line caches of the resampler, beside those that grow with the source's width."""
_RESIZE_LINES = 600
_HELD = {Format.WEBP: 2.2, Format.AVIF: 3.0, Format.GIF: 2.2}
"""Bytes per sample of source formats that are decoded whole."""
_LOSSY = {Format.JPEG: 7.1, Format.PNG: 8.3, Format.WEBP: 6.3, Format.AVIF: 49.0, Format.GIF: 9.0, Format.TIFF: 1.2}
_LOSSLESS = {
    Format.JPEG: 13.8,
    Format.PNG: 0.6,
    Format.WEBP: 30.5,
    Format.AVIF: 40.0,
    Format.GIF: 9.0,
    Format.TIFF: 1.2,
}
"""Bytes per pixel that the encoders hold, in colour without alpha, by the two ways of using them."""
_DETAIL = {Format.JPEG: 11.0, Format.WEBP: 27.0, Format.AVIF: 6.0}
"""Bytes that encoders hold beside that for each byte of a lossy result: noise costs up to three times a smooth sky."""
_SMALL = {Format.WEBP: 9.0, Format.AVIF: 33.0}
"""Bytes per pixel that lossy encoders hold beside that with the effort small."""
_CALM_AVIF_BYTES = 17.0
"""What AVIF's encoder holds beside that, per pixel, for a picture that may be calm."""
_ALPHA_AVIF, _ALPHA_AVIF_LOSSLESS = 13.0, 17.0
"""What AVIF's encoder holds beside that for an alpha channel."""
_DEEP_AVIF, _DEEP_AVIF_LOSSLESS = 1.1, 1.7
"""How many times as much it holds at 10 and 12 bit."""
_GREY_JPEG, _ALPHA_WEBP, _PNG_BYTES = 4.2, 34.0, 12_000_000
_COMPARED = 12.0
"""What a palette and the picture hold per pixel while they are compared (``engine.encoders``)."""
_OXIPNG, _MOZJPEG = 5.0, 2.7
"""Bytes that recompressing holds for each byte of a PNG's samples and for each sample of a JPEG."""
_DECODE_AGAIN = {Format.JPEG: 6.2, Format.WEBP: 11.5, Format.AVIF: 12.0, Format.GIF: 8.0}
"""Bytes per pixel for the check's decode of a result; JPEG results are progressive."""
_NUMPY_BYTES, _AVIF_LEFT = 35_000_000, 25_000_000
_SCORED, _SCORED_KEPT = 17.0, 30.0
"""What comparing a decoded result with its source holds per pixel (``engine.similarity``), and what is kept of sources
of up to ``KEPT_PIXELS``."""
KEPT_PIXELS = 4_000_000
"""Pixels, of all frames on all backgrounds, up to which what scores need of a source is kept in a run."""
_RESULT_BYTES = {
    Format.JPEG: 0.2,
    Format.PNG: 1.0,
    Format.WEBP: 0.15,
    Format.AVIF: 0.1,
    Format.GIF: 0.6,
    Format.TIFF: 1.5,
}
"""Bytes of result per pixel, on the high side; a result from a lossless source is not larger than that source."""

_DECODE_SECONDS = {
    Format.JPEG: 0.009,
    Format.PNG: 0.012,
    Format.WEBP: 0.018,
    Format.AVIF: 0.04,
    Format.GIF: 0.02,
    Format.TIFF: 0.012,
}
_LOSSY_SECONDS = {
    Format.JPEG: 0.06,
    Format.PNG: 0.8,
    Format.WEBP: 0.09,
    Format.AVIF: 0.8,
    Format.GIF: 0.4,
    Format.TIFF: 0.06,
}
_LOSSLESS_SECONDS = {**_LOSSY_SECONDS, Format.JPEG: 0.12, Format.PNG: 0.15, Format.WEBP: 0.7, Format.AVIF: 1.5}
"""CPU seconds per megapixel on one core of a 2.x GHz server, with a balanced effort."""
_CALM_AVIF = 2.5
"""Times as long for a lossy AVIF of a picture that may be calm, half of which are."""
_LOSSY_EFFORTS: dict[Format, tuple[float, float]] = {
    Format.JPEG: (0.28, 1.0),
    Format.PNG: (0.45, 1.0),
    Format.WEBP: (0.55, 3.5),
    Format.AVIF: (0.5, 13.0),
}
_LOSSLESS_EFFORTS = {**_LOSSY_EFFORTS, Format.PNG: (0.5, 4.5), Format.WEBP: (0.5, 1.8), Format.AVIF: (0.25, 3.5)}
"""Time of the fast and of the small effort, as multiples of the balanced one's."""
_MOZJPEG_SECONDS, _OXIPNG_SECONDS = 0.15, 0.6
"""The same for recompressing, with the proof: of JPEG for each megapixel, of PNG for each million bytes of samples."""
_OXIPNG_EFFORTS = {Effort.FAST: 0.7, Effort.BALANCED: 1.0, Effort.SMALL: 1.0}
_TRIES, _SCORE_SECONDS = 4, 0.06
"""Encodes to reach a score, and the time of each score for a megapixel."""
FIXED_SECONDS = 0.002


def _held_by_decoder(facts: Facts) -> float:
    """Bytes per pixel of the source that its decoder holds until the end."""
    sample = 2 if facts.bits > 8 else 1
    if facts.format is Format.JPEG:
        return 2.05 * facts.bands if facts.progressive else 0.0
    if facts.format is Format.PNG:
        return float(facts.bands * sample) if facts.progressive else 0.0
    return _HELD.get(facts.format, 0.0) * facts.bands * sample


def _may_be_calm(target: Format, quality: int | None, effort: Effort, pixels: int) -> bool:
    """Whether an AVIF may be made with the options for calm pictures (``engine.content``), where those differ."""
    lossy = target is Format.AVIF and quality != 100
    return lossy and effort is Effort.BALANCED and pixels <= CALM_PIXELS


def _held_by_encoder(facts: Facts, target: Format, quality: int | None, effort: Effort, pixels: int) -> float:
    """Bytes per pixel of the result that its encoder holds, of so many pixels a frame."""
    colours = facts.bands - facts.alpha
    if quality is None:
        quality = 85
    if target is Format.JPEG:
        held = _LOSSLESS[target] if quality >= FULL_CHROMA_FROM else _LOSSY[target]
        return _GREY_JPEG if colours == 1 else held
    held = _LOSSLESS[target] if quality == 100 else _LOSSY[target]
    if effort is Effort.SMALL and quality < 100:
        held += _SMALL.get(target, 0.0)
    if _may_be_calm(target, quality, effort, pixels):
        held += _CALM_AVIF_BYTES
    if target is Format.WEBP and facts.alpha:
        held = max(held, _ALPHA_WEBP)
    if target is Format.AVIF:
        held += facts.alpha * (_ALPHA_AVIF_LOSSLESS if quality == 100 else _ALPHA_AVIF)
    if target is Format.AVIF and facts.bits > 8:
        held *= _DEEP_AVIF_LOSSLESS if quality == 100 else _DEEP_AVIF
    return held


def _detail(facts: Facts, file_size: int) -> float:
    """Bytes per pixel that a lossy result will have, on the high side, guessed from how dense the source is."""
    density = file_size / max(1, facts.stored_width * facts.stored_height * facts.frames)
    return 0.16 * max(0.0, min(density, 4.0) - 0.3) if facts.lossless else 0.4 * min(density, 1.2)


def predict_bytes(
    facts: Facts,
    target: Format,
    width: int,
    height: int,
    *,
    full_check: bool,
    file_size: int,
    quality: int | None = None,
    as_stored: bool = False,
    oxipng: bool = False,
    effort: Effort = Effort.BALANCED,
    scored: bool = False,
) -> int:
    """Peak bytes above the idle worker for one image.

    ``width`` × ``height`` is the result's frame in pixels; ``full_check`` says whether the result is decoded again
    (``engine.check.check_pixels``); ``file_size`` is the source's in bytes; ``quality`` is the target's number, None
    when unknown (a usual lossy one is taken); ``as_stored`` says that only the storage is made smaller
    (``engine.lossless``), ``oxipng`` that it has a part in a PNG, ``scored`` that it is made to reach a score.
    """
    if as_stored:
        return int(FIXED_BYTES + 3 * file_size + _stored_bytes(facts) * facts.stored_width * facts.stored_height)
    source = facts.stored_width * facts.stored_height * facts.frames
    pixels = width * height * facts.frames
    sample = 2 if facts.bits > 8 else 1
    resized = (width, height) != (facts.width, facts.height)
    held = _held_by_decoder(facts) * source
    turned = facts.bands * sample * pixels if facts.orientation > 2 else 0
    resizing = _RESIZE_BYTES + _RESIZE_LINES * facts.stored_width * facts.bands * sample if resized else 0
    if resized and facts.frames > 1:
        resizing += facts.bands * (source + pixels)
    result = result_bytes(facts, target, width, height)
    result = min(result, file_size) if facts.lossless and not resized else result
    encoder = _held_by_encoder(facts, target, quality, effort, width * height) * pixels
    encoder += _DETAIL.get(target, 0.0) * _detail(facts, file_size) * pixels
    if target is Format.PNG:
        encoder += _PNG_BYTES
        compared = _COMPARED if quality is not None and quality < 100 else 0.0
        encoder = max(encoder, (_OXIPNG * facts.bands * sample + compared) * pixels) if oxipng else encoder
    again = _DECODE_AGAIN.get(target, 0.0) * pixels if full_check else 0.0
    if scored:
        kept, compared = score_bytes(facts, target, width, height)
        held, again, result = held + kept, max(again, compared), 2 * result
        # What AVIF's encoder frees is seldom used again.
        encoder += compared + _AVIF_LEFT if target is Format.AVIF else 0
    return int(FIXED_BYTES + file_size + 2 * result + held + turned + resizing + max(encoder, again))


def score_bytes(facts: Facts, target: Format, width: int, height: int) -> tuple[int, int]:
    """Bytes that a target quality holds all the time, and those beside that while a result is compared."""
    pixels = width * height * facts.frames
    backgrounds = 2 if facts.alpha else 1
    held = _NUMPY_BYTES + shared_bytes(facts, width, height) + 3 * backgrounds * pixels
    held += int(_SCORED_KEPT * min(_scored_pixels(facts, width, height), KEPT_PIXELS))
    layers = 4 * backgrounds if facts.frames > 1 or facts.alpha else 0
    return held, int((_DECODE_AGAIN.get(target, 0.0) + layers + _SCORED) * pixels)


def kept_bytes(facts: Facts, width: int, height: int) -> int:
    """Bytes beside ``score_bytes`` for keeping what scores need of a source of any size."""
    return int(_SCORED_KEPT * max(0, _scored_pixels(facts, width, height) - KEPT_PIXELS))


def _scored_pixels(facts: Facts, width: int, height: int) -> int:
    return width * height * facts.frames * (2 if facts.alpha else 1)


def result_bytes(facts: Facts, target: Format, width: int, height: int) -> int:
    """Bytes of a result of ``width`` × ``height`` pixels a frame, on the high side."""
    return int(_RESULT_BYTES[target] * width * height * facts.frames * (2 if facts.bits > 8 else 1))


def shared_bytes(facts: Facts, width: int, height: int) -> int:
    """Bytes of decoded pixels that several results are made of."""
    return facts.bands * (2 if facts.bits > 8 else 1) * width * height * facts.frames


def shown_bytes(facts: Facts, target: Format, width: int, height: int) -> int:
    """Bytes that looking at a result takes while another is made: the source as it is seen, and a result decoded."""
    return shared_bytes(facts, width, height) + int((_DECODE_AGAIN.get(target, 0.0) + facts.bands) * width * height)


def _stored_bytes(facts: Facts) -> float:
    """Bytes per pixel of one frame for ``engine.lossless``, the proof included."""
    if facts.format is Format.PNG:
        return _OXIPNG * facts.bands * (2 if facts.bits > 8 else 1)
    return _MOZJPEG * facts.bands + _held_by_decoder(facts) if facts.format is Format.JPEG else 0.0


def predict_seconds(
    facts: Facts,
    target: Format,
    width: int,
    height: int,
    *,
    full_check: bool,
    quality: int | None = None,
    as_stored: bool = False,
    oxipng: bool = False,
    effort: Effort = Effort.BALANCED,
    scored: bool = False,
) -> float:
    """CPU seconds on one core for one image; arguments as in ``predict_bytes``."""
    source = facts.stored_width * facts.stored_height * facts.frames / 1e6
    result = width * height * facts.frames / 1e6
    samples = facts.bands * (2 if facts.bits > 8 else 1)
    if as_stored and facts.format is not Format.PNG:
        return FIXED_SECONDS + (_MOZJPEG_SECONDS * source if facts.format is Format.JPEG else 0.0)
    if as_stored:
        return FIXED_SECONDS + _OXIPNG_SECONDS * _OXIPNG_EFFORTS[effort] * samples * source
    decode = _DECODE_SECONDS[facts.format] * source
    again = decode + _DECODE_SECONDS[target] * result if full_check else 0.0
    encode = (_LOSSLESS_SECONDS if quality == 100 else _LOSSY_SECONDS)[target] * result
    fast, small = (_LOSSLESS_EFFORTS if quality == 100 else _LOSSY_EFFORTS).get(target, (1.0, 1.0))
    encode *= {Effort.FAST: fast, Effort.SMALL: small}.get(effort, 1.0)
    encode *= _CALM_AVIF if _may_be_calm(target, quality, effort, width * height) else 1.0
    encode += _OXIPNG_SECONDS * _OXIPNG_EFFORTS[effort] * samples * result if oxipng else 0.0
    if scored:
        backgrounds = 2 if facts.alpha else 1
        encode = _TRIES * (encode + (_DECODE_SECONDS[target] + _SCORE_SECONDS * backgrounds) * result)
    return FIXED_SECONDS + decode + encode + again
