"""``imgopt-tui bench``: what this machine gets through, by format and effort, and by number of workers."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import monitor
from engine.efforts import Effort
from engine.errors import PlanError
from engine.report import human_bytes
from engine.settings import Settings
from engine.speed import Rate, Speed, recommended
from tui.run_output import StatusLine, put, put_json, tell
from tui.text import count, escape

__all__ = ["bench"]

EXIT_FAILED = 1
EXIT_NOTHING = 3
OWN = Path(__file__).parent / "demo_images"
"""Photos of 0.4 megapixels that come with the program."""
FORMATS = ("jpeg", "webp", "avif", "png")


@dataclass(frozen=True, slots=True)
class _Found:
    """All that was measured."""

    images: int
    bytes: int
    rates: tuple[Rate, ...]
    """By format and effort, with the workers a run would have."""
    scaling: tuple[Rate, ...]
    """By number of workers."""
    wanted: int

    def record(self) -> dict[str, object]:
        """For programs."""
        plain = {"cpus": monitor.usable_cpus(), "images": self.images, "bytes": self.bytes}
        best = {"defaultWorkers": self.wanted, "recommendedWorkers": recommended(self.scaling)}
        lines = {"rates": [_record(rate) for rate in self.rates], "scaling": [_record(rate) for rate in self.scaling]}
        return {**plain, **best, **lines}


def bench(paths: Sequence[str], settings: Settings, *, seconds: float, as_json: bool, quiet: bool) -> int:
    """Measure and print; returns the exit code. Raises PlanError and PoolError."""
    if settings.lossless and not paths:
        raise PlanError("--lossless keeps the format of each image: name a folder of yours to measure it on")
    roots = list(paths) or [str(path) for path in sorted(OWN.glob("*.jpg"))]
    formats = FORMATS if not paths and settings.format == "original" else (settings.format,)
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as folder:
        speed = Speed(roots, settings, os.path.join(folder, "out"), seconds)
        found = asyncio.run(_measure(speed, formats, StatusLine(on=not quiet)))
    if not found.images:
        tell("no images were found")
        return EXIT_NOTHING
    if as_json:
        put_json(found.record())
    else:
        put("\n".join(_text(found, own=not paths)))
    if not recommended(found.scaling):
        tell("not one image could be done: nothing was measured")
        return EXIT_FAILED
    return 0


async def _measure(speed: Speed, formats: Sequence[str], line: StatusLine) -> _Found:
    efforts = (speed.settings.effort,) if speed.settings.lossless else tuple(Effort)
    rates: list[Rate] = []
    scaling: list[Rate] = []
    async with speed:
        if speed.images:
            for format in formats:
                for effort in efforts:
                    line.show(f"{format}, {effort} …")
                    rates.append(await speed.measure(format, effort, speed.wanted))
            for workers in reversed(speed.counts):  # fewer each time: ending a worker takes no time
                line.show(f"{count(workers, 'worker')} …")
                scaling.insert(0, await speed.measure(formats[0], speed.settings.effort, workers))
        line.clear()
        return _Found(len(speed.images), speed.bytes, tuple(rates), tuple(scaling), speed.wanted)


def _record(rate: Rate) -> dict[str, object]:
    per_second = {
        "imagesPerSecond": round(rate.images_per_second, 3),
        "megapixelsPerSecond": round(rate.megapixels_per_second, 3),
    }
    return {**{name: value for name, value in asdict(rate).items() if name != "seconds"}, **per_second}


def _text(found: _Found, *, own: bool) -> list[str]:
    whose = "of the program's own photos" if own else "of yours"
    lines = [
        f"{monitor.usable_cpus():g} CPUs, {found.images} {whose}, {human_bytes(found.bytes)}; nothing is written",
        "",
    ]
    lines.append(f"{'format':<10}{'effort':<10}{'workers':>7}{'images/s':>12}{'MP/s':>10}")
    lines += [f"{rate.format:<10}{rate.effort:<10}{_figures(rate)}" for rate in found.rates]
    one = found.scaling[0].megapixels_per_second
    lines += ["", f"{'format':<10}{'effort':<10}{'workers':>7}{'images/s':>12}{'MP/s':>10}{'to 1 worker':>14}"]
    for rate in found.scaling:
        times = f"{rate.megapixels_per_second / one:>13.2f}x" if one else ""
        lines.append(f"{rate.format:<10}{rate.effort:<10}{_figures(rate)}{times}")
    if best := recommended(found.scaling):
        more = ": more workers gain less than 3 %" if best < found.scaling[-1].workers else ""
        lines += ["", f"recommended: -j {best}{more} (a run has {found.wanted} by itself)"]
    return lines


def _figures(rate: Rate) -> str:
    if rate.reason:
        return f"{rate.workers:>7}  {escape(rate.reason)}"
    return f"{rate.workers:>7}{rate.images_per_second:>12.1f}{rate.megapixels_per_second:>10.1f}"
