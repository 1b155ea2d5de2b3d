"""Siblings in one pass against a run for each: ``python -m tests.benchmarks.siblings --help``."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from engine.child import command
from engine.monitor import usable_cpus
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show
from tests.benchmarks.process import REPOSITORY, isolate, module, size_of, timed
from tests.benchmarks.throughput import default_images

TOGETHER, APART = "one pass", "a run for each"


class Bench:
    """The folders, and one method per contender."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given, self.folder = given, folder
        self.source, self.output = folder / "sources", folder / "output"

    def _run(self, *options: str) -> Sample:
        fixed = ["-q", "80", "-j", str(self.given.processes), "-Q"]
        return timed([*command("tui"), "run", str(self.source), *options, *fixed], cwd=self.folder)

    def _written(self, seconds: float, cpu: float) -> Sample:
        found = [path for path in self.output.rglob("*") if path.is_file() and not path.name.startswith(".")]
        wanted = self.given.count * (1 + len(self.given.also)) * (1 + len(self.given.widths))
        if len(found) != wanted:
            raise RuntimeError(f"{len(found)} results, not {wanted}")
        return Sample(seconds, cpu, size_of(found))

    def together(self, number: int) -> Sample:
        """Everything from one decode for each size."""
        shutil.rmtree(self.output, ignore_errors=True)
        widths = ",".join(map(str, self.given.widths))
        sample = self._run("-o", str(self.output), "--also", ",".join(self.given.also), "--widths", widths)
        return self._written(sample.seconds, sample.cpu)

    def apart(self, number: int) -> Sample:
        """One run for each format and width."""
        shutil.rmtree(self.output, ignore_errors=True)
        samples = []
        for format in ("original", *self.given.also):
            for width in (0, *self.given.widths):
                more = ["--width", str(width)] if width else []
                folder = self.output / f"{format}-{width}"
                samples.append(self._run("-o", str(folder), "--format", format, *more))
        return self._written(sum(one.seconds for one in samples), sum(one.cpu for one in samples))


def main() -> None:
    parser = argparse.ArgumentParser(prog="siblings", description=__doc__)
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR", help="photos to cut from")
    parser.add_argument("--count", type=int, default=30, help="photos of 1–2.5 MP (default 30)")
    parser.add_argument("--also", nargs="+", default=["webp"], metavar="FORMAT")
    parser.add_argument("--widths", nargs="+", type=int, default=[320, 640], metavar="N")
    parser.add_argument("-j", "--processes", type=int, default=max(1, round(usable_cpus())), help="default: the CPUs")
    add_options(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as name:
        folder = Path(name)
        isolate(folder)
        bench = Bench(given, folder)
        say(f"making {given.count} images from {given.images} …")
        paths = ["--from", given.images.resolve(), "--to", bench.source, "--count", given.count]
        timed(module("photos", *paths), cwd=REPOSITORY, pixels=True)
        contenders = [Contender(TOGETHER, bench.together), Contender(APART, bench.apart)]
        samples = interleave(contenders, given.rounds, say)
    clock = ratio([one.seconds for one in samples[TOGETHER]], [one.seconds for one in samples[APART]])
    cpu = ratio([one.cpu for one in samples[TOGETHER]], [one.cpu for one in samples[APART]])
    size = samples[TOGETHER][0].bytes / samples[APART][0].bytes
    lines = [f"{label}: {Spread.of([one.seconds for one in taken]).text(2)} s" for label, taken in samples.items()]
    lines.append(f"one pass to a run for each: {clock.text()} of the time, {cpu.text()} of the CPU, bytes {size:.4f}")
    what = {"images": given.count, "also": given.also, "widths": given.widths, "rounds": given.rounds}
    show("siblings", {**what, "seconds": clock, "cpu": cpu, "bytes": size}, lines, as_json=given.json)


if __name__ == "__main__":
    main()
