"""Makes the demo's tree of images: ``python -m tui.demo_maker FOLDER [--count 300] [--seed 1]``.

A process of its own, because it imports pyvips. Every image is a crop of one of ``demo_images``, scaled: the n-th one
depends on the seed and on n alone, so the tree is the same each time, in whatever order the images are made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyvips

from engine.monitor import usable_cpus

__all__ = ["main"]

SOURCES = Path(__file__).with_name("demo_images")
SHORTEST, LONGEST = 300, 1600
"""Long edge of the images made, in pixels; GIFs are smaller."""
SMALLEST_CROP = 0.45
"""Of the source's width and height."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of image in the tree."""

    name: str
    """Path below the folder; ``{}`` is the image's number within its kind."""
    sources: tuple[str, ...]
    share: int
    """Of 100 images."""
    longest: int = LONGEST
    """Long edge at most; less for what is slow to encode."""


KINDS = (
    Kind("Holiday/Harbour/IMG_{:04}.jpg", ("sailboats.jpg", "harbour.jpg", "lighthouse.jpg"), 34),
    Kind("Holiday/Garden/DSC{:05}.jpg", ("hibiscus.jpg", "parrots.jpg"), 22),
    Kind("Shop/caps-{:03}.webp", ("caps.jpg",), 14, 1200),
    Kind("Shop/Originals/cap {:03}.png", ("caps.jpg", "parrots.jpg"), 6, 700),
    Kind("Website/graph-{:02}.png", ("graph.png",), 12),
    Kind("Website/icons/strokes-{:02}.png", ("strokes.png",), 10, 1000),
    Kind("Website/icons/icecream-{}.gif", ("icecream.gif",), 2),
)
SAVE: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("jpegsave", {"Q": 95, "optimize_coding": False, "keep": "none"}),
    ".png": ("pngsave", {"compression": 2, "filter": "sub", "keep": "none"}),
    ".webp": ("webpsave", {"Q": 92, "effort": 0, "keep": "none"}),
    ".gif": ("gifsave", {"reuse": True, "dither": 0.0, "effort": 1, "keep": "none"}),
}
"""The cheapest way to write each format."""


def plan(count: int) -> list[tuple[Kind, int]]:
    """Which kind each of ``count`` images is, and its number within the kind, from 1; shares are kept throughout."""
    made = dict.fromkeys(KINDS, 0)
    planned: list[tuple[Kind, int]] = []
    for total in range(1, count + 1):
        kind = max(KINDS, key=lambda kind: kind.share * total / 100 - made[kind])
        made[kind] += 1
        planned.append((kind, made[kind]))
    return planned


def _load(name: str) -> pyvips.Image:
    pages = {"n": -1} if name.endswith(".gif") else {}
    return pyvips.Image.new_from_file(str(SOURCES / name), **pages).copy_memory()


def _vary(image: pyvips.Image, random: Random, longest: int) -> pyvips.Image:
    """A crop of a still, scaled to a long edge between SHORTEST and ``longest``, small ones as likely as large ones."""
    width = round(image.width * random.uniform(SMALLEST_CROP, 1.0))
    height = round(image.height * random.uniform(SMALLEST_CROP, 1.0))
    left, top = random.randint(0, image.width - width), random.randint(0, image.height - height)
    edge = SHORTEST * (longest / SHORTEST) ** random.random()
    return image.crop(left, top, width, height).resize(edge / max(width, height), kernel="linear")


def _vary_animation(image: pyvips.Image, random: Random, number: int) -> pyvips.Image:
    """All frames two to four times as large, and slower by 10 ms a number, so that no two are alike."""
    factor = random.randint(2, 4)
    tall = image.zoom(factor, factor).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", image.get("page-height") * factor)
    tall.set_type(pyvips.GValue.array_int_type, "delay", [delay + 10 * number for delay in image.get("delay")])
    return tall.copy_memory()


def _maker(folder: Path, seed: int) -> Callable[[tuple[int, tuple[Kind, int]]], None]:
    sources = {name: _load(name) for kind in KINDS for name in kind.sources}

    def make(entry: tuple[int, tuple[Kind, int]]) -> None:
        index, (kind, number) = entry
        random = Random(f"{seed} {index}")
        source = sources[random.choice(kind.sources)]
        path = folder / kind.name.format(number)
        animated = path.suffix == ".gif"
        image = _vary_animation(source, random, number) if animated else _vary(source, random, kind.longest)
        saver, options = SAVE[path.suffix]
        path.parent.mkdir(parents=True, exist_ok=True)
        getattr(image, saver)(str(path), **options)

    return make


def main() -> int:
    """Make the tree; the exit code is 1, with a sentence on stderr, when it cannot be written."""
    parser = argparse.ArgumentParser(prog="tui.demo_maker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    pyvips.cache_set_max(0)
    try:
        make = _maker(given.folder, given.seed)
        with ThreadPoolExecutor(max(1, round(usable_cpus()))) as pool:
            for _ in pool.map(make, enumerate(plan(given.count))):
                pass
    except pyvips.Error as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
