"""Whether a watch misses nothing and does nothing twice: ``python -m tests.benchmarks.watch``.

10,000 small JPEGs (``--files``) are dropped within 10 s (``--seconds``) into a folder that is watched in place: written
at once, written in pieces, renamed into place, some renamed afterwards, in new folders. ``--kill`` ends the watch with
SIGKILL in the middle and starts it again. In place each replacement keeps an original, so those tell what was done how
often. Before that single files are dropped, for the time from the close of a file to its result.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from engine.backup import AREA, is_backup
from engine.child import environment
from tests.benchmarks.process import REPOSITORY, isolate

MAKE = """
import sys, pyvips
noise = pyvips.Image.perlin(64, 48, cell_size=16, seed=3).linear(90, 128).cast("uchar")
noise.bandjoin([noise.rot180(), noise.fliphor()]).copy(interpretation="srgb").write_to_file(sys.argv[1], Q=97)
"""
FOLDERS = 37
QUIET = 5.0
"""Seconds without anything new after which all is taken to be done."""


@contextmanager
def watching(root: Path, settle: float) -> Iterator[psutil.Process]:
    """A watch from when it is watching; killed at the end unless it has ended."""
    command = [sys.executable, "-m", "tui", "watch", str(root), "--in-place", "--settle", str(settle)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE) as it:
        assert it.stderr is not None
        began = any(b": watching " in line for line in it.stderr)
        reader = threading.Thread(target=it.stderr.read, daemon=True)
        reader.start()
        try:
            assert began, "it ended"
            yield psutil.Process(it.pid)
        finally:
            it.send_signal(signal.SIGTERM)
            it.wait()
            reader.join()


def drop(root: Path, data: bytes, numbers: range, pause: float) -> None:
    """Files with these numbers, each with a content of its own, one every ``pause`` seconds."""
    began = time.monotonic() - numbers.start * pause
    for number in numbers:
        path = root / f"d{number % FOLDERS}" / f"i{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        content = data + b"%d" % number
        if number % 3 == 0:
            path.with_suffix(".part").write_bytes(content)
            path.with_suffix(".part").rename(path)
        else:
            with open(path, "wb", buffering=0) as file:
                file.write(content[: 500 * (number % 3)])
                file.write(content[500 * (number % 3) :])
        if number % 11 == 0:
            path.rename(path.with_name(f"renamed{number}.jpg"))
        time.sleep(max(0.0, began + number * pause - time.monotonic()))


def kept(root: Path) -> int:
    """Originals in the backups."""
    return sum(is_backup(name) for _, _, names in os.walk(root / AREA) for name in names)


def until_quiet(root: Path) -> float:
    """When the last original was kept, by the monotonic clock."""
    count, last = -1, time.monotonic()
    while time.monotonic() - last < QUIET:
        if (now := kept(root)) != count:
            count, last = now, time.monotonic()
        time.sleep(0.2)
    return last


def latencies(root: Path, data: bytes, tries: int, settle: float) -> list[float]:
    """Seconds from the close of a single file to its result, beyond the settle time."""
    found = []
    for number in range(tries):
        path = root / f"single{number}.jpg"
        path.write_bytes(data + b"single%d" % number)
        before, began = path.stat().st_ino, time.monotonic()
        while path.stat().st_ino == before:
            time.sleep(0.005)
        found.append(time.monotonic() - began - settle)
    return found


def measure(folder: Path, files: int, seconds: float, *, kill: bool, tries: int, settle: float) -> dict[str, float]:
    """All figures."""
    root = folder / "in"
    root.mkdir()
    subprocess.run([sys.executable, "-c", MAKE, str(folder / "small.jpg")], check=True)
    data = (folder / "small.jpg").read_bytes()
    with watching(root, settle):
        singles = latencies(root, data, tries, settle)
    began = time.monotonic()
    half = files // 2 if kill else files
    with watching(root, settle) as it:
        drop(root, data, range(half), seconds / files)
        if kill:
            it.kill()
            it.wait()
        else:
            last, memory = until_quiet(root), it.memory_info().rss
    if kill:
        with watching(root, settle) as it:
            drop(root, data, range(half, files), seconds / files)
            last, memory = until_quiet(root), it.memory_info().rss
    originals = Counter(path.read_bytes() for path in (root / AREA).rglob("*") if is_backup(path.name))
    wanted = {data + b"%d" % number for number in range(files)}
    return {
        "files": files,
        "missed": len(wanted - set(originals)),
        "twice": sum(count - 1 for count in originals.values()),
        "seconds": last - began,
        "latency": statistics.median(singles),
        "megabytes": memory / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="watch", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="in which they are dropped")
    parser.add_argument("--kill", action="store_true", help="SIGKILL it in the middle, and start it again")
    parser.add_argument("--tries", type=int, default=9, help="single files")
    parser.add_argument("--settle", type=float, default=2.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watch-") as name:
        folder = Path(name)
        isolate(folder)
        how = {"kill": given.kill, "tries": given.tries, "settle": given.settle}
        figures = measure(folder, given.files, given.seconds, **how)
    if given.json:
        print(json.dumps({"benchmark": "watch", **figures}))
        return
    print(f"{figures['files']} files: {figures['missed']} missed, {figures['twice']} done twice")
    print(
        f"all done {figures['seconds']:.0f} s after the first came; the watch then holds {figures['megabytes']:.0f} MB"
    )
    print(f"a single file: done {figures['latency']:.2f} s after the settle time (median)")


if __name__ == "__main__":
    main()
