"""What the built-in presets give: bytes, scores and time over pictures of your own.

    python -m tests.benchmarks.presets --from DIR [DIR…] [--count 12] [--side 900] [--presets web,archive,thumbnails]
                                       [--formats jpeg,webp,avif] [--options "--effort fast"]

Sources are the pictures of the folders as ``target`` prepares them. A line is one run with a preset in one format:
bytes against the sources, the mean and the lowest score measured from the written files, images whose result says that
it is below the score the preset asks for, and seconds. Results of another size than their source are not scored.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from engine.similarity import Reference
from engine.stock_presets import STOCK
from tests.benchmarks.target_runs import pixels, prepare, run

TITLE = f"{'preset':12}{'format':8}{'bytes':>10}{'share':>8}{'score mean':>12}{'lowest':>8}{'missed':>8}{'seconds':>9}"


def line(place: Path, preset: str, format: str, options: list[str]) -> str:
    """Run and measure one preset."""
    with tempfile.TemporaryDirectory(dir=place) as output:
        done = run(place / "in", Path(output) / "out", "--preset", preset, "--format", format, *options)
        scores = []
        for name, result in done.results.items():
            before, after = pixels(place / "in" / name), pixels(Path(result["optimized_path"]))
            if before.shape == after.shape:
                scores.append(Reference(before).score(after))
    whole = sum(result["original_size"] for result in done.results.values())
    missed = sum(bool(result["reason"]) for result in done.results.values())
    shown = f"{mean(scores):12.1f}{min(scores):8.1f}" if scores else f"{'-':>12}{'-':>8}"
    share = f"{done.size / whole:8.3f}"
    return f"{preset:12}{format:8}{done.size:10}{share}{shown}{missed:8}{done.seconds:9.1f}"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folders", nargs="+", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--side", type=int, default=900)
    parser.add_argument("--presets", default=",".join(preset.name for preset in STOCK))
    parser.add_argument("--formats", default="jpeg,webp,avif")
    parser.add_argument("--options", type=shlex.split, default=[])
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="imgopt-presets-") as folder:
        place = Path(folder)
        (place / "in").mkdir()
        prepare(given.folders, place / "in", given.count, given.side)
        print(TITLE)
        for preset in given.presets.split(","):
            for format in given.formats.split(","):
                print(line(place, preset, format, given.options), flush=True)


if __name__ == "__main__":
    main()
