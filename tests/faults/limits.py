"""Figures of what a run may cost: ``python -m tests.faults.limits [NAME…]``; without names, all of them.

Each measurement prints what it found beside its goal; the exit code is 1 when one was missed. They take minutes and
want a machine that does little else; the suite has a short form of each (``tests/engine/test_goals.py``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.child import environment
from engine.events import Finished, Started, WorkerGone, WorkerReady
from engine.job import Job, Status
from engine.pool import ParallelProcessPool
from engine.run import Run
from engine.settings import Settings
from tests.corpus import CORPUS
from tests.pools import FAULTY, MIB, REAL, RECIPE, Recorder, make_jobs, open_pool

DATA = Path(__file__).resolve().parent.parent / "data"
SMALL = DATA / "pillow-tests__rgb_trns.png"
PHOTO = DATA / "libavif__paris_exif_xmp_icc.jpg"


@dataclass(frozen=True)
class Figure:
    """One number beside its goal; it holds when it is not above."""

    what: str
    value: float
    goal: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.value <= self.goal

    def __str__(self) -> str:
        word = "ok" if self.holds else "MISSED"
        return f"{word:7} {self.what}: {self.value:.4g} {self.unit} (goal: at most {self.goal:g})"


def high_water(pid: int) -> int:
    """Highest resident bytes of a process since it last began an image (``engine.resident.mark``)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def growth(folder: Path, images: int = 10_000, first: int = 1_000, workers: int = 2) -> list[Figure]:
    """Memory and open files over many images: means over the end and before the end of the first thousand."""
    samples = sorted(path for path in DATA.glob("*.*") if path.suffix in (".png", ".jpg", ".webp", ".gif"))
    copies = []
    for number, sample in enumerate(samples):
        copies.append(shutil.copyfile(sample, folder / f"{number}{sample.suffix}"))
    early: list[int] = []
    late: list[int] = []
    files: list[int] = []
    async with open_pool(workers, module=REAL, backlog=100) as (pool, recorder):
        for index in range(images):
            source = copies[index % len(copies)]
            target = folder / "out" / f"{index % 500}{source.suffix}"
            await pool.submit(Job(index, str(source), str(target), RECIPE, source.stat().st_size))
            if index % 25 == 0 and (pids := pool.pids().values()):
                total = sum(psutil.Process(pid).memory_info().rss for pid in [os.getpid(), *pids])
                if first // 2 <= index < first:
                    early.append(total)
                elif index >= images - first // 2:
                    late.append(total)
                files.append(max(open_files(pid) for pid in [os.getpid(), *pids]))
            del recorder.events[:-1000], recorder.times[:-1000]
        await pool.drain()
    times = sum(late) / len(late) / (sum(early) / len(early))
    return [
        Figure(f"memory at the end of {images:,} images against that after {first:,}", times, 1.10, "times"),
        Figure("open files of a process", max(files), 64, "files"),
        Figure("more of them at the end", max(files[-10:]) - max(files[:10]), 2, "files"),
    ]


async def bombs(folder: Path, pattern: str = "*") -> list[Figure]:
    """What refusing each hostile file costs; the best of three tries, because others are at work here too."""
    sets = ("hostile", "hostile_synth")
    found = sorted(path for name in sets for path in (CORPUS / name).glob(pattern) if path.is_file())
    slowest, largest, refused = (0.0, ""), (0, ""), 0
    async with open_pool(1, module=REAL, total=4096 * MIB) as (pool, recorder):
        await recorder.until(lambda: bool(recorder.of(WorkerReady)))
        warm = [job for _ in range(3) for job in make_jobs(folder, PHOTO, ["a"])]
        for number, path in enumerate([Path(job.source) for job in warm] + found):
            seconds, grown = [], []
            for turn in range(3):
                index = 3 * number + turn
                await pool.submit(Job(index, str(path), str(folder / "out" / f"{index}"), RECIPE, path.stat().st_size))
                await pool.drain()
                began = next(
                    at for at, event in _timed(recorder) if isinstance(event, Started) and event.index == index
                )
                ended = next(
                    at for at, event in _timed(recorder) if isinstance(event, Finished) and event.index == index
                )
                seconds.append(ended - began)
                slot = pool.workers.slots[next(iter(pool.pids()))]
                grown.append(high_water(pool.pids()[slot.number]) - slot.resident)
            if recorder.outcomes[3 * number].status in (Status.FAILED, Status.SKIPPED):
                refused += 1
                slowest = max(slowest, (min(seconds), path.name))
                largest = max(largest, (min(grown), path.name))
    return [
        Figure(f"slowest of {refused} refused files ({slowest[1]})", slowest[0] * 1000, 100, "ms"),
        Figure(f"hungriest of them ({largest[1]})", largest[0] / 1e6, 50, "MB"),
    ]


def _timed(recorder: Recorder) -> list[tuple[float, object]]:
    return list(zip(recorder.times, recorder.events, strict=True))


async def deaths(folder: Path, kills: int = 40) -> list[Figure]:
    """From a worker's death to its replacement at work, at the 95th percentile."""
    waits = []
    async with open_pool(2, module=REAL) as (pool, recorder):
        feeder = asyncio.create_task(_feed(pool, folder))
        await recorder.until(lambda: len(recorder.of(WorkerReady)) >= 2)
        for number in range(1, kills + 1):
            ready = len(recorder.of(WorkerReady))
            os.kill(list(pool.pids().values())[number % len(pool.pids())], 9)
            killed = time.monotonic()
            await recorder.until(lambda ready=ready: len(recorder.of(WorkerReady)) > ready)  # type: ignore[misc]
            waits.append(time.monotonic() - killed)
            await recorder.until(lambda: len(pool.pids()) == 2)
        feeder.cancel()
        pool.drop_waiting()
    waits.sort()
    return [Figure(f"from death to replacement, 95th percentile of {kills}", waits[int(kills * 0.95)], 1.0, "s")]


async def _feed(pool: ParallelProcessPool, folder: Path) -> None:
    (job,) = make_jobs(folder, PHOTO, ["fed"])
    index = 0
    while True:
        await pool.submit(Job(index, job.source, str(folder / "out" / f"{index % 100}.jpg"), RECIPE, job.size))
        index += 1


async def third(folder: Path, images: int = 150) -> list[Figure]:
    """Three in ten images kill their worker the first time; every image must come through."""
    names = [f"x{number}-segv-once" if number % 10 < 3 else f"i{number}" for number in range(images)]
    async with open_pool(2, module=FAULTY) as (pool, recorder):
        for job in make_jobs(folder, SMALL, names):
            await pool.submit(job)
        await pool.drain()
        good = sum(one.status in (Status.DONE, Status.KEPT) for one in recorder.outcomes.values())
        died = sum(bool(event.reason) for event in recorder.of(WorkerGone))
    return [
        Figure(f"images lost of {images} with {died} deaths", images - good, 0, "images"),
        Figure("deaths that did not happen", 3 * images // 10 - died, 0, "deaths"),
    ]


async def hangs(folder: Path, limit: float = 1.0) -> list[Figure]:
    """How long past its limit a worker lives that hangs, is deaf to SIGTERM, or was stopped."""
    late = []
    for word in ("hang", "deaf", "gate"):
        async with open_pool(2, module=FAULTY, timeout=limit) as (pool, recorder):
            for job in make_jobs(folder, SMALL, [f"x-{word}", *(f"{word}{number}" for number in range(8))]):
                await pool.submit(job)
            await recorder.until(lambda: any(event.index == 0 for event in recorder.of(Started)))
            began = time.monotonic()
            if word == "gate":
                slot = next(event.slot for event in recorder.of(Started) if event.index == 0)
                os.kill(pool.pids()[slot], 19)
            await recorder.until(lambda: 0 in recorder.outcomes)
            late.append(time.monotonic() - began - limit)
            await pool.drain()
            if sum(one.status is Status.FAILED for one in recorder.outcomes.values()) != 1:
                late.append(float("inf"))
    return [Figure("latest kill after the limit (hang, deaf to SIGTERM, SIGSTOP)", max(late), 2.0, "s")]


async def idle(folder: Path, seconds: float = 20.0) -> list[Figure]:
    """What the process of a paused run uses of one CPU."""
    make_jobs(folder, PHOTO, [f"i{number}" for number in range(500)])
    own = psutil.Process()
    async with Run([str(folder)], Settings(workers=2)) as run:
        await run.pause()
        while run.state.totals().running:  # noqa: ASYNC110  # its updates end with the last change
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        own.cpu_percent()
        await asyncio.sleep(seconds)
        used = own.cpu_percent()
    return [Figure("CPU of a paused run's own process", used, 2.0, "% of one CPU")]


async def scan(folder: Path, files: int = 1_000_000, folders: int = 2_000) -> list[Figure]:
    """Memory of the process that lists a million files, all of it counted."""
    from tests.benchmarks.scan import make_tree

    make_tree(folder, files, folders)
    words = [sys.executable, "-c", _SCAN, str(folder)]
    child = await asyncio.create_subprocess_exec(
        *words, env=environment(), cwd=DATA.parent.parent, stdout=subprocess.PIPE
    )
    said, _ = await child.communicate()
    found, peak = map(int, said.split())
    return [
        Figure("files not found", files - found, 0, "files"),
        Figure(f"memory with {files:,} files in the catalogue", peak / 1e6, 150 if files >= 1_000_000 else 60, "MB"),
    ]


_SCAN = """
import asyncio, re, sys
from engine.run import Run
from engine.settings import Settings

async def main():
    async with Run([sys.argv[1]], Settings(workers=2)) as run:
        await run.pause()
        while run.state.scanning:
            await asyncio.sleep(0.05)
        peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
        print(len(run.state.catalog), int(peak) * 1024)
        await run.cancel(now=True)

asyncio.run(main())
"""

MEASURES: dict[str, Callable[[Path], Coroutine[None, None, list[Figure]]]] = {
    "bombs": bombs,
    "growth": growth,
    "deaths": deaths,
    "third": third,
    "hangs": hangs,
    "idle": idle,
    "scan": scan,
}


def measure(name: str) -> list[Figure]:
    """One of them, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="imgopt-limits-") as folder:
        return asyncio.run(MEASURES[name](Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="limits", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    names = parser.parse_args().names or list(MEASURES)
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    missed = 0
    for name in names:
        if name == "bombs" and not CORPUS.is_dir():
            print(f"bombs: not measured, the corpus is not at {CORPUS}; set IMGOPT_TEST_IMAGES to where it is")
            continue
        for figure in measure(name):
            print(f"{name:8} {figure}", flush=True)
            missed += not figure.holds
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
