"""Bytes and CPU seconds of encoder options at an equal score: ``python -m tests.benchmarks.encoders --help``.

Every picture is encoded at a ladder of qualities by every contender in turn, and each result is scored
(``engine.similarity``). Between the steps of the ladder the logarithm of bytes and of seconds is interpolated, so that
contenders are compared at the same score. Figures are the geometric mean over pictures of the ratio to the first one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# They are read when the libraries are loaded: one thread each, as in our workers.
os.environ.update(dict.fromkeys(("VIPS_CONCURRENCY", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"))

import numpy as np
import pyvips

from engine.recompress import recompress_png
from engine.similarity import Reference
from tests.benchmarks.option_sets import LADDERS, OXIPNG, ROWS, SAVERS, SHARP, Row, sets
from tests.benchmarks.pairing import say, show
from tests.benchmarks.throughput import default_images, without_sharp

HERE = Path(__file__).resolve().parent
SCORES = (70.0, 75.0, 80.0, 85.0, 90.0)
"""Where contenders are compared; a picture counts where both reach the score within their ladders."""
LONG_EDGE = {"jpeg": 768, "webp": 768, "avif": 384, "png": 768}
"""Pixels of the scaled copies, so that all of a format is done in minutes; ``--full`` takes pictures as they are."""
EXTENSIONS = frozenset((".png", ".jpg", ".jpeg"))
LEAST_SIDE = 200
"""Pixels; smaller pictures are icons."""


@dataclass(frozen=True, slots=True)
class Step:
    """One encode."""

    score: float
    bytes: int
    seconds: float


Encode = Callable[[pyvips.Image, int | None], tuple[bytes, float]]
"""Picture and quality to the file and the CPU seconds it took."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A contender against the first, each a geometric mean over pictures (1 is equal)."""

    name: str
    bytes: float
    at: dict[float, float]
    """The ratio of bytes by score."""
    seconds: float
    """CPU, ratio."""
    seconds_per_megapixel: float
    score: float
    """Mean of all scores: whether the same qualities look the same."""
    pictures: int


def pictures(folder: Path, count: int, long_edge: int | None) -> list[pyvips.Image]:
    """RGB pictures of a folder in memory, evenly chosen, scaled down to ``long_edge`` pixels."""
    found = []
    for path in sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in EXTENSIONS):
        try:
            image = pyvips.Image.new_from_file(str(path))
            if image.bands < 3 or image.format != "uchar" or min(image.width, image.height) < LEAST_SIDE:
                continue
            image = image.flatten(background=255) if image.hasalpha() else image
            if long_edge and max(image.width, image.height) > long_edge:
                image = image.resize(long_edge / max(image.width, image.height))
            found.append(image.copy(interpretation="srgb").copy_memory())
        except pyvips.Error as error:
            say(f"{path.name}: {str(error).strip()}")
    step = max(1.0, len(found) / count)
    return [found[int(index * step)] for index in range(min(count, len(found)))]


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What a file decodes to: height × width × 3."""
    image = pyvips.Image.new_from_buffer(data, "")
    image = image.cast("uchar", shift=True) if image.format == "ushort" else image
    return np.asarray(image.extract_band(0, n=3).numpy(), np.uint8)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(format: str, options: Mapping[str, Any] | Row) -> Encode:
    """libvips' saver in this process, and choosing what it is told."""

    def encode(image: pyvips.Image, quality: int | None) -> tuple[bytes, float]:
        before = _cpu()
        how = options(image) if callable(options) else options
        asked = {} if quality is None else {"Q": quality}
        data: bytes = getattr(image, SAVERS[format])(keep="none", **how, **asked)
        return data, _cpu() - before

    return encode


def by_oxipng(level: int) -> Encode:
    """A PNG by libvips and then oxipng, in this process, as our encoder does it where oxipng is installed."""
    quickly = ours("png", {"compression": 1, "filter": "none"})

    def encode(image: pyvips.Image, quality: int | None) -> tuple[bytes, float]:
        data, seconds = quickly(image, quality)
        before = _cpu()
        return recompress_png(data, level), seconds + _cpu() - before

    return encode


class Sharp:
    """sharp in a Node process of its own."""

    def __init__(self, home: Path, folder: Path) -> None:
        command = ["node", str(HERE / "sharp_encoder.mjs"), "--sharp", str(home)]
        self.node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.raw, self.out = folder / "pixels", folder / "result"

    def encoder(self, format: str) -> Encode:
        """sharp's own method of that format."""

        def encode(image: pyvips.Image, quality: int | None) -> tuple[bytes, float]:
            self.raw.write_bytes(image.write_to_memory())
            options = dict(SHARP[format]) if quality is None else {**SHARP[format], "quality": quality}
            task = {"raw": str(self.raw), "width": image.width, "height": image.height, "out": str(self.out)}
            assert self.node.stdin is not None
            assert self.node.stdout is not None
            print(json.dumps({**task, "format": format, "options": options}), file=self.node.stdin, flush=True)
            answer = self.node.stdout.readline()
            if not answer:
                raise SystemExit("sharp gave up")
            return self.out.read_bytes(), float(json.loads(answer)["seconds"])

        return encode

    def close(self) -> None:
        """Let the process end."""
        assert self.node.stdin is not None
        self.node.stdin.close()
        self.node.wait()


Curves = dict[str, list[Step]]


def measure(image: pyvips.Image, contenders: Mapping[str, Encode], ladder: Sequence[int | None]) -> Curves:
    """All encodes of one picture, contenders in turns."""
    reference = Reference(np.asarray(image.numpy(), np.uint8))
    curves: Curves = {name: [] for name in contenders}
    names = list(contenders)
    for number, quality in enumerate(ladder):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            data, seconds = contenders[name](image, quality)
            curves[name].append(Step(reference.score(pixels(data)), len(data), seconds))
    return curves


def at(score: float, steps: Sequence[Step], value: Callable[[Step], float]) -> float | None:
    """The logarithm of a step's figure at ``score``, between two steps; None outside of them."""
    ordered = sorted(steps, key=lambda step: step.score)
    if not ordered[0].score <= score <= ordered[-1].score:
        return None
    logarithms = [math.log(max(value(step), 1e-6)) for step in ordered]
    return float(np.interp(score, [step.score for step in ordered], logarithms))


def ratios(steps: Sequence[Step], base: Sequence[Step], value: Callable[[Step], float]) -> dict[float, float]:
    """The logarithm of the ratio at each score that both reach; at no particular score when there is no ladder."""
    if len(steps) == 1:
        return {0.0: math.log(value(steps[0]) / value(base[0]))}
    pairs = {score: (at(score, steps, value), at(score, base, value)) for score in SCORES}
    return {score: one - other for score, (one, other) in pairs.items() if one is not None and other is not None}


def summarize(name: str, all_curves: Sequence[Curves], base: str, megapixels: Sequence[float]) -> Figures:
    """One contender over all pictures."""
    sizes = [ratios(curves[name], curves[base], lambda step: step.bytes) for curves in all_curves]
    times = [ratios(curves[name], curves[base], lambda step: step.seconds) for curves in all_curves]
    usable = [size for size in sizes if size]
    by_score = {score: [size[score] for size in usable if score in size] for score in SCORES}
    costs = [
        statistics.fmean(step.seconds for step in curves[name]) / area
        for curves, area in zip(all_curves, megapixels, strict=True)
    ]
    return Figures(
        name,
        _mean([statistics.fmean(size.values()) for size in usable]),
        {score: _mean(values) for score, values in by_score.items() if values},
        _mean([statistics.fmean(time.values()) for time in times if time]),
        statistics.median(costs),
        statistics.fmean(step.score for curves in all_curves for step in curves[name]),
        len(usable),
    )


def _mean(logarithms: Iterable[float]) -> float:
    values = list(logarithms)
    return math.exp(statistics.fmean(values)) if values else math.nan


def table(figures: Sequence[Figures], title: str) -> list[str]:
    """A Markdown table."""
    scores = [score for score in SCORES if any(score in one.at for one in figures)]
    heads = [title, "bytes", *(f"at {score:.0f}" for score in scores), "time", "s/MP", "score"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for one in figures:
        cells = [f"{one.bytes:.3f}", *(f"{one.at.get(score, math.nan):.3f}" for score in scores)]
        cells += [f"{one.seconds:.2f}", f"{one.seconds_per_megapixel:.3f}", f"{one.score:.1f}"]
        lines.append("| " + " | ".join([one.name, *cells]) + " |")
    return lines


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="encoders", description=__doc__)
    home = os.environ.get("IMGOPT_SHARP")
    parser.add_argument("--format", choices=SAVERS, nargs="+", default=list(SAVERS), help="default: all")
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR")
    parser.add_argument("--count", type=int, default=12, help="pictures, evenly chosen (default: 12)")
    parser.add_argument("--full", action="store_true", help="all pictures at their own size: hours for AVIF")
    parser.add_argument("--against-sharp", type=Path, nargs="?", const=Path(home) if home else Path(), metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="the first and those whose name contains a TEXT")
    parser.add_argument("--json", action="store_true", help="print one JSON line a format instead of the tables")
    return parser.parse_args()


def contenders_of(given: argparse.Namespace, format: str, sharp: Sharp | None) -> dict[str, Encode]:
    """By name; the first is what the others are compared with."""
    if sharp is not None:
        packed = {name: by_oxipng(level) for name, level in OXIPNG.items()} if format == "png" else {}
        rows = {name: ours(format, row) for name, row in ROWS[format].items()}
        return {"sharp": sharp.encoder(format), **rows, **packed}
    found = {name: ours(format, how) for name, how in sets(format).items()}
    if given.only:
        base = next(iter(found))
        found = {n: how for n, how in found.items() if n == base or any(text in n for text in given.only)}
    return found


def bench(given: argparse.Namespace, format: str, sharp: Sharp | None) -> None:
    """One format's table."""
    contenders = contenders_of(given, format, sharp)
    images = pictures(given.images, 10_000 if given.full else given.count, None if given.full else LONG_EDGE[format])
    if not images:
        raise SystemExit(f"{given.images}: no pictures of at least {LEAST_SIDE} pixels a side")
    curves = []
    for number, image in enumerate(images, 1):
        say(f"{format}: picture {number} of {len(images)}, {image.width} × {image.height}")
        curves.append(measure(image, contenders, LADDERS.get(format, (None,))))
    areas = [image.width * image.height / 1e6 for image in images]
    figures = [summarize(name, curves, next(iter(contenders)), areas) for name in contenders]
    title = f"{format}, {len(images)} pictures"
    values = {"format": format, "pictures": len(images), "figures": [_json(one) for one in figures]}
    show("encoders", values, table(figures, title), as_json=given.json)


def _json(one: Figures) -> dict[str, object]:
    return {
        "name": one.name,
        "bytes": one.bytes,
        "bytesAt": {f"{score:g}": ratio for score, ratio in one.at.items()},
        "seconds": one.seconds,
        "secondsPerMegapixel": one.seconds_per_megapixel,
        "score": one.score,
        "pictures": one.pictures,
    }


def main() -> None:
    given = parse()
    if given.against_sharp is not None and (reason := without_sharp(given.against_sharp)):
        raise SystemExit(f"sharp is not here: {reason}")
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as name:
        sharp = Sharp(given.against_sharp.resolve(), Path(name)) if given.against_sharp is not None else None
        try:
            for format in given.format:
                bench(given, format, sharp)
        finally:
            if sharp is not None:
                sharp.close()


if __name__ == "__main__":
    main()
