"""Makes the sources of a benchmark, in a process of its own: JPEG, quality 95, cut and scaled from real photos.

    python -m tests.benchmarks.photos --from DIR --to DIR [--count 150] [--thumbnails]

Photos of 1 to 2.5 megapixels, or thumbnails of 96 to 256 pixels on the long edge; no two are alike.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pyvips

SHAPES = ((3, 2), (4, 3), (1, 1), (2, 3), (3, 4), (16, 9))
"""Width to height."""
EXTENSIONS = frozenset((".png", ".jpg", ".jpeg"))
LEAST_SIDE = 256
"""Pixels; smaller images are icons, not photos."""


def load(folder: Path) -> list[pyvips.Image]:
    """The opaque colour images of a folder, at most 30."""
    found: list[pyvips.Image] = []
    for path in sorted(entry for entry in folder.rglob("*") if entry.suffix.lower() in EXTENSIONS):
        try:
            image = pyvips.Image.new_from_file(str(path))
            usable = image.bands == 3 and image.format == "uchar" and min(image.width, image.height) >= LEAST_SIDE
            if usable and not image.get_typeof("icc-profile-data"):
                found.append(image.copy_memory())
        except pyvips.Error:
            continue
        if len(found) == 30:
            break
    return found


def cut(source: pyvips.Image, random: Random, *, thumbnail: bool) -> pyvips.Image:
    """A random crop of at least half of the source's side, scaled to a random size."""
    across, down = random.choice(SHAPES)
    unit = min(source.width / across, source.height / down) * random.uniform(0.5, 1.0)
    width, height = round(unit * across), round(unit * down)
    left, top = random.randint(0, source.width - width), random.randint(0, source.height - height)
    piece = source.crop(left, top, width, height)
    if thumbnail:
        return piece.resize(random.randint(96, 256) / max(width, height))
    return piece.resize((random.uniform(1.0e6, 2.5e6) / (width * height)) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(prog="photos")
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--to", dest="target", type=Path, required=True)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--thumbnails", action="store_true")
    given = parser.parse_args()
    sources = load(given.source)
    if not sources:
        raise SystemExit(f"{given.source}: no photos there")
    given.target.mkdir(parents=True)

    def make(index: int) -> None:
        random = Random(index)
        image = cut(sources[index % len(sources)], random, thumbnail=given.thumbnails)
        path = given.target / f"photo-{index:05}.jpg"
        image.jpegsave(str(path), Q=95, subsample_mode="on", optimize_coding=False, keep="none")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(make, range(given.count)):
            pass


if __name__ == "__main__":
    main()
