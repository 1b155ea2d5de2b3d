"""The budgets of the dashboard, each against its goal: ``python -m tests.benchmarks.screen --help``.

The real program on a pseudo-terminal of 120 × 40 with 256 colours; runs are ones that never were, behind the real
socket, so that the figures are of the screen alone. Figures with a star are times on the clock: they want a quiet
machine; beside those of starts stands the CPU time, which others lengthen less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.child import command, environment
from tests.benchmarks.pairing import say, show
from tests.benchmarks.past_runs import add_past_run
from tests.benchmarks.process import REPOSITORY, isolate
from tests.terminal import Link, Terminal
from tests.tui.served import served

SIZE = (120, 40)
FAST_RUN = 40.0
"""Images a second of the runs that are watched."""
SETTLE = 2.0
SLOW_LATENCY = 0.3
"""Of a link that carries two frames a second."""
NARROW = Link(rate=16 * 1024, buffer=2 << 20)
POINTER = "›".encode()
"""What is drawn where the cursor of a list is, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Row:
    """One budget."""

    name: str
    unit: str
    goal: float
    fail: float
    clock: bool = False
    """Whether it is a time on the clock, which other programs lengthen."""


ROWS = {
    "paint": Row("first paint, 20,000 files in the folder", "ms", 250, 400, clock=True),
    "paint cpu": Row("… CPU time of the program until then", "ms", 250, 400),
    "version": Row("imgopt-tui --version", "ms", 60, 100, clock=True),
    "version cpu": Row("… CPU time", "ms", 60, 100),
    "json": Row("imgopt-tui run --json until it starts workers", "ms", 60, 100, clock=True),
    "json cpu": Row("… CPU time", "ms", 60, 100),
    "live": Row("attach to a run of 100,000 images until drawn", "ms", 1000, 2000, clock=True),
    "live cpu": Row("… CPU time of the screen", "ms", 1000, 2000),
    "past": Row("attach to one that is over", "ms", 1000, 2000, clock=True),
    "past cpu": Row("… CPU time", "ms", 1000, 2000),
    "fixed 2": Row("10,000 images, view fixed, 2 a second", "KiB/s", 6, 8),
    "following 2": Row("10,000 images, following, 2 a second", "KiB/s", 12, 20),
    "cpu 2": Row("CPU of the screen, 2 a second", "% of a core", 2, 4),
    "fixed 10": Row("10,000 images, view fixed, 10 a second", "KiB/s", 25, 60),
    "following 10": Row("10,000 images, following, 10 a second", "KiB/s", 25, 60),
    "cpu 10": Row("CPU of the screen, 10 a second", "% of a core", 6, 10),
    "idle": Row("no run, gauges steady", "bytes", 0, 1),
    "mouse": Row("no run, gauges steady, mouse moving", "bytes", 0, 1),
    "key idle": Row("key to paint, p90, no run", "ms", 15, 30, clock=True),
    "key run": Row("key to paint, p90, during a run", "ms", 50, 100, clock=True),
    "gap still": Row("longest gap of the loop, reader stalled 6 s", "s", 0.2, 0.5, clock=True),
    "gap narrow": Row("longest gap of the loop, 16 KiB/s behind 2 MiB", "s", 0.2, 0.5, clock=True),
    "memory 10": Row("memory, 10,000 images", "MiB", 70, 90),
    "memory 100": Row("memory, 100,000 images", "MiB", 130, 200),
}


class Screen(Terminal):
    """A dashboard whose bytes are counted, not drawn."""

    def pressed(self, key: str, wanted: bytes = b"") -> float:
        """Seconds from a key to the first bytes after it, or to ``wanted`` among them."""
        seen, began = len(self.raw), time.monotonic()
        self.send(key)
        while True:
            with self._news:
                if len(self.raw) > seen and wanted in self.raw[seen:]:
                    return time.monotonic() - began
                self._news.wait(0.5)
            if time.monotonic() - began > 5:
                raise RuntimeError(f"the key {key!r} painted nothing")

    def drawn(self, *wanted: str) -> float:
        """Seconds from the start until all of this was sent."""
        self.until(lambda: all(words.encode() in self.raw for words in wanted))
        return time.monotonic() - self.began


@contextlib.contextmanager
def screen(*given: str, link: Link | None = None, whole: bool = False, emulates: bool = False) -> Iterator[Screen]:
    it = Screen(given, SIZE, link or Link(), emulates=emulates, whole=whole)
    try:
        yield it
    finally:
        it.close()


@contextlib.contextmanager
def watching(run: str, link: Link | None = None, *, emulates: bool = False) -> Iterator[Screen]:
    """A dashboard attached to a run, drawn and at rest."""
    with screen("attach", run, link=link, emulates=emulates) as it:
        it.drawn("RUN", "[2 Batches]", "Quit")
        time.sleep(SETTLE)
        yield it


def until_drawn(name: str, rounds: int, given: Sequence[str], *wanted: str) -> dict[str, float]:
    """Until all of a screen has been sent, warm: on the clock, and of the CPU."""
    taken, cpu = [], []
    for number in range(rounds + 1):
        with screen(*given) as it:
            seconds = it.drawn(*wanted, "Quit")
            if number:
                taken.append(seconds)
                cpu.append(it.cpu())
    return {name: statistics.median(taken) * 1000, f"{name} cpu": statistics.median(cpu) * 1000}


def attaching(rounds: int) -> dict[str, float]:
    """To 100,000 images, of a run that goes on and of one that is over."""
    add_past_run("past", 100_000)
    out = until_drawn("past", rounds, ["attach", "past"], "FINISHED", "100%")
    with served(images=100_000, rate=FAST_RUN) as run:
        return out | until_drawn("live", rounds, ["attach", run], "RUN", "[2 Batches]")


def start(arguments: Sequence[str], name: str, rounds: int) -> dict[str, float]:
    """A command from start to end."""
    taken, cpu = [], []
    for _ in range(rounds + 1):
        before, began = _children(), time.perf_counter()
        subprocess.run([*command("tui"), *arguments], env=environment(), capture_output=True, check=False)
        taken.append(time.perf_counter() - began)
        cpu.append(_children() - before)
    return {name: statistics.median(taken[1:]) * 1000, f"{name} cpu": statistics.median(cpu[1:]) * 1000}


def begin(folder: Path, rounds: int) -> dict[str, float]:
    """A run without a screen until its first worker process is there: from then on two of them load libvips while the
    program loads the rest of itself."""
    taken, cpu = [], []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        given = [*command("tui"), "run", "--json", "--dry-run", str(folder)]
        with subprocess.Popen(given, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            task = Path(f"/proc/{child.pid}/task/{child.pid}")
            while not (task / "children").read_text():
                time.sleep(0.0005)
            cpu.append(int((task / "schedstat").read_text().split()[0]) / 1e9)
            taken.append(time.perf_counter() - began)
    return {"json": statistics.median(taken[1:]) * 1000, "json cpu": statistics.median(cpu[1:]) * 1000}


def _children() -> float:
    """CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def traffic(seconds: float, rate: int) -> dict[str, float]:
    """KiB and CPU a second while a run goes on; the batch grid fixed and following."""
    link = Link(latency=SLOW_LATENCY) if rate == 2 else Link()
    out, cpu = {}, []
    with served(rate=FAST_RUN) as run, watching(run, link, emulates=True) as it:
        it.until_text(f"{rate}Hz")
        for name in ("following", "fixed"):
            began, before = time.monotonic(), it.cpu()
            time.sleep(seconds)
            out[f"{name} {rate}"] = it.sent_since(began) / seconds / 1024
            cpu.append((it.cpu() - before) / seconds * 100)
            it.pressed("F")
            time.sleep(1)
    return {**out, f"cpu {rate}": max(cpu)}


def idle(folder: Path) -> dict[str, float]:
    """Bytes between two looks at the machine, which come every five seconds and may change the gauges."""
    out = {}
    with screen(str(folder)) as it:
        it.drawn("[1 Files]", "Quit")
        time.sleep(SETTLE)
        for name in ("idle", "mouse"):
            looks = len(it.history)
            it.until(lambda looks=looks: len(it.history) > looks, seconds=15)  # type: ignore[misc]  # bound at once
            time.sleep(0.3)
            began = time.monotonic()
            for step in range(80):
                if name == "mouse":
                    it.send(f"\x1b[<35;{10 + step};{5 + step % 30}M")
                time.sleep(0.05)
            out[name] = float(it.sent_since(began))
    return out


def keys(folder: Path, presses: int) -> dict[str, float]:
    """From a key to what it painted: cursor down in the tree, and in the list of images of a run."""
    out = {}
    with screen(str(folder)) as it:
        it.drawn("[1 Files]", "Quit", "DSC_")
        time.sleep(SETTLE)
        out["key idle"] = _p90([_spaced(it.pressed(_up_or_down(number))) for number in range(presses)])
    with served(rate=FAST_RUN) as run, watching(run) as it:
        it.pressed("3", b"[3 Images]")
        time.sleep(1)
        out["key run"] = _p90([_spaced(it.pressed(_up_or_down(number), POINTER)) for number in range(presses)])
    return out


def _up_or_down(number: int) -> str:
    """Twenty times down, twenty times up: the cursor stays within a page, for where a list scrolls under it, it is not
    painted again."""
    return "jk"[number // 20 % 2]


def _spaced(seconds: float) -> float:
    time.sleep(0.07)  # keys of a hand, and not in step with the frames
    return seconds * 1000


def _p90(figures: Sequence[float]) -> float:
    return sorted(figures)[int(len(figures) * 0.9)]


def gaps(folder: Path, seconds: float) -> dict[str, float]:
    """How late the loop's own timer came at most."""
    out = {}
    with served(rate=FAST_RUN) as run:
        for name, link in (("gap still", Link()), ("gap narrow", NARROW)):
            notes = folder / name.replace(" ", "-")
            watched = [sys.executable, "-m", "tests.benchmarks.watched_screen", str(notes), "attach", run]
            with screen(*watched, link=link, whole=True) as it:
                it.drawn("RUN", "[2 Batches]", "Quit")
                time.sleep(SETTLE)
                began = time.monotonic()
                it.link.still = name == "gap still"
                time.sleep(seconds)
                it.link.still = False
                time.sleep(1)
            noted = [tuple(map(float, line.split())) for line in notes.read_text().splitlines()]
            out[name] = max((late for at, late in noted if at > began), default=0.0)
    return out


def memory(thousands: int) -> dict[str, float]:
    """Resident memory after looking through the panes."""
    with served(images=thousands * 1000, rate=FAST_RUN) as run, watching(run) as it:
        for key in "3G215":
            it.pressed(key)
            time.sleep(0.5)
        time.sleep(SETTLE)
        return {f"memory {thousands}": it.child.memory_info().rss / 2**20}


def verdict(row: Row, figure: float) -> str:
    if figure <= row.goal:
        return "goal"
    return "not the goal" if figure < row.fail or row.goal == row.fail else "FAILED"


def table(figures: dict[str, float]) -> list[str]:
    """One line a budget."""
    lines = [f"{'':54} {'figure':>9} {'goal':>6} {'fail':>6}"]
    for key, figure in figures.items():
        row = ROWS[key]
        name = f"{row.name}, {row.unit}{' *' if row.clock else ''}"
        digits = 0 if row.unit in ("ms", "MiB", "bytes") else 2
        lines.append(f"{name:54} {figure:9.{digits}f} {row.goal:6g} {row.fail:6g}  {verdict(row, figure)}")
    load = os.getloadavg()[0]
    lines.append(f"* on the clock; the machine's load was {load:.1f} on {os.cpu_count()} CPUs")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="screen", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts, of which the median counts (default 5)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of watching a run, for each figure (default 10)")
    parser.add_argument("--files", type=int, default=20_000, help="files in the folder that is opened")
    parser.add_argument("--only", metavar="PART", help="start, attach, traffic, idle, keys, gaps or memory")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of the table")
    given = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="imgopt-screen-") as name:
        folder = Path(name)
        isolate(folder)
        os.chdir(REPOSITORY)
        files, empty = folder / "files", folder / "empty"
        for made in (files, empty):
            made.mkdir()
        for number in range(given.files):
            (files / f"DSC_{number:05}.jpg").touch()
        parts: dict[str, list[Callable[[], dict[str, float]]]] = {
            "start": [
                lambda: until_drawn("paint", given.rounds, [str(files)], "[1 Files]"),
                lambda: start(["--version"], "version", given.rounds),
                lambda: begin(empty, given.rounds),
            ],
            "attach": [lambda: attaching(given.rounds)],
            "traffic": [lambda: traffic(given.seconds, 2), lambda: traffic(given.seconds, 10)],
            "idle": [lambda: idle(files)],
            "keys": [lambda: keys(files, int(given.seconds * 6))],
            "gaps": [lambda: gaps(folder, max(6.0, given.seconds))],
            "memory": [lambda: memory(10), lambda: memory(100)],
        }
        for part, measures in parts.items():
            if given.only in (None, part):
                say(f"{part} …")
                for measure in measures:
                    figures.update(measure())
    ordered = {key: figures[key] for key in ROWS if key in figures}
    show("screen", {"figures": ordered}, table(ordered), as_json=given.json)


if __name__ == "__main__":
    main()
