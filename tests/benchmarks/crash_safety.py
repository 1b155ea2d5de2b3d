"""What crash safety costs: ``python -m tests.benchmarks.crash_safety --help``.

A run in place as it is (temp, sync, backup, ledger, journal, rename) against the same run that writes each result over
its source (``unsafe_run.py``), whole processes, on copies of the same images.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

from engine.child import command
from engine.monitor import usable_cpus
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show
from tests.benchmarks.process import REPOSITORY, isolate, module, size_of, timed
from tests.benchmarks.throughput import default_images

SAFE, UNSAFE = "safe", "unsafe"
PACKAGE = "tests.benchmarks"
_COUNTS = {False: 150, True: 2000}


class Bench:
    """The folders, and the two contenders."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given = given
        self.source = folder / "sources"
        self.tree = folder / "tree"

    def make_sources(self) -> None:
        """Fill the source folder in a child process."""
        given = self.given
        more = ["--thumbnails"] if given.thumbnails else []
        arguments = ["--from", given.images, "--to", self.source, "--count", given.count, *more]
        timed(module("photos", *arguments), cwd=REPOSITORY, pixels=True)

    def run(self, how: str, number: int) -> Sample:
        """One run in place over fresh copies."""
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)  # what was done is to be done again
        shutil.copytree(self.source, self.tree)
        own = [*command("tui")] if how == SAFE else [*command(f"{PACKAGE}.unsafe_run")]
        without = [] if how == SAFE else ["--no-backup", "--remember", "none"]
        options = ["--in-place", "-q", "80", "-j", str(self.given.processes), "-Q", *without]
        sample = timed([*own, "run", str(self.tree), *options], cwd=self.tree)
        return Sample(sample.seconds, sample.cpu, size_of(self.tree.glob("*.jpg")))


def main() -> None:
    parser = argparse.ArgumentParser(prog="crash_safety", description=__doc__)
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR", help="photos to cut from")
    parser.add_argument("--count", type=int, help="images (default: 150 photos or 2000 thumbnails)")
    parser.add_argument("--thumbnails", action="store_true", help="images of at most 256 pixels instead of 1–2.5 MP")
    parser.add_argument("-j", "--processes", type=int, default=max(1, round(usable_cpus())), help="default: the CPUs")
    add_options(parser)
    given = parser.parse_args()
    given.count = given.count or _COUNTS[given.thumbnails]
    given.images = given.images.resolve()
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as name:
        isolate(Path(name))
        bench = Bench(given, Path(name))
        bench.make_sources()
        taken = interleave([Contender(how, partial(bench.run, how)) for how in (SAFE, UNSAFE)], given.rounds, say)
    report(given, taken)


def report(given: argparse.Namespace, taken: dict[str, list[Sample]]) -> None:
    """Print the share of a run and the milliseconds of an image."""
    safe, unsafe = taken[SAFE], taken[UNSAFE]
    seconds = ratio([one.seconds for one in safe], [one.seconds for one in unsafe])
    cpu = ratio([one.cpu for one in safe], [one.cpu for one in unsafe])
    each = [
        (one.seconds - other.seconds) * given.processes * 1000 / given.count
        for one, other in zip(safe, unsafe, strict=True)
    ]
    cost = Spread.of(each)
    lines = [f"{how:8}{Spread.of([one.seconds for one in samples]).text(2):>24} s" for how, samples in taken.items()]
    lines += [f"a safe run takes {seconds.text()} of the time of an unsafe one, {cpu.text()} of its CPU seconds"]
    lines += [f"an image costs {cost.text(2)} ms more of its worker"]
    what = {"images": given.count, "thumbnails": given.thumbnails, "rounds": given.rounds}
    bytes_equal = safe[0].bytes == unsafe[0].bytes
    figures = {"seconds": seconds, "cpu": cpu, "millisecondsAnImage": cost, "sameBytes": bytes_equal}
    show("crash_safety", {**what, **figures}, lines, as_json=given.json)


if __name__ == "__main__":
    main()
