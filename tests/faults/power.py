"""Power loss: the order of calls that makes it harmless, and copies of a real file system taken at random instants."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.oracle import Loss, Tree
from tests.faults.running import REAL, run_tree, worker_commands
from tests.faults.scenes import Scene, settings_of
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, Call, injected, read_log
from tests.faults.trees import plant

NAMING = ("rename", "renameat", "renameat2", "link", "linkat")
FILLING = ("write", "pwrite64", "ftruncate", "fallocate", "fchmod", "fchown", "utimensat", "fsetxattr")
SYNCS = ("fsync", "fdatasync")
IMAGE_MB = 48
AFTER_SECONDS = 1.5
"""How long copies are taken after the run: the file system's own journal is written every second."""


def from_to(call: Call) -> tuple[str, str]:
    """Old and new path of a call that names a file."""
    paths = call.paths
    return (paths[0], paths[1]) if len(paths) == 2 else (paths[1], paths[3])


def _synced(calls: Sequence[Call], path: str, start: int, end: int) -> bool:
    return any(call.name in SYNCS and call.paths[:1] == (path,) and not call.failed for call in calls[start:end])


def order(calls: Sequence[Call], folder: str) -> tuple[int, list[Loss]]:
    """How many results got their names below ``folder`` in a log of a worker, and what was out of order:

    temp filled ▸ temp synced ▸ [original linked away ▸ that folder synced] ▸ renamed ▸ folder synced ▸ told
    """
    found, results = [], 0
    for at, call in enumerate(calls):
        if call.name not in NAMING or call.failed:
            continue
        old, new = from_to(call)
        if not new.startswith(folder) or not os.path.basename(old).startswith(".imgopt-"):
            continue
        results += 1
        filled = [n for n in range(at) if calls[n].name in FILLING and calls[n].paths[:1] == (old,)]
        if not filled or not _synced(calls, old, filled[-1], at):
            found.append(Loss("order", new, "got its name before the temp was synced"))
        told = (n for n in range(at, len(calls)) if _tells(calls[n]) and calls[n].thread == call.thread)
        if not _synced(calls, os.path.dirname(new), at, next(told, len(calls))):
            found.append(Loss("order", new, "was reported before its folder was synced"))
        for n in range(at):
            if calls[n].name in ("link", "linkat") and not calls[n].failed and from_to(calls[n])[0] == new:
                kept = os.path.dirname(from_to(calls[n])[1])
                if not _synced(calls, kept, n, at):
                    found.append(Loss("order", new, "was replaced before the folder of its backup was synced"))
    return results, found


def _tells(call: Call) -> bool:
    """Whether a call says something to the parent."""
    return call.name == "write" and call.text.partition("<")[2].startswith("pipe:")


def traced_order(scene: Scene, module: str = REAL) -> tuple[int, list[Loss]]:
    """``order`` of a run over a scene."""
    scene.fresh()
    log = os.fspath(scene.base / "order")
    with worker_commands(injected(log=log, calls=CHANGING), module):
        scene.run()
    return order(read_log(log), os.fspath(scene.base))


# ── copies of a file system ──────────────────────────────────────────────────────────────────────────────────────────


class Disk:
    """An ext4 file system in a file, mounted; what lies in the file is what a power loss would leave."""

    def __init__(self, folder: Path) -> None:
        self.image = folder / "disk"
        self.mount = folder / "mnt"
        self.mount.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_MB << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", os.fspath(self.image)], check=True)

    def attach(self, image: Path | None = None) -> None:
        """Mount it, or a copy in its place; so that the file system does not make every rename safe by itself."""
        options = "loop,noauto_da_alloc,commit=1"
        subprocess.run(["mount", "-o", options, os.fspath(image or self.image), os.fspath(self.mount)], check=True)

    def detach(self) -> None:
        """Unmount what is there."""
        subprocess.run(["umount", os.fspath(self.mount)], check=True)

    def copy(self, to: Path) -> None:
        """What is in the file now."""
        subprocess.run(["cp", "--sparse=always", os.fspath(self.image), os.fspath(to)], check=True)


def copies(disk: Disk, root: Path, module: str, chance: random.Random) -> Iterator[Path]:
    """Run over a tree on the disk and copy it meanwhile and shortly after."""
    over = threading.Event()
    made: list[Path] = []

    def copy() -> None:
        end = None
        while end is None or time.monotonic() < end:
            if end is None and over.is_set():
                end = time.monotonic() + AFTER_SECONDS
            made.append(disk.image.with_name(f"copy-{len(made)}"))
            disk.copy(made[-1])
            time.sleep(chance.uniform(0.0, 0.06 if end is None else 0.4))  # the instant is what is tried

    copier = threading.Thread(target=copy)
    copier.start()
    try:
        with worker_commands((), module):
            run_tree([os.fspath(root)], settings_of("in place", ""))
    finally:
        over.set()
        copier.join()
    yield from made


def power_cuts(bench: Bench, module: str = REAL, *, runs: int = 1) -> tuple[int, list[Loss]]:
    """How many copies were looked at, and what was lost in them. Needs root."""
    chance = random.Random(bench.seed)
    seen, losses = 0, []
    for number in range(runs):
        folder = bench.folder(f"disk-{module}-{number}")
        disk = Disk(folder)
        disk.attach()
        try:
            root = plant(bench.samples(40), disk.mount / "in")
            os.sync()
            tree = Tree(root, bench.base / "pristine", bench.judge)
            made = list(copies(disk, root, module, chance))
        finally:
            disk.detach()
        for copy in made:
            disk.attach(copy)
            try:
                losses += tree.losses(replaced=True, over=False)
            finally:
                disk.detach()
            copy.unlink()
            seen += 1
    return seen, losses


def can_mount() -> str:
    """Why file systems cannot be made and mounted here; empty when they can."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("mkfs.ext4") or not os.path.exists("/dev/loop-control"):
        return "needs mkfs.ext4 and loop devices"
    return ""


def power_loss(bench: Bench) -> list[Row]:
    """Both."""
    rows = []
    for mode in ("in place", "tree", "beside", "siblings") if bench.long else ("in place",):
        if STRACE is None:
            rows.append(Row(f"power loss, order of calls, {mode}", "strace log", 0, note="strace is not installed"))
            continue
        scene = Scene(mode, bench.folder(f"order-{mode}"), bench.samples(8), bench.judge)
        results, losses = traced_order(scene)
        rows.append(Row(f"power loss, order of calls, {mode}", "results whose calls were looked at", results, losses))
    name, what = "power loss, copies of the disk", "copies of an ext4 at random instants, mounted"
    if (why := can_mount()) or not bench.long:
        rows.append(Row(name, what, 0, note=why or "only in the long form"))
    else:
        seen, lost = power_cuts(bench, runs=4)
        rows.append(Row(name, what, seen, lost))
    return rows
