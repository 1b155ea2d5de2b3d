"""Whole runs against the limit of the machine and against sharp: ``python -m tests.benchmarks.throughput --help``.

Each contender is a whole process, from its start to its end, over the same folder into an empty one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.child import command
from engine.monitor import usable_cpus
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show
from tests.benchmarks.process import REPOSITORY, isolate, module, size_of, timed

HERE = Path(__file__).resolve().parent
OURS, LIMIT, SIDECAR = "imgopt-tui", "limit", "sidecar shape"
BATCH = 75
SOURCES = (REPOSITORY.parent / "shared/images/photos", REPOSITORY / "tests/data", REPOSITORY / "tui/demo_images")
"""Where photos are looked for."""
EXTENSIONS = {"jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}
FAIR_BYTES = 0.02
"""Share by which outputs may differ in size before the comparison is called unfair."""


class Bench:
    """The folders, and one method per contender."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given = given
        self.folder = folder
        self.source = folder / "sources"
        self.output = folder / "output"
        self.options = ["--format", given.format, "--quality", str(given.quality)]

    def make_sources(self) -> None:
        """Fill the source folder in a child process."""
        more = ["--thumbnails"] if self.given.thumbnails else []
        say(f"making {self.given.count} images from {self.given.images} …")
        arguments = ["--from", self.given.images, "--to", self.source, "--count", self.given.count, *more]
        timed(module("photos", *arguments), cwd=REPOSITORY, pixels=True)

    def _written(self, sample: Sample, folder: Path) -> Sample:
        """The sample with the bytes written; raises RuntimeError when results are missing."""
        found = list(folder.glob(f"*{EXTENSIONS[self.given.format]}"))
        if len(found) != len(list(self.source.iterdir())):
            raise RuntimeError(f"{len(found)} results of {self.given.count}")
        return Sample(sample.seconds, sample.cpu, size_of(found))

    def _fresh(self, run: Callable[[], Sample]) -> Sample:
        shutil.rmtree(self.output, ignore_errors=True)
        return self._written(run(), self.output)

    def ours(self, number: int) -> Sample:
        """Our command line, into an output tree or in place."""
        fixed = ["-q", str(self.given.quality), "-j", str(self.given.processes), "-Q"]
        if not self.given.in_place:
            convert = ["--format", self.given.format]
            run = [*command("tui"), "run", str(self.source), "-o", str(self.output), *convert, *fixed]
            return self._fresh(partial(timed, run, cwd=self.folder))
        shutil.rmtree(self.output, ignore_errors=True)
        shutil.copytree(self.source, self.output)
        run = [*command("tui"), "run", str(self.output), "--in-place", *fixed]
        return self._written(timed(run, cwd=self.folder), self.output)

    def limit(self, number: int) -> Sample:
        """Bare loops; in place they compare as well."""
        paths = ["--in", str(self.source), "--out", str(self.output), "--processes", str(self.given.processes)]
        more = ["--compare"] if self.given.in_place else []
        loops = [sys.executable, str(HERE / "encode_limit.py"), *paths, *self.options, *more]
        return self._fresh(partial(timed, loops, cwd=self.folder, pixels=True))

    def sharp(self, in_flight: int, number: int) -> Sample:
        """One Node process."""
        paths = ["--sharp", str(self.given.sharp), "--in", str(self.source), "--out", str(self.output)]
        node = ["node", str(HERE / "sharp_batch.mjs"), *paths, *self.options, "--in-flight", str(in_flight)]
        return self._fresh(partial(timed, node, cwd=self.folder))

    def sidecar(self, number: int) -> Sample:
        """One Node process after the other, a batch each."""
        paths = sorted(str(path) for path in self.source.iterdir())
        node = ["node", str(HERE / "sidecar_shape.mjs"), "--sharp", str(self.given.sharp), "--out", str(self.output)]

        def batches() -> Sample:
            samples = [
                timed([*node, *self.options], cwd=self.folder, stdin="\n".join(paths[first : first + BATCH]))
                for first in range(0, len(paths), BATCH)
            ]
            return Sample(sum(sample.seconds for sample in samples), sum(sample.cpu for sample in samples))

        return self._fresh(batches)

    def contenders(self) -> list[Contender]:
        """Those that can run here."""
        chosen = [Contender(OURS, self.ours), Contender(LIMIT, self.limit)]
        if self.given.in_place:
            return chosen
        reason = without_sharp(self.given.sharp)
        if reason:
            say(f"sharp is left out: {reason}")
            return chosen
        chosen += [Contender(f"sharp, {lanes} in flight", partial(self.sharp, lanes)) for lanes in self.given.in_flight]
        return [*chosen, Contender(SIDECAR, self.sidecar)] if self.given.sidecar else chosen


def without_sharp(folder: Path | None) -> str:
    """Why sharp cannot be measured; empty when it can."""
    if shutil.which("node") is None:
        return "there is no node on the PATH"
    if folder is None or not (folder / "node_modules/sharp").is_dir():
        return "get it with `npm install --prefix DIR sharp` and name DIR with --sharp or in $IMGOPT_SHARP"
    return ""


def peers_of(samples: dict[str, list[Sample]]) -> dict[str, str]:
    """What our run is compared with: a label, and the contender's name. Of sharp's settings only the fastest."""
    lanes = [name for name in samples if name.startswith("sharp")]
    peers = {name: name for name in (LIMIT, SIDECAR) if name in samples}
    if lanes:
        peers["sharp"] = min(lanes, key=lambda name: Spread.of([one.seconds for one in samples[name]]).median)
    return peers


def report(given: argparse.Namespace, samples: dict[str, list[Sample]]) -> None:
    """Print times, then ratios: ours to each peer."""
    figures: dict[str, object] = {}
    lines = [f"{'':24}{'seconds':>24}{'CPU seconds':>24}{'images/s':>10}{'bytes':>14}"]
    for name, taken in samples.items():
        seconds, cpu = Spread.of([one.seconds for one in taken]), Spread.of([one.cpu for one in taken])
        rate = given.count / seconds.median
        figures[name] = {"seconds": seconds, "cpuSeconds": cpu, "imagesPerSecond": rate, "bytes": taken[0].bytes}
        lines.append(f"{name:24}{seconds.text(2):>24}{cpu.text(2):>24}{rate:10.1f}{taken[0].bytes:14,}")
    ours, ratios = samples[OURS], {}
    for label, name in peers_of(samples).items():
        speed = ratio([one.seconds for one in samples[name]], [one.seconds for one in ours])
        cpu = ratio([one.cpu for one in ours], [one.cpu for one in samples[name]])
        size = ours[0].bytes / samples[name][0].bytes
        ratios[label] = {"peer": name, "throughput": speed, "cpu": cpu, "bytes": size}
        lines.append(f"throughput to {name}: {speed.text()}, CPU {cpu.text()}, bytes {size:.4f}")
        if abs(size - 1) > FAIR_BYTES:
            lines.append("  not a fair comparison: the outputs differ too much in size")
    what = {"format": given.format, "quality": given.quality, "images": given.count, "processes": given.processes}
    how = {"inPlace": given.in_place, "thumbnails": given.thumbnails, "rounds": given.rounds}
    show("throughput", {**what, **how, "contenders": figures, "ratios": ratios}, lines, as_json=given.json)


def default_images() -> Path:
    """A folder with photos; there is always one."""
    return next((folder for folder in SOURCES if folder.is_dir()), SOURCES[-1])


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="throughput", description=__doc__)
    home = os.environ.get("IMGOPT_SHARP")
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR", help="photos to cut from")
    parser.add_argument("--count", type=int, help="sources (default: 150 photos or 2000 thumbnails)")
    parser.add_argument("--thumbnails", action="store_true", help="sources of at most 256 pixels instead of 1–2.5 MP")
    parser.add_argument("--format", choices=EXTENSIONS, default="jpeg", help="to encode to (default: jpeg)")
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("-j", "--processes", type=int, default=max(1, round(usable_cpus())), help="default: the CPUs")
    parser.add_argument("--in-place", action="store_true", help="replace the sources; the limit compares as well")
    parser.add_argument("--sharp", type=Path, default=Path(home) if home else None, metavar="DIR")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[2, 4, 8], help="sharp's settings to try")
    parser.add_argument("--sidecar", action="store_true", help="also the shape of a sharp sidecar")
    add_options(parser)
    given = parser.parse_args()
    if given.in_place and given.format != "jpeg":
        parser.error("--in-place keeps the sources' format: jpeg")
    given.count = given.count or (2000 if given.thumbnails else 150)
    given.images = given.images.resolve()
    return given


def main() -> None:
    given = parse()
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-") as name:
        folder = Path(name)
        isolate(folder)
        bench = Bench(given, folder)
        bench.make_sources()
        report(given, interleave(bench.contenders(), given.rounds, say))


if __name__ == "__main__":
    main()
