"""A tuner without a worker: qualities score by a straight line, pieces are gradients, and measuring waits when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from engine.errors import TuningError
from engine.formats import Format
from engine.quality import QualityTarget
from engine.settings import Settings
from engine.tuning import Pixels, Rung, Subject

SIZE = 8_100_000


@dataclass
class FakeTuner:
    """Answers at once, unless ``gate`` is cleared."""

    refused: str = ""
    """A sentence instead of opening."""
    target: Format = Format.JPEG
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    closed: bool = False
    subject: Subject | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def open(self, path: str, settings: Settings) -> Subject:
        self.asked.append(("open", path))
        if self.refused:
            raise TuningError(self.refused)
        format = Format.PNG if path.endswith(".png") else Format.JPEG
        target = self.target if settings.format == "original" else Format(settings.format)
        target = format if format is Format.PNG and settings.format == "original" else target
        self.subject = Subject(path, format, 6000, 4000, 3, SIZE, 92, "sRGB", target, 6000, 4000)
        return self.subject

    def rung(self, format: Format, quality: int) -> Rung:
        if format is Format.AVIF and quality > 90:
            return Rung(format, 0, note="AVIF cannot hold this")
        size = int(SIZE * (quality / 100) ** 2 * {Format.JPEG: 1.2, Format.WEBP: 0.9}.get(format, 0.6))
        score = {Format.JPEG: 40.25, Format.WEBP: 38.25}.get(format, 52.25) + quality / 2
        note = "larger" if size > SIZE else ""
        return Rung(format, quality, size, score, score - 9, 640, 1280, quality / 200, "balanced", note=note)

    async def ladder(self, format: Format, qualities: Sequence[int]) -> AsyncIterator[Rung]:
        for quality in qualities:
            self.asked.append(("ladder", format, quality))
            await self.gate.wait()
            yield self.rung(format, quality)

    async def reach(
        self, target: QualityTarget, format: Format, probed: Callable[[Rung], None] | None = None
    ) -> Rung | None:
        self.asked.append(("reach", format, target.score))
        await self.gate.wait()
        for quality in range(1, 101):
            rung = self.rung(format, quality)
            if rung.score is not None and rung.score >= target.score:
                return rung
        return Rung(format, 99, SIZE, 89.9, 80.0, note=f"cannot reach {target.score:.0f}")

    async def compare(self, target: QualityTarget, formats: Sequence[Format]) -> AsyncIterator[Rung]:
        for format in formats:
            rung = await self.reach(target, format)
            assert rung is not None
            yield rung

    def known(self, format: Format) -> tuple[Rung, ...]:
        return ()

    async def crop(self, rung: Rung | None, left: int, top: int, width: int, height: int, zoom: float = 1) -> Pixels:
        self.asked.append(("crop", rung.quality if rung else "original", left, top, width, height, zoom))
        await asyncio.sleep(0)
        shade = rung.quality if rung else 200
        rows = (bytes((x * 255 // width, y * 255 // height, shade)) for y in range(height) for x in range(width))
        return Pixels(left, top, width, height, zoom, b"".join(rows))

    async def difference(
        self, rung: Rung, left: int, top: int, width: int, height: int, zoom: float = 1, gain: int = 8
    ) -> Pixels:
        self.asked.append(("difference", rung.quality, left, top))
        await asyncio.sleep(0)
        return Pixels(left, top, width, height, zoom, bytes(3 * width * height))

    async def close(self) -> None:
        self.closed = True
