"""Somebody else changes, removes, moves or replaces a file while its result is on its way to disk."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.oracle import BACKUPS, TEMP, Loss, digest
from tests.faults.running import REAL, run_tree, worker_commands
from tests.faults.scenes import settings_of
from tests.faults.table import Bench, Row
from tests.faults.tracing import STRACE, injected

DELAY_MS = 600
"""How long the sync of a temp takes: the time to do something in."""
SECONDS = 20.0
THEIRS = b"\xff\xd8 what somebody else put there \xff\xd9"
Change = Callable[[Path], None]


def _rewrite(path: Path) -> None:
    """The same size and the same time as before."""
    status = path.stat()
    path.write_bytes(THEIRS.ljust(status.st_size, b"\0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _append(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(THEIRS)


def _replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(THEIRS)
    os.replace(new, path)


def _link(path: Path) -> None:
    victim = path.parent.parent / "victim.jpg"
    shutil.copyfile(path, victim)
    path.unlink()
    path.symlink_to(victim)


def _move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


def _replace_folder(path: Path) -> None:
    """The folder is moved away, and another one with a file of the same name takes its place."""
    _move_folder(path)
    path.parent.mkdir()
    path.write_bytes(THEIRS)


CHANGES: dict[str, Change] = {
    "rewritten": _rewrite,
    "appended to": _append,
    "replaced": _replace,
    "removed": Path.unlink,
    "made a link": _link,
    "folder moved": _move_folder,
    "folder replaced": _replace_folder,
}


def _content(folder: Path) -> dict[str, str]:
    """Relative path → what lies there; temps and backups left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        relative = os.path.relpath(path, folder)
        if TEMP.fullmatch(path.name) or BACKUPS in relative.split(os.sep):
            continue
        if path.is_symlink():
            found[relative] = f"link {os.readlink(path)}"
        elif path.is_file():
            found[relative] = digest(os.fspath(path))
    return found


def change(bench: Bench, name: str, module: str = REAL) -> list[Loss]:
    """Change a source while the sync of its temp takes its time; what is wrong afterwards."""
    base = bench.folder(f"{name.replace(' ', '-')}-{module}")
    root, source = base / "in", base / "in" / "below" / "p.jpg"
    source.parent.mkdir(parents=True)
    shutil.copyfile(bench.samples(1)[0], source)
    after: list[dict[str, str]] = []

    def when_there_is_a_temp() -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if any(TEMP.fullmatch(entry.name) for entry in source.parent.iterdir()):
                CHANGES[name](source)
                after.append(_content(base))
                return
            time.sleep(0.005)  # nothing tells of a new file

    slow = f"fsync:delay_enter={DELAY_MS}ms"
    log = os.fspath(bench.base / f"log-{base.name}")
    watcher = threading.Thread(target=when_there_is_a_temp)
    watcher.start()
    with worker_commands(injected(log=log, calls=["fsync"], inject=slow, more=["--seccomp-bpf"]), module):
        ran = run_tree([os.fspath(root)], settings_of("in place", ""))
    watcher.join()
    if not after:
        return [Loss("report", name, "no temp was seen: nothing was changed in time")]
    losses, now, moved = [], _content(base), os.path.join("in", "moved", source.name)
    if moved in now:
        # The folder is known by its descriptor: the result goes where the original is now.
        wrong = bench.judge.wrong(os.fspath(bench.samples(1)[0]), os.fspath(base / moved))
        losses += [Loss("damaged", moved, wrong)] if wrong else []
        after[0][moved] = now[moved]
    elif [result["status"] for result in ran.results] not in (["skipped"], ["failed"]):
        losses.append(Loss("report", name, f"reported as {ran.results}"))
    if now != after[0]:
        losses.append(Loss("changed", name, f"{now} instead of {after[0]}"))
    if any(TEMP.fullmatch(path.name) for path in base.rglob("*")):
        losses.append(Loss("temp", name, "left behind"))
    return losses


def meanwhile(bench: Bench) -> list[Row]:
    """Every change, and the check that a writer which does not look is caught."""
    if STRACE is None:
        return [Row("source changed during the write", "", 0, note="strace is not installed")]
    rows = []
    for name in CHANGES if bench.long else ("rewritten", "replaced"):
        rows.append(Row("source changed during the write", name, 1, change(bench, name)))
    if bench.long:
        os.environ["IMGOPT_UNSAFE"] = "blind"
        found = change(bench, "replaced", "tests.faults.unsafe_worker")
        caught = any(loss.clause == "changed" for loss in found)
        rows.append(Row("checker: a writer that does not look", "replaced", 1, [] if caught else ["not caught"]))
    return rows
