"""The areas that hold a run's originals: what each says of itself, and how they are found by the run's id.

An area is ``<root>/.imgopt-backups/<run>``, or ``<folder>/<run>/<number>`` with a folder of the user's choice. It holds
backups, ledgers and ``run.json``. Because an area inside its root moves with it, paths are taken relative to the root.
Where the areas of a run were made is also noted in the state folder, so that its id alone finds them; nothing depends
on that note.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.backup import AREA, is_backup
from engine.descriptors import Lock, open_locked
from engine.errors import PlanError
from engine.ledger import SUFFIX, Entry, ledgers, read_ledger
from engine.places import state_folder

__all__ = [
    "LAST",
    "Area",
    "chosen",
    "describe",
    "find_areas",
    "forget_area",
    "note_areas",
    "owner_is_gone",
    "read_area",
    "sweep_area",
    "take",
]

ABOUT = "run.json"
LAST = "last"
"""Stands for the newest run that is found."""


@dataclass(frozen=True, slots=True)
class Area:
    """The originals that one run replaced in one root."""

    folder: str
    run: str
    root: str
    """Where the images are now."""
    was: str
    """Where they were when the run worked."""
    started: float = 0.0
    """Seconds since the epoch; 0 when not known."""
    summary: str = ""

    def entries(self) -> Iterator[tuple[Entry, int]]:
        """What was replaced, with paths as they are now, and when its ledger was last written to (nanoseconds since the
        epoch: later changes of a file are not the run's). A ledger that cannot be read is passed over."""
        for path in ledgers(self.folder):
            with contextlib.suppress(OSError):
                until = os.stat(path).st_mtime_ns
                for entry in read_ledger(path):
                    yield self._moved(entry), until

    def backups(self) -> Iterator[os.DirEntry[str]]:
        """The originals; raises OSError."""
        with os.scandir(self.folder) as listed:
            yield from (entry for entry in listed if is_backup(entry.name))

    def _moved(self, entry: Entry) -> Entry:
        backup = os.path.join(self.folder, os.path.basename(entry.backup)) if entry.backup else ""
        return replace(entry, source=self._path(entry.source), target=self._path(entry.target), backup=backup)

    def _path(self, path: str) -> str:
        if self.root == self.was:
            return path
        below = os.path.relpath(path, self.was)
        return path if below.startswith(os.pardir) else os.path.join(self.root, below)


def describe(folder: str, root: str, run: str, started: float, summary: str) -> None:
    """Have an area say what it is, and that this process works in it; raises OSError."""
    about = {"run": run, "root": root, "started": started, "settings": summary, "owner": [_where(), os.getpid()]}
    fd = os.open(
        os.path.join(folder, ABOUT), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    with open(fd, "w", encoding="ascii") as file:
        json.dump(about, file)


def _where() -> str:
    """What process ids are good for: this host since it was started, and this container; empty when not known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def owner_is_gone(folder: str) -> bool:
    """Whether the process that described an area has certainly ended; False also when nobody can tell."""
    owner = _about(folder).get("owner")
    if not isinstance(owner, list) or len(owner) != 2 or not isinstance(owner[1], int):
        return False
    if not owner[0] or owner[0] != _where():
        return False
    try:
        os.kill(owner[1], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _about(folder: str) -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError), open(os.path.join(folder, ABOUT), encoding="ascii") as file:
        loaded = json.load(file)
        return loaded if isinstance(loaded, dict) else {}
    return {}


def read_area(folder: str) -> Area | None:
    """The area at ``folder``; None when there is none."""
    folder = os.path.realpath(folder)
    above, run = os.path.split(folder)
    inside = os.path.basename(above) == AREA
    about = _about(folder)
    if not about and not (inside and ledgers(folder)):
        return None
    root = os.path.dirname(above) if inside else str(about.get("root", ""))
    started = about.get("started")
    was = about.get("root") or (_root_then(folder) if inside else root)
    return Area(
        folder,
        run if inside else str(about.get("run", "")),
        root,
        str(was or root),
        float(started) if isinstance(started, int | float) else 0.0,
        str(about.get("settings", "")),
    )


def _root_then(folder: str) -> str:
    """Where the root of an area inside it was, by the ledgers; empty when they do not say."""
    with contextlib.suppress(OSError):
        for path in ledgers(folder):
            for entry in read_ledger(path):
                if entry.backup:
                    return os.path.dirname(os.path.dirname(os.path.dirname(entry.backup)))
    return ""


def find_areas(places: Sequence[str], *, known: bool = True) -> list[Area]:
    """The areas of ``places`` (roots, what lies below roots, or folders given with --backup-folder), and with ``known``
    those that the state folder knows of; oldest run first."""
    folders: list[str] = []
    for place in places:
        path = os.path.realpath(place)
        folders += glob.glob(os.path.join(glob.escape(path), "*", "[0-9]*"))
        while True:
            folders += glob.glob(os.path.join(glob.escape(path), AREA, "*"))
            above = os.path.dirname(path)
            if above == path:
                break
            path = above
    folders += known_areas() if known else ()
    found = (read_area(folder) for folder in dict.fromkeys(map(os.path.realpath, folders)))
    return sorted((area for area in found if area is not None), key=lambda area: (area.started, area.folder))


def chosen(areas: Iterable[Area], run: str) -> list[Area]:
    """Those of the run whose id begins with ``run``, or of the newest for ``last``; raises PlanError when that is more
    than one run."""
    areas = list(areas)
    if run == LAST:
        run = areas[-1].run if areas else ""
    found = [area for area in areas if run and area.run.startswith(run)]
    names = list(dict.fromkeys(area.run for area in found))
    if len(names) > 1 and run not in names:
        raise PlanError(f"{run} is the beginning of several runs: {', '.join(names)}")
    return [area for area in found if len(names) == 1 or area.run == run]


def _note(run: str) -> str:
    return str(state_folder() / "areas" / f"{run}.json")


def note_areas(run: str, folders: Sequence[str]) -> None:
    """Remember where the areas of a run are; a state folder that cannot be written is no reason to stop."""
    with contextlib.suppress(OSError):
        path = _note(run)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            json.dump(list(folders), file)


def known_areas() -> Iterator[str]:
    """Folders that were areas when they were noted."""
    for path in glob.glob(_note("*")):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            yield from (folder for folder in json.load(file) if isinstance(folder, str))


def take(area: Area) -> int:
    """A descriptor of an area that nobody else works in; raises OSError, or PlanError when somebody does."""
    fd, lock = open_locked(area.folder)
    if lock is Lock.TAKEN:
        os.close(fd)
        raise PlanError(f"{area.folder}: run {area.run} or its undo is at work here; wait for its end")
    return fd


def sweep_area(folder: str, run: str) -> None:
    """Remove an area that nothing went to."""
    with contextlib.suppress(OSError):
        if not any(is_backup(name) or name.endswith(SUFFIX) for name in os.listdir(folder)):
            forget_area(folder, run)


def forget_area(area_folder: str, run: str) -> None:
    """Remove an area that holds nothing but words about originals that are not there any more; any other stays."""
    try:
        names = os.listdir(area_folder)
        if any(map(is_backup, names)):
            return
        for name in sorted(names, key=ABOUT.__eq__):  # an area is found by it, so it goes last
            os.unlink(os.path.join(area_folder, name))
        os.rmdir(area_folder)
        os.rmdir(os.path.dirname(area_folder))
    except OSError:
        pass  # another run's area beside it keeps the folder above
    with contextlib.suppress(OSError, ValueError):
        with open(_note(run), encoding="ascii") as file:
            left = [folder for folder in json.load(file) if os.path.isdir(folder)]
        if not left:
            os.unlink(_note(run))
