"""What ``--target-quality`` gives, against its goals: scores measured again from the written files.

    python -m tests.benchmarks.target [--from DIR[:N]…] [--count 6 | --all] [--formats jpeg,webp,avif] [--score 80]
                                      [--side 900] [--effort balanced] [--ladder] [--sharp DIR] [--json]

Sources are the pictures of the folders (of a folder with a number, so many), as PNG without transparency, pieces of at
most SIDE pixels a side (0: whole). ``--all`` is the whole table: all of them, with ``--ladder``, which tries up to four
qualities below the one chosen for every picture, and with sharp where $IMGOPT_SHARP or ``--sharp`` names the folder
whose ``node_modules`` holds it: pictures of the first folder at quality 80, beside runs that reach the worst score of
these.
How far scores are above is told of files that have not the least quality a search tries.
Time is CPU time of all processes of a run, less that of the same run over four tiny pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean

from pyvips import Image

from engine.efforts import Effort
from engine.quality import LOWEST
from engine.reach import AVIF_STEPS
from engine.similarity import Reference
from tests.benchmarks.encoders import pixels as pixels_of
from tests.benchmarks.option_sets import ROWS, SAVERS
from tests.benchmarks.target_runs import ROOT, Done, cpu_of, pixels, prepare, run
from tests.benchmarks.throughput import default_images, without_sharp

LEEWAY = 0.02
"""Score that another way to decode may cost."""
SAVED = {"jpeg": 20.0, "webp": 20.0, "avif": 10.0}
"""Percent that are to be saved against the fixed quality at which the worst picture still reaches the score."""
TINY, TRIES = 4, 4
_BETTER: dict[str, dict[str, object]] = {
    "jpeg": {"subsample_mode": "off"},
    "webp": {"smart_subsample": True},
    "avif": {},
}
"""What a search turns to where the usual way does not reach the score."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the table."""

    what: str
    value: float
    shown: str
    goal: str = ""
    holds: bool | None = None
    """None: there is no goal."""


def _line(what: str, value: float, digits: int, *, most: float | None = None, least: float | None = None) -> Line:
    goal = f"≤ {most:g}" if most is not None else f"≥ {least:g}" if least is not None else ""
    holds = value <= most if most is not None else value >= least if least is not None else None
    return Line(what, value, f"{value:.{digits}f}", goal, holds)


class Bench:
    """The sources, and what is measured of them."""

    def __init__(self, place: Path, sources: list[Path], score: int, effort: str) -> None:
        self.place, self.sources, self.score, self.effort = place, sources, score, effort
        self._runs = 0
        (place / "tiny").mkdir()
        for number in range(TINY):
            tiny = Image.new_from_file(str(sources[0])).crop(number, 0, 64, 64)
            tiny.pngsave(str(place / f"tiny/{number}.png"), keep="none")
        (place / "first").mkdir()
        self.first = [source for source in sources if source.name.startswith("0-")]
        for source in self.first:
            (place / "first" / source.name).hardlink_to(source)
        self._start = cache(self._start_of)

    def reference(self, name: str) -> Reference:
        return Reference(pixels(self.place / "in" / name))

    def run(self, format: str, *options: str, effort: str = "", source: str = "in") -> Done:
        self._runs += 1
        output = self.place / f"out{self._runs}"
        how = ("--format", format, "--effort", effort or self.effort)
        return run(self.place / source, output, *how, *options)

    def _start_of(self, format: str, *options: str) -> float:
        """CPU seconds that are not the pictures'."""
        return self.run(format, *options, source="tiny").cpu

    def figures(self, format: str, *, ladder: bool) -> Iterator[Line]:
        """One format's lines."""
        target = ("--target-quality", str(self.score))
        done = self.run(format, *target)
        scores = done.scores(self.reference)
        lossy = {name: one for name, one in done.results.items() if (one["quality"] or 100) < 100}
        aimed = {name: one for name, one in lossy.items() if not one["reason"]}
        over = [scores[name] - self.score for name in aimed] or [0.0]
        could = [scores[name] - self.score for name, one in aimed.items() if one["quality"] > LOWEST] or [0.0]
        encodes = [one["encodes"] for one in done.results.values() if "encodes" in one] or [0]
        yield _line("files", len(done.results), 0)
        yield _line("lossless, or said to miss the score", len(done.results) - len(aimed), 0)
        yield _line("others below the score", sum(value < -LEEWAY for value in over), 0, most=0)
        yield _line("score above it, mean", mean(could), 2, most=1.0)
        yield _line("score above it, most", max(could), 2)
        yield _line("encodes, mean", mean(encodes), 2, most=3.2)
        yield _line("encodes, most", max(encodes), 0, most=8)
        highest = max((one["quality"] for one in aimed.values()), default=100)
        fixed = self.run(format, f"--quality-{format}", str(highest))
        cost = done.cpu - self._start(format, *target)
        yield _line("time, in runs at a fixed quality", cost / (fixed.cpu - self._start(format)), 1)
        saved = 100 * (1 - _bytes(done, aimed) / _bytes(fixed, aimed)) if aimed else 0.0
        yield _line("bytes saved of the fixed quality's, %", saved, 1, least=SAVED[format])
        yield _line("that fixed quality", highest, 0)
        if ladder:
            best = {name: self._smallest(format, name, one) for name, one in aimed.items()}
            above = 100 * (_bytes(done, aimed) / sum(best.values()) - 1)
            yield _line("bytes above the best quality's, %", above, 2, most=0.5)

    def _smallest(self, format: str, name: str, result: dict[str, int]) -> int:
        """Bytes of the lowest quality that is enough, of up to four below the one chosen."""
        image = Image.new_from_file(str(self.place / "in" / name)).copy_memory()
        row = ROWS[format][self.effort](image)
        reference, saver = self.reference(name), getattr(image, SAVERS[format])
        chosen, best = result["quality"], result["optimized_size"]
        ways = [{**row, **better} for better in ({}, _BETTER[format])]
        same = [how for how in ways if len(saver(Q=chosen, keep="none", **how)) == best]
        steps = AVIF_STEPS if format == "avif" else range(1, 101)
        for quality in [step for step in steps if step < chosen][-TRIES:] if same else []:
            data = saver(Q=quality, keep="none", **same[0])
            if len(data) < best and reference.score(pixels_of(data)) >= self.score:
                best = len(data)
        return best

    def against_sharp(self, format: str, folder: Path, effort: str, most: tuple[float, float]) -> Iterator[Line]:
        """sharp at quality 80 beside a run that reaches the worst score it made; the goals are bytes and time."""
        theirs, seconds = self._sharp(format, folder, "first")
        start = self._sharp(format, folder, "tiny")[1]
        made = {path.stem: pixels(path) for path in theirs.iterdir()}
        scores = [self.reference(one.name).score(made[one.stem]) for one in self.first]
        size = sum(path.stat().st_size for path in theirs.iterdir())
        target = ("--target-quality", str(max(30, math.floor(min(scores)))))
        ours = self.run(format, *target, effort=effort, source="first")
        tiny = self.run(format, *target, effort=effort, source="tiny")
        yield _line("sharp's worst score at quality 80", min(scores), 1)
        yield _line(f"{effort}: the worst score", min(ours.scores(self.reference).values()), 1)
        yield _line(f"{effort}: bytes, in sharp's", ours.size / size, 2, most=most[0])
        yield _line(f"{effort}: time, in sharp's", (ours.cpu - tiny.cpu) / (seconds - start), 2, most=most[1])

    def _sharp(self, format: str, folder: Path, source: str) -> tuple[Path, float]:
        """Where its results are, and its CPU seconds."""
        self._runs += 1
        output = self.place / f"sharp{self._runs}"
        script = str(ROOT / "tests" / "benchmarks" / "sharp_batch.mjs")
        places = ["--in", str(self.place / source), "--out", str(output)]
        words = ["node", script, "--sharp", str(folder), *places, "--format", format, "--quality", "80"]
        return output, cpu_of(words)[1]


def _bytes(done: Done, names: Iterable[str]) -> int:
    return sum(int(done.results[name]["optimized_size"]) for name in names)


def table(title: str, lines: Sequence[Line]) -> str:
    """For people."""
    rows = [title]
    for line in lines:
        verdict = "" if line.holds is None else "holds" if line.holds else "MISSED"
        rows.append(f"  {line.what:<42}{line.shown:>9}  {line.goal:<7}{verdict}".rstrip())
    return "\n".join(rows)


def _folder(text: str) -> tuple[Path, int]:
    """``DIR`` or ``DIR:N``."""
    path, _, count = text.rpartition(":")
    return (Path(path), int(count)) if path and count.isdigit() else (Path(text), 0)


def _default_folders() -> list[tuple[Path, int]]:
    photos = default_images()
    others = [(photos.parent / "camera", 0), (photos.parent / "graphics", 8)]
    return [(photos, 0), *(pair for pair in others if pair[0].is_dir() and photos.name == "photos")]


def parse(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="target", description=__doc__)
    home = os.environ.get("IMGOPT_SHARP")
    parser.add_argument(
        "--from", dest="folders", type=_folder, nargs="+", default=_default_folders(), metavar="DIR[:N]"
    )
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--formats", default="jpeg,webp,avif")
    parser.add_argument("--score", type=int, default=80)
    parser.add_argument("--side", type=int, default=900)
    parser.add_argument("--effort", choices=[effort.value for effort in Effort], default="balanced")
    parser.add_argument("--ladder", action="store_true")
    parser.add_argument("--sharp", type=Path, default=Path(home) if home else None)
    parser.add_argument("--json", action="store_true", help="one JSON line a table")
    return parser.parse_args(words)


def tables(given: argparse.Namespace, bench: Bench) -> Iterator[tuple[str, list[Line]]]:
    """Title and lines of each."""
    formats = given.formats.split(",")
    for format in formats:
        lines = list(bench.figures(format, ladder=given.ladder or given.all))
        yield f"{format}, {given.effort}, score {given.score}", lines
    if given.sharp is None or "jpeg" not in formats:
        return
    for effort, most in (("balanced", (0.82, 2.5)), ("fast", (0.9, 1.2))):
        yield f"jpeg against sharp, {effort}", list(bench.against_sharp("jpeg", given.sharp, effort, most))


def main(words: list[str] | None = None) -> None:
    given = parse(words)
    if given.sharp is not None and (reason := without_sharp(given.sharp)):
        raise SystemExit(f"sharp is not here: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "in").mkdir()
        sources = prepare(given.folders, place / "in", 0 if given.all else given.count, given.side)
        if not sources:
            raise SystemExit("no pictures there")
        for title, lines in tables(given, Bench(place, sources, given.score, given.effort)):
            value = {"benchmark": "target", "table": title, "figures": [asdict(line) for line in lines]}
            print(json.dumps(value) if given.json else table(title, lines), flush=True)


if __name__ == "__main__":
    main()
