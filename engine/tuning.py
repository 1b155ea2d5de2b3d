"""Tuning one image: what the screen asks for and gets. Values and the seam alone; ``tuner.py`` does it.

    open ──▶ Subject ──▶ ladder / reach / compare ──▶ Rung, Rung, …     an encode with its bytes and its score
                                 └──▶ crop / difference ──▶ Pixels      a small piece of it, or of the source

All pixels are in a worker process of the tuner's own; encodes stay there, and what crosses is small. Positions and
sizes are pixels of the result: upright, and resized as the settings have it, so that source and encode lie one over
the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.formats import Format
from engine.quality import QualityTarget
from engine.settings import Settings

__all__ = ["LARGEST_CROP", "TUNABLE", "ImageTuner", "Pixels", "Rung", "Subject"]

TUNABLE = (Format.JPEG, Format.WEBP, Format.AVIF, Format.PNG)
"""The formats whose results have a quality; PNG below 100 is a palette."""
LARGEST_CROP = (320, 200)
"""Width and height in pixels of the largest ``Pixels`` that can be asked for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An image that can be tuned."""

    path: str
    format: Format
    """By its content."""
    width: int
    height: int
    """Pixels, upright."""
    bands: int
    """1 or 3 colours (4 for CMYK), plus 1 with transparency."""
    bytes: int
    """Of the file."""
    quality: int
    """Estimate of what it was made with, 1–100; 0 for a lossless one or when it is not known."""
    colour: str
    """A word or two on its colours: ``sRGB``, ``grey``, ``CMYK``, ``own profile``, ``sRGB 16 bit``."""
    target: Format
    """The format that the settings write."""
    result_width: int
    result_height: int
    """Pixels of the result, upright: the image's own, or as resized. Encodes and scores are of all of them; a sample
    of the picture would be off by a point or two."""

    @property
    def sample(self) -> str:
        """What is encoded and scored, in words."""
        resized = (self.result_width, self.result_height) != (self.width, self.height)
        return f"resized to {self.result_width}x{self.result_height}" if resized else "full image"


@dataclass(frozen=True, slots=True)
class Rung:
    """One encode of the image, exactly as a run would make it; or why there is none."""

    format: Format
    quality: int
    """1–100 as handed to the encoder; 0 where there is no encode."""
    bytes: int = 0
    """Of the whole file; 0 where there is no encode."""
    score: float | None = None
    """How much it looks like the source (``engine.similarity``), up to 100."""
    worst: float | None = None
    """The lowest score of a place of the picture, and where that begins in pixels."""
    left: int = 0
    top: int = 0
    seconds: float = 0.0
    """CPU time of the encode alone."""
    effort: str = ""
    full_chroma: bool = False
    """JPEG in 4:4:4, WebP with its sharper subsampling."""
    lossless: bool = False
    note: str = ""
    """What is special about it: ``larger``, ``lossless``, ``4:4:4``, what a run would do instead, what it misses of a
    target, or why there is no encode."""

    @property
    def made(self) -> bool:
        """Whether there is an encode."""
        return self.bytes > 0


@dataclass(frozen=True, slots=True)
class Pixels:
    """A piece of a picture."""

    left: int
    top: int
    """Where it begins in the picture, in the picture's pixels."""
    width: int
    height: int
    """Of ``rgb``, in its own pixels."""
    zoom: float
    """Pixels of ``rgb`` a side for each one of the picture: 1, 2, 4 … or ½, ¼ …"""
    rgb: bytes
    """Rows from the top, three bytes of sRGB each pixel; transparency on white."""


class ImageTuner(Protocol):
    """One image at a time. Everything raises TuningError with a sentence; after it the next request may succeed."""

    @property
    def subject(self) -> Subject | None:
        """The image that was opened last."""

    async def open(self, path: str, settings: Settings) -> Subject:
        """Take another image, or the same with other settings. What was measured of it before is still known while
        neither changes."""

    def ladder(self, format: Format, qualities: Sequence[int]) -> AsyncGenerator[Rung, None]:
        """A rung for each quality: those known first, then the cheapest first. Leave the loop, close the iterator or
        cancel the task to stop it; another ``ladder``, ``reach`` or ``compare`` ends it (no more rungs, no error)."""

    async def reach(
        self, target: QualityTarget, format: Format, probed: Callable[[Rung], None] | None = None
    ) -> Rung | None:
        """The rung that a run with this target writes: the smallest found that reaches it, else the best with what it
        misses in its note. ``probed`` gets each rung on the way. None when another request took its place."""

    def compare(self, target: QualityTarget, formats: Sequence[Format]) -> AsyncGenerator[Rung, None]:
        """``reach`` for each format, one after the other; a format that cannot hold the image gives a rung with the
        reason and no bytes."""

    def known(self, format: Format) -> tuple[Rung, ...]:
        """The rungs of the opened image measured so far, by quality."""

    async def crop(self, rung: Rung | None, left: int, top: int, width: int, height: int, zoom: float = 1) -> Pixels:
        """``width`` × ``height`` pixels (at most ``LARGEST_CROP``) of the source, or of ``rung`` decoded again, from
        ``left``, ``top`` on at ``zoom``; moved into the picture, smaller where that is. Does not end a ladder."""

    async def difference(
        self, rung: Rung, left: int, top: int, width: int, height: int, zoom: float = 1, gain: int = 8
    ) -> Pixels:
        """How far each colour of ``rung`` is from the source's there, times ``gain``: black where they are equal."""

    async def close(self) -> None:
        """End the worker."""
