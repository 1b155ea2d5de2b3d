"""Small trees of pictures that differ so much that none can be taken for another, each a few kB in size."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FORMATS = ("jpg", "png", "webp", "jpg", "gif", "png", "tif", "jpg")
WIDTH, HEIGHT = 96, 72
YEAR_2001_NS = 978_307_200 * 10**9
MODES = (0o640, 0o644, 0o600)
_MAKE = f"""
import random
import sys

import pyvips

folder, count = sys.argv[1], int(sys.argv[2])
formats = {FORMATS!r}
for number in range(count):
    chance = random.Random(number)
    colours = bytes(chance.randrange(256) for _ in range(4 * 3 * 3))
    blocks = pyvips.Image.new_from_memory(colours, 4, 3, 3, "uchar").resize({WIDTH} / 4, kernel="linear")
    noise = pyvips.Image.gaussnoise({WIDTH}, {HEIGHT}, sigma=3, seed=number)
    picture = (blocks + noise).cast("uchar").copy(interpretation="srgb")
    extension = formats[number % len(formats)]
    options = {{"jpg": {{"Q": 97}}, "webp": {{"Q": 97}}, "png": {{"compression": 1}}}}.get(extension, {{}})
    picture.write_to_file(f"{{folder}}/p{{number:03}}.{{extension}}", **options)
"""


def make_samples(folder: Path, count: int) -> list[Path]:
    """``count`` pictures, made by libvips in another process."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-W", "ignore", "-c", _MAKE, str(folder), str(count)], check=True)
    return sorted(folder.iterdir())


def plant(samples: list[Path], root: Path) -> Path:
    """A fresh tree of copies, in two folders, with modes and times of their own; what was at ``root`` goes."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "below").mkdir(parents=True)
    for number, sample in enumerate(samples):
        path = root / sample.name if number < 2 * len(samples) // 3 else root / "below" / sample.name
        shutil.copyfile(sample, path)
        path.chmod(MODES[number % len(MODES)])
        os.utime(path, ns=(YEAR_2001_NS, YEAR_2001_NS + number * 10**9 + 7))
    return root
