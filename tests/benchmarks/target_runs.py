"""What the benchmarks of scores are made of: sources cut from real pictures, runs of the program, scores of files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from pyvips import Image

from engine.similarity import Reference

__all__ = ["ROOT", "Done", "cpu_of", "pixels", "prepare", "run"]

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".webp"))
LEAST_SIDE = 200
"""Pixels; smaller pictures are icons."""


def _usable(folder: Path) -> list[tuple[Path, Image]]:
    found: list[tuple[Path, Image]] = []
    for path in sorted(entry for entry in folder.rglob("*") if entry.suffix.lower() in EXTENSIONS):
        try:
            image = Image.new_from_file(str(path)).autorot()
            if image.format != "uchar" or min(image.width, image.height) < LEAST_SIDE:
                continue
            image = image.colourspace("srgb") if image.bands < 3 else image
            image = image.flatten(background=255) if image.hasalpha() else image
            found.append((path, image))
        except pyvips.Error:
            continue
    return found


def spread(found: Sequence[Any], count: int) -> list[Any]:
    """``count`` of them, evenly chosen; 0: all."""
    return list(found) if not count else [found[at * len(found) // count] for at in range(min(count, len(found)))]


def prepare(folders: Sequence[Path | tuple[Path, int]], target: Path, count: int, side: int) -> list[Path]:
    """Sources in ``target``: ``count`` (0: all) spread evenly over what the folders hold, the middle of each of at most
    ``side`` pixels a side (0: whole). A folder with a number gives as many. Names begin with the folder's
    number, from 0."""
    found: list[tuple[int, Path, Image]] = []
    for number, folder in enumerate(folders):
        path, most = folder if isinstance(folder, tuple) else (folder, 0)
        found += ((number, *each) for each in spread(_usable(path), most))
    made = []
    for number, (folder_number, path, image) in enumerate(spread(found, count)):
        wide, high = (min(side or size, size) for size in (image.width, image.height))
        piece = image.crop((image.width - wide) // 2, (image.height - high) // 2, wide, high)
        made.append(target / f"{folder_number}-{number:03}-{path.stem[:40]}.png")
        piece.pngsave(str(made[-1]), keep="none", compression=1)
    return made


def pixels(path: Path) -> Any:
    """8 bits of red, green and blue."""
    image = Image.new_from_file(str(path))
    if image.format == "ushort":
        image = ((image + 128) / 256).cast("uchar").copy(interpretation="srgb")
    return np.asarray(image.numpy(), np.uint8)


@dataclass(frozen=True, slots=True)
class Done:
    """A run's results by source, and its time."""

    results: dict[str, dict[str, Any]]
    seconds: float
    """On the clock, from start to end."""
    cpu: float
    """CPU seconds of the run and its workers."""

    @property
    def size(self) -> int:
        return sum(result["optimized_size"] for result in self.results.values())

    def scores(self, references: Callable[[str], Reference]) -> dict[str, float]:
        """Measured from the files."""
        return {
            name: references(name).score(pixels(Path(result["optimized_path"])))
            for name, result in self.results.items()
        }


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_of(command: Sequence[str], environment: dict[str, str] | None = None) -> tuple[str, float]:
    """What a command printed, and the CPU seconds of it and its children."""
    before = _children()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout, _children() - before


def run(source: Path, output: Path, *options: str) -> Done:
    """``imgopt-tui run`` to the end, in its own state folder."""
    words = [sys.executable, "-m", "tui", "run", str(source), "-o", str(output), "--json", "--remember", "none"]
    environment = {**os.environ, "XDG_STATE_HOME": str(output.parent / "state"), "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    text, cpu = cpu_of([*words, *options], environment)
    results = {Path(one["original_path"]).name: one for one in json.loads(text)["results"]}
    return Done(results, time.monotonic() - started, cpu)
