"""What reading ahead gives where files come slowly: ``python -m tests.benchmarks.read_ahead --help``.

Whole runs over the same images, with and without it, for file systems of several answer times (``slow_files_run.py``).
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
from tests.benchmarks.process import REPOSITORY, isolate, module, timed
from tests.benchmarks.slow_files_run import FILES
from tests.benchmarks.throughput import default_images

_COUNTS = {False: 60, True: 800}


class Bench:
    """The folders, and a run over them."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given, self.folder = given, folder
        self.source, self.output = folder / "sources", folder / "output"

    def run(self, wait: float, ahead: bool, number: int) -> Sample:
        """One run from files that answer after ``wait`` milliseconds."""
        shutil.rmtree(self.output, ignore_errors=True)
        shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)
        os.environ[FILES] = f"{wait:g} {self.given.rate * 1e6 if wait else 0:g} {ahead:d}"
        options = ["-o", str(self.output), "-q", "80", "-j", str(self.given.processes), "-Q", *self.given.options]
        own = command("tests.benchmarks.slow_files_run")
        return timed([*own, "run", str(self.source), *options], cwd=self.folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="read_ahead", description=__doc__)
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR", help="photos to cut from")
    parser.add_argument("--count", type=int, help="images (default: 60 photos of 1–2.5 MP or 800 thumbnails)")
    parser.add_argument("--thumbnails", action="store_true", help="images of at most 256 pixels")
    parser.add_argument("--waits", type=float, nargs="+", default=[0, 5, 30], metavar="MS", help="0: the disk as it is")
    parser.add_argument("--rate", type=float, default=50, metavar="MB", help="megabytes a second of a worker (50)")
    parser.add_argument("--options", nargs="+", default=["--effort", "fast"], help="of the runs (--effort fast)")
    parser.add_argument("-j", "--processes", type=int, default=max(1, round(usable_cpus())), help="default: the CPUs")
    add_options(parser)
    given = parser.parse_args()
    given.count = given.count or _COUNTS[given.thumbnails]
    given.images = given.images.resolve()
    lines, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as name:
        isolate(Path(name))
        bench = Bench(given, Path(name))
        more = ["--thumbnails"] if given.thumbnails else []
        arguments = ["--from", given.images, "--to", bench.source, "--count", given.count, *more]
        timed(module("photos", *arguments), cwd=REPOSITORY, pixels=True)
        for wait in given.waits:
            both = [Contender(f"{wait:g} ms, {how}", partial(bench.run, wait, how == "ahead")) for how in HOW]
            samples = list(interleave(both, given.rounds, say).values())
            times = [[one.seconds for one in each] for each in samples]
            gain = ratio(times[1], times[0])
            cpu = ratio([one.cpu for one in samples[0]], [one.cpu for one in samples[1]])
            figures[f"{wait:g}"] = {"gain": gain, "cpu": cpu}
            took = " and ".join(f"{Spread.of(each).text(2)} s" for each in times)
            lines.append(f"answers after {wait:g} ms: {took}; {gain.text()} times as fast, {cpu.text()} of the CPU")
    what = {"images": given.count, "thumbnails": given.thumbnails, "rounds": given.rounds}
    show("read_ahead", {**what, "waits": figures}, lines, as_json=given.json)


HOW = ("ahead", "when its turn comes")

if __name__ == "__main__":
    main()
