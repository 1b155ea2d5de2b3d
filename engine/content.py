"""What a picture shows, as far as it decides how an encoder is told to do it. Only for workers: it needs libvips.

What is asked about may be read once from top to bottom; a piece of its middle stands for it.
"""

from __future__ import annotations

from pyvips import Image

from engine.efforts import CALM_PIXELS, Content

__all__ = ["content_of", "is_drawn"]

PIECE, SMALL_PIECE = 1024, 384
"""Pixels a side of the piece, for the detail of a picture and for whether it is drawn; the first takes 0.015 CPU
seconds, the second 0.001."""
DRAWN_FROM = 0.75
"""Share of pixels equal to their right neighbour. Photos have up to 0.4, of clear skies up to 0.7; screenshots and
line art 0.8 and more."""
MIXED_FROM, MIXED_DETAIL_FROM = 0.4, 0.5
"""The same share and bits a pixel as below from which a picture holds sharp edges on even ground, as a shaded drawing
does: skies are even, but have no detail."""
CALM_UP_TO = 1.3
"""Bits a pixel of a plain JPEG at quality 75, the median of photos of half a megapixel."""


def content_of(image: Image) -> Content:
    """Drawn, calm or busy."""
    piece = _piece(image, PIECE)
    flat = _flat(piece)
    detail = 8 * len(piece.jpegsave_buffer(Q=75, keep="none")) / (piece.width * piece.height)
    if flat >= DRAWN_FROM or (flat >= MIXED_FROM and detail >= MIXED_DETAIL_FROM):
        return Content.DRAWN
    return Content.CALM if detail <= CALM_UP_TO and image.width * image.height <= CALM_PIXELS else Content.BUSY


def is_drawn(image: Image) -> bool:
    """Even areas with sharp edges, as in a screenshot."""
    return _flat(_piece(image, SMALL_PIECE)) >= DRAWN_FROM


def _piece(image: Image, side: int) -> Image:
    wide, high = min(side, image.width), min(side, image.height)
    return image.crop((image.width - wide) // 2, (image.height - high) // 2, wide, high).copy_memory()


def _flat(piece: Image) -> float:
    """Share of pixels equal to their right neighbour, 0–1; 1 where none has one."""
    if piece.width < 2:
        return 1.0
    left, right = (piece.crop(start, 0, piece.width - 1, piece.height) for start in (0, 1))
    return float((left == right).bandand().avg()) / 255
