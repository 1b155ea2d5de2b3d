"""How often the ranges of an estimate hold the truth: ``python -m tests.benchmarks.estimate --help``.

Every picture of a folder is tried once by real workers. Random trees of these pictures, random samples of each tree,
and the sum over the whole tree tell then, many times over, whether the range held it: only the sample is by chance.
``--runs N`` adds whole estimates followed by whole runs over copies, with the machine's own moods: for time and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.candidates import Candidates
from engine.estimate import Sample, Trial, estimate
from engine.forecast import Load, Tried, forecast
from engine.interval import Range
from engine.job import Status
from engine.plan import make_plan
from engine.run import Run
from engine.settings import Settings
from engine.strata import draw
from tests.benchmarks.process import isolate

LOAD = Load(workers=2, budget=1 << 30, start=0.2)
SAMPLES = (30, 60, 120, 200)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what came of it."""

    folder: str
    name: str
    group: str
    tried: Tried


@dataclass(slots=True)
class Held:
    """How often one figure's range held the truth, and how wide it was in shares of the truth."""

    trials: int = 0
    held: int = 0
    widths: float = 0.0
    off: float = 0.0

    def note(self, found: Range | None, truth: float) -> None:
        """One trial."""
        if found is None:
            return
        self.trials += 1
        self.held += found.low - 1e-6 <= truth <= found.high + 1e-6
        self.widths += (found.high - found.low) / 2 / max(1.0, abs(truth))
        self.off += abs(found.value - truth) / max(1.0, abs(truth))

    def text(self) -> str:
        """``96.3 % (± 12 %, off by 4 %)``."""
        trials = max(1, self.trials)
        of = f"{self.held} of {self.trials}"
        return (
            f"{100 * self.held / trials:5.1f} % ({of}), ± {100 * self.widths / trials:.0f} % wide, "
            f"off by {100 * self.off / trials:.0f} % on average"
        )


async def try_all(folder: str, settings: Settings) -> list[Picture]:
    """Every picture below a folder."""
    candidates = Candidates(make_plan([folder], settings))
    await candidates.scan(lambda level, line: None)
    sample = Sample(len(candidates.catalog))
    trial = Trial(candidates, settings, sample, lambda estimate: None, lambda level, line: None, time.monotonic)
    await trial.run(asyncio.Event())
    groups, catalog = candidates.groups(), candidates.catalog
    return [
        Picture(catalog.folder(index).source, catalog.name(index), groups[index], trial.tried[index])
        for index in range(len(catalog))
    ]


def random_tree(pictures: Sequence[Picture], least: int, chance: random.Random) -> list[Picture]:
    """Some of the folders with a part of their pictures, at least ``least`` in all; in the order of a scan."""
    folders = sorted({one.folder for one in pictures})
    while True:
        share = {folder: chance.uniform(0.2, 1.0) for folder in chance.sample(folders, chance.randint(1, len(folders)))}
        tree = [one for one in pictures if chance.random() < share.get(one.folder, 0.0)]
        if len(tree) >= least:
            return tree
        least = min(least, len(pictures) // 2)


def clock_time(seconds: Sequence[float], workers: int, start: float) -> float:
    """How long ``workers`` take for images in this order, each taking the next when it is free."""
    free = [start] * workers
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def judge(tree: Sequence[Picture], count: int, chance: random.Random, held: dict[str, Held]) -> None:
    """One sample of one tree."""
    sizes = [one.tried.size for one in tree]
    drawn = draw([one.group for one in tree], sizes, count, chance)
    tried = {image: tree[image].tried for image, _ in drawn.order}
    found = forecast(drawn, sizes, tried, LOAD, complete=True)
    held["bytes"].note(found.saved, sum(one.tried.saved for one in tree))
    seconds = [one.tried.seconds for one in tree]
    held["time"].note(found.seconds, clock_time(seconds, LOAD.workers, LOAD.start))
    for name, range, status in (("failed", found.failed, Status.FAILED), ("skipped", found.skipped, Status.SKIPPED)):
        held[name].note(range, sum(one.tried.status is status for one in tree))


def simulate(pictures: Sequence[Picture], count: int, trials: int, seed: int) -> dict[str, Held]:
    """``trials`` random trees with a sample of ``count`` each."""
    chance = random.Random(seed)
    held = {name: Held() for name in ("bytes", "time", "failed", "skipped")}
    for _ in range(trials):
        judge(random_tree(pictures, 2 * count, chance), count, chance, held)
    return held


async def whole(tree: Sequence[Picture], settings: Settings, count: int, held: dict[str, Held]) -> str:
    """An estimate and a run over a copy; returns both in a line."""
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(tree):
            place = Path(folder, "in", os.path.basename(one.folder))
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(one.folder, one.name), place / f"{number:04}-{one.name}")
        root = str(Path(folder, "in"))
        found = await estimate([root], settings, sample=Sample(count))
        async with Run([root], settings) as run:
            await run.wait()
            report = dict(await run.report())
    held["bytes"].note(found.saved, report["savedBytes"])
    held["time"].note(found.seconds, report["duration"])
    held["memory"].note(found.memory, report["peakMemory"])
    facts = {name: report[name] for name in ("found", "savedBytes", "duration", "peakMemory")}
    return f"{facts}; {found.saved}, {found.seconds}, {found.memory}"


def stored(path: Path | None, make: Callable[[], list[Picture]]) -> list[Picture]:
    """What was tried, from a file that an earlier call wrote, or made now and written there."""
    if path is not None and path.exists():
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [
            Picture(folder, name, group, Tried(size, saved, 0, 0, seconds, needs, Status(status)))
            for folder, name, group, size, saved, seconds, needs, status in rows
        ]
    made = make()
    if path is not None:
        rows = [
            [
                one.folder,
                one.name,
                one.group,
                tried.size,
                tried.saved,
                round(tried.seconds, 4),
                tried.needs,
                tried.status,
            ]
            for one in made
            for tried in (one.tried,)
        ]
        path.write_text("[" + ",\n".join(json.dumps(row) for row in rows) + "]\n", encoding="utf-8")
    return made


def _figures(tried: Tried) -> list[object]:
    return [tried.size, tried.saved, round(tried.seconds, 4), tried.needs, tried.status.value]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="estimate", description="share of trials whose truth lies in the range")
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="a folder with folders of pictures")
    parser.add_argument("--trials", type=int, default=1000, help="random trees for each size of sample")
    parser.add_argument("--samples", default=",".join(map(str, SAMPLES)))
    parser.add_argument("--runs", type=int, default=0, help="whole estimates and runs over copies of random trees")
    parser.add_argument("--images", type=int, default=150, help="images of such a tree, at least")
    parser.add_argument("--format", default="original")
    parser.add_argument("--effort", default="balanced")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tried", type=Path, help="keep what was tried in this file, or take it from there")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    settings = Settings(workers=2, format=given.format, effort=given.effort)
    table: dict[str, dict[str, Held]] = {}
    with tempfile.TemporaryDirectory() as home:
        isolate(Path(home))
        pictures = stored(given.tried, lambda: asyncio.run(try_all(str(given.folder), settings)))
        for count in map(int, given.samples.split(",")):
            if 2 * count <= len(pictures) and given.trials:
                table[f"sample of {count}"] = simulate(pictures, count, given.trials, given.seed)
        chance = random.Random(given.seed)
        for number in range(given.runs):
            held = table.setdefault("whole runs", {name: Held() for name in ("bytes", "time", "memory")})
            tree = random_tree(pictures, given.images, chance)
            more = replace(settings, remember="none")
            line = asyncio.run(whole(tree, more, given.images // 3, held))
            print(f"run {number + 1}: {line}", file=sys.stderr, flush=True)
    if given.json:
        figures = {name: {key: asdict(one) for key, one in held.items()} for name, held in table.items()}
        print(json.dumps(figures))
        return
    print(f"{len(pictures)} pictures; share of trials whose truth lies in the range")
    for name, held in table.items():
        for key, one in held.items():
            print(f"{name:<15} {key:<8} {one.text()}")


if __name__ == "__main__":
    main()
