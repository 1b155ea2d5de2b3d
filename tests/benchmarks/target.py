"""What ``--target-quality`` gives: scores measured again from the written files, encodes, overshoot, bytes, time.

    python -m tests.benchmarks.target --from DIR [DIR…] [--count 6 | --all] [--formats jpeg,webp,avif] [--score 80]
                                      [--side 900] [--ladder] [--sharp DIR] [--effort balanced]

Sources are the pictures of the folders, as PNG without transparency, pieces of at most SIDE pixels a side (0: whole).
The table says for each format: files below the score, mean and largest overshoot, encodes, the time in plain encodes,
and the bytes against the fixed quality at which the worst picture still reaches the score. ``--ladder`` finds the
smallest sufficient quality of every picture one by one, ``--sharp`` (a folder whose ``node_modules`` holds it) runs
sharp at quality 80 and a run that reaches the worst score sharp made; that one's time has its start in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyvips
from pyvips import Image

from engine.similarity import Reference

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".webp"))
LEAST_SIDE = 200
LEEWAY = 0.02
"""Score that another way to decode may cost."""


def prepare(folders: list[Path], target: Path, count: int, side: int) -> list[Path]:
    """Sources in ``target``, spread evenly over what the folders hold."""
    found: list[tuple[Path, Image]] = []
    for path in sorted(
        entry for folder in folders for entry in folder.rglob("*") if entry.suffix.lower() in EXTENSIONS
    ):
        try:
            image = Image.new_from_file(str(path)).autorot()
            if image.format != "uchar" or min(image.width, image.height) < LEAST_SIDE:
                continue
            image = image.colourspace("srgb") if image.bands < 3 else image
            image = image.flatten(background=255) if image.hasalpha() else image
            found.append((path, image))
        except pyvips.Error:
            continue
    chosen = found if not count else [found[at * len(found) // count] for at in range(min(count, len(found)))]
    made = []
    for number, (path, image) in enumerate(chosen):
        wide, high = (min(side or size, size) for size in (image.width, image.height))
        piece = image.crop((image.width - wide) // 2, (image.height - high) // 2, wide, high)
        made.append(target / f"{number:03}-{path.stem[:40]}.png")
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

    @property
    def size(self) -> int:
        return sum(result["optimized_size"] for result in self.results.values())

    def scores(self, references: Callable[[str], Reference]) -> dict[str, float]:
        """Measured from the files."""
        return {
            name: references(name).score(pixels(Path(result["optimized_path"])))
            for name, result in self.results.items()
        }


def run(source: Path, output: Path, *options: str) -> Done:
    """``imgopt-tui run`` to the end, in its own state folder."""
    words = [sys.executable, "-m", "tui", "run", str(source), "-o", str(output), "--json", "--remember", "none"]
    environment = {**os.environ, "XDG_STATE_HOME": str(output.parent / "state"), "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    done = subprocess.run([*words, *options], env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    value = json.loads(done.stdout)
    results = {Path(one["original_path"]).name: one for one in value["results"]}
    return Done(results, time.monotonic() - started)


class Bench:
    """The sources, and what is measured of them."""

    def __init__(self, place: Path, sources: list[Path], score: int, effort: str) -> None:
        self.place, self.sources, self.score, self.effort = place, sources, score, effort
        self._runs = 0

    def reference(self, name: str) -> Reference:
        return Reference(pixels(self.place / "in" / name))

    def run(self, format: str, *options: str) -> Done:
        self._runs += 1
        output = self.place / f"out{self._runs}"
        return run(self.place / "in", output, "--format", format, "--effort", self.effort, *options)

    def row(self, format: str, *, ladder: bool) -> list[str]:
        """One line of the table."""
        done = self.run(format, "--target-quality", str(self.score))
        scores = done.scores(self.reference)
        aimed = {name: one for name, one in done.results.items() if not one["reason"] and one.get("quality")}
        over = [scores[name] - self.score for name in aimed]
        below = sum(value < -LEEWAY for value in over)
        encodes = [one["encodes"] for one in done.results.values() if "encodes" in one]
        highest = max((one["quality"] for one in aimed.values()), default=100)
        fixed = self.run(format, f"--quality-{format}", str(highest))
        names = list(aimed)
        saved = 1 - self._bytes(done, names) / self._bytes(fixed, names) if names else 0.0
        best = self._against_best(format, done, names) if ladder else "-"
        return [
            format,
            str(len(done.results)),
            str(below),
            str(len(done.results) - len(aimed)),
            f"{mean(over):.2f} / {max(over):.2f}" if over else "-",
            f"{mean(encodes):.2f} / {max(encodes)}" if encodes else "-",
            f"{done.seconds / fixed.seconds:.1f}",
            f"{100 * saved:.1f} % of q{highest}",
            best,
        ]

    @staticmethod
    def _bytes(done: Done, names: list[str]) -> int:
        return sum(done.results[name]["optimized_size"] for name in names)

    def _against_best(self, format: str, done: Done, names: list[str]) -> str:
        """Bytes above those of the smallest quality that is enough, tried downward one by one for up to 4 steps."""
        wanted = dict.fromkeys(names, 0)
        smallest = {name: done.results[name]["optimized_size"] for name in names}
        for step in range(1, 5):
            for quality in sorted({done.results[name]["quality"] - step for name in names}):
                those = [name for name in names if done.results[name]["quality"] - step == quality]
                lower = self.run(format, "--target-quality", str(self.score), *_exactly(quality))
                for name in those:
                    one = lower.results[name]
                    if not one["reason"] and one["optimized_size"] < smallest[name]:
                        smallest[name], wanted[name] = one["optimized_size"], step
        total = sum(smallest.values())
        return f"+{100 * (self._bytes(done, names) / total - 1):.2f} %, {sum(map(bool, wanted.values()))} files"

    def sharp(self, format: str, folder: Path) -> list[str]:
        """sharp at quality 80 beside a run that reaches the worst score it made."""
        output = self.place / f"sharp-{format}"
        script = str(ROOT / "tests" / "benchmarks" / "sharp_batch.mjs")
        places = ["--in", str(self.place / "in"), "--out", str(output)]
        words = ["node", script, "--sharp", str(folder), *places, "--format", format, "--quality", "80"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        seconds = json.loads(done.stdout)["seconds"]
        files = {path.stem: path for path in output.iterdir()}
        scores = [self.reference(source.name).score(pixels(files[source.stem])) for source in self.sources]
        size = sum(path.stat().st_size for path in files.values())
        ours = self.run(format, "--target-quality", str(max(30, math.floor(min(scores)))))
        worst = min(ours.scores(self.reference).values())
        return [
            format,
            f"sharp q80: {size} B, worst {min(scores):.1f}, {seconds:.1f} s",
            f"ours: {ours.size} B, worst {worst:.1f}, {ours.seconds:.1f} s",
            f"{ours.size / size:.2f} × bytes, {ours.seconds / seconds:.2f} × time",
        ]


def _exactly(quality: int) -> list[str]:
    return ["--min-quality", str(max(1, quality)), "--max-quality", str(max(1, quality))]


HEAD = (
    "format",
    "files",
    "below",
    "not aimed",
    "overshoot mean / max",
    "encodes mean / max",
    "plain runs",
    "bytes saved",
    "above the best",
)


def table(rows: list[list[str]]) -> str:
    """Columns as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="target")
    parser.add_argument("--from", dest="folders", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--formats", default="jpeg,webp,avif")
    parser.add_argument("--score", type=int, default=80)
    parser.add_argument("--side", type=int, default=900)
    parser.add_argument("--effort", default="balanced")
    parser.add_argument("--ladder", action="store_true")
    parser.add_argument("--sharp", type=Path, help="the folder whose node_modules holds sharp")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "in").mkdir()
        sources = prepare(given.folders, place / "in", 0 if given.all else given.count, given.side)
        if not sources:
            raise SystemExit("no pictures there")
        bench = Bench(place, sources, given.score, given.effort)
        formats = given.formats.split(",")
        print(table([list(HEAD), *(bench.row(format, ladder=given.ladder) for format in formats)]), flush=True)
        if given.sharp:
            print(table([bench.sharp(format, given.sharp) for format in formats]))


if __name__ == "__main__":
    main()
