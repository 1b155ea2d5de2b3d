"""How long a run over a tree that is nearly done takes until it encodes: ``python -m tests.benchmarks.resume``.

Each run is a fresh process that tells when a worker has begun the first image, and is ended then.

The tree holds 100,000 small files (``--files``) of which the last hundredth is still to be done; what is known of the
others is written down as runs in place do it. ``journal``: all of it is in the journal. ``ledgers``: the run before was
killed, and the journal is lost, so that everything is learned from the ledgers beside the backups.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from engine.events import Event, Started
from engine.journal_file import JournalFile
from engine.ledger import Entry, Ledgers, content_hash
from engine.marks import rows_of
from engine.places import journal_file
from engine.run import Run
from engine.settings import Settings
from engine.source import Identity
from tests.benchmarks.process import REPOSITORY, children_cpu, isolate, module

FOLDERS = 100
SHARE = 0.99
SETTINGS = Settings(in_place=True, allow_loss=("trailing",))


def make_tree(root: Path, files: int) -> list[Entry]:
    """The files, and what a run in place would have written down of those that are done."""
    sample = next((Path(__file__).parents[2] / "tui" / "demo_images").glob("*.jpg")).read_bytes()
    key = SETTINGS.recipe().key
    entries = []
    for number in range(files):
        folder = root / f"{number * FOLDERS // files:03}"
        folder.mkdir(parents=True, exist_ok=True)
        done = number < files * SHARE
        data = b"done %d" % number if done else sample + b"%d" % number
        path = folder / f"{number:06}.jpg"
        path.write_bytes(data)
        if done:
            after = Identity.of(path.stat())
            before, hashes = Identity(after.device, 1, 2 * after.size, 0, 0), (f"{number:032x}", content_hash(data))
            backup = str(root / ".imgopt-backups" / "0badcafe" / f"{number:07}-{path.name}")
            names = str(path), before, hashes[0], key
            entries.append(
                Entry(*names, lossy=True, target=str(path), after=after, after_hash=hashes[1], backup=backup)
            )
    return entries


def fill_journal(entries: list[Entry]) -> None:
    """As the run's own thread does it."""
    file = JournalFile(journal_file())
    rows = [rows_of(entry, "0badcafe", "") for entry in entries]
    with file.transaction():
        file.put([], [row for stats, _ in rows for row in stats], [row for _, marks in rows for row in marks])
    file.close()


def write_ledgers(root: Path, entries: list[Entry]) -> None:
    """As the workers of a run that was killed left them."""
    folder = root / ".imgopt-backups" / "0badcafe"
    folder.mkdir(parents=True)
    ledgers = Ledgers()
    for start in range(0, len(entries), 1000):
        ledgers.append(str(folder), entries[start : start + 1000], sync=False)
    ledgers.close()


def until_first(root: Path) -> tuple[float, int, float]:
    """Seconds from the start of a process to the first image that a worker begins, the images left out before, and the
    CPU seconds of the process with its workers to its end, which says more where others are at work too."""
    began, before = time.monotonic(), children_cpu()
    with subprocess.Popen(module("resume", "--child", root), stdout=subprocess.PIPE, cwd=REPOSITORY) as run:
        assert run.stdout is not None
        line = run.stdout.readline()
        seconds = time.monotonic() - began
        run.stdout.read()
    return seconds, int(line), children_cpu() - before


async def child(root: Path) -> None:
    """Run until the first image is begun; prints how many were left out before."""
    told = False

    def on_event(event: Event) -> None:
        nonlocal told
        if isinstance(event, Started) and not told:
            told = True
            print(run.state.already, flush=True)
            ending.append(asyncio.create_task(run.cancel(now=True)))

    ending: list[asyncio.Task[None]] = []
    run = Run([str(root)], SETTINGS, on_event=on_event)
    async with run:
        await run.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="resume", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        asyncio.run(child(given.child))
        return
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        folder = Path(name)
        isolate(folder)
        figures: dict[str, dict[str, float]] = {}
        for way in ("new", "journal", "ledgers"):
            root = folder / way
            entries = make_tree(root, given.files if way != "new" else max(1, given.files // 100))
            if way == "journal":
                fill_journal(entries)
            elif way == "ledgers":
                shutil.rmtree(os.environ["XDG_STATE_HOME"])
                write_ledgers(root, entries)
            seconds, already, cpu = until_first(root)
            figures[way] = {"seconds": seconds, "cpu": cpu, "already": already}
    figures["new"].pop("already")
    if given.json:
        print(json.dumps({"benchmark": "resume", "files": given.files, **figures}))
        return
    for way, found in figures.items():
        left_out = found.get("already", 0)
        print(
            f"{way:8} {found['seconds']:6.2f} s to the first image, {found['cpu']:6.2f} s of CPU, {left_out} left out"
        )


if __name__ == "__main__":
    main()
