"""The scan of a large tree against ``os.walk``: ``python -m tests.benchmarks.scan --help``.

Each measurement is a fresh process. The files are empty: nothing here opens one. The scan also looks at each file's
size, sorts, chooses output names and fills the catalogue, as a run does before its first image is handed out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil

from engine.catalog import Catalog
from engine.child import environment
from engine.plan import make_plan
from engine.settings import Settings
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show
from tests.benchmarks.process import REPOSITORY, module

BATCH = 75


def make_tree(root: Path, files: int, folders: int) -> None:
    """``files`` empty files with names of photos, spread evenly over ``folders`` folders, a hundred side by side."""
    for number in range(folders):
        folder = root / f"year-{number // 100:03}" / f"album-{number:04}"
        folder.mkdir(parents=True)
        for index in range(number, files, folders):
            os.close(os.open(folder / f"IMG_{index:07}.jpg", os.O_CREAT | os.O_WRONLY))


def walk(root: str) -> dict[str, float]:
    """The peer: names, and nothing else."""
    began = time.perf_counter()
    files = sum(len(names) for _, _, names in os.walk(root))
    return {"seconds": time.perf_counter() - began, "files": files}


def sizes(root: str) -> dict[str, float]:
    """The peer, with the one thing every scan has to ask for: each file's size."""
    began = time.perf_counter()
    found = [os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(root) for name in names]
    return {"seconds": time.perf_counter() - began, "files": len(found)}


def scan(root: str) -> dict[str, float]:
    """Our scan into a catalogue; memory is what the process grew by."""
    memory = psutil.Process()
    catalog = Catalog()
    before, began = memory.memory_info().rss, time.perf_counter()
    first = 0.0
    for folder, found in make_plan([root], Settings()).scan():
        number = catalog.add_folder(folder)
        for entry in found:
            catalog.add(number, entry.name, entry.size, entry.target_name)
        if not first and len(catalog) >= BATCH:
            first = time.perf_counter() - began
    seconds = time.perf_counter() - began
    grown = memory.memory_info().rss - before
    return {"seconds": seconds, "files": len(catalog), "first": first or seconds, "grown": grown}


WAYS = {"scan": scan, "walk": walk, "walk and sizes": sizes}
"""What is measured, ours first."""


def _child(way: str, root: str, files: int, answers: list[dict[str, float]], number: int) -> Sample:
    """One way in a fresh process, which times itself: starting Python is not what is measured."""
    run = module("scan", "--way", way, "--root", root)
    done = subprocess.run(run, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment(), check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    if answer["files"] != files:
        raise RuntimeError(f"{way} found {answer['files']:.0f} files of {files}")
    answers.append(answer)
    return Sample(answer["seconds"])


def measure(given: argparse.Namespace, root: str) -> None:
    """Run all ways in turns and print what they came to."""
    answers: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    contenders = [Contender(way, partial(_child, way, root, given.files, answers[way])) for way in WAYS]
    samples = interleave(contenders, given.rounds, say)
    seconds = {way: Spread.of([one.seconds for one in taken]) for way, taken in samples.items()}
    taken = {way: [one.seconds for one in rounds] for way, rounds in samples.items()}
    slower = {way: ratio(taken["scan"], taken[way]) for way in WAYS if way != "scan"}
    first = Spread.of([answer["first"] * 1000 for answer in answers["scan"]])
    grown = Spread.of([answer["grown"] / given.files for answer in answers["scan"]])
    rates = {way: given.files / spread.median for way, spread in seconds.items()}
    lines = [
        f"{given.files:,} files in {given.folders:,} folders",
        *(f"{way}: {spread.text()} s, {rates[way]:,.0f} files/s" for way, spread in seconds.items()),
        *(f"scan to {way}: {times.text(2)} times as long" for way, times in slower.items()),
        f"first batch of {BATCH} known after {first.text(1)} ms",
        f"memory: {grown.text(0)} bytes a file, {grown.median * given.files / 1e6:.1f} MB in all",
    ]
    counts = {"files": given.files, "folders": given.folders, "rounds": given.rounds}
    more = {"scanTo": slower, "firstBatchMilliseconds": first, "bytesPerFile": grown}
    show("scan", {**counts, "seconds": seconds, "filesPerSecond": rates, **more}, lines, as_json=given.json)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scan", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    add_options(parser)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(WAYS[given.way](given.root)))
        return
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as root:
        say(f"making {given.files:,} empty files …")
        make_tree(Path(root), given.files, given.folders)
        walk(root)  # once, so that the kernel knows the folders for either way
        measure(given, root)


if __name__ == "__main__":
    main()
