"""What runs that were killed have left: their results are made known, and originals that were not replaced come out of
the backups, so that they have one name again.

A folder of records is in use as long as its run holds a lock on it (``RunRecords.prepare``). The same way a journal
that is new or was lost learns what the ledgers beside the backups know.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.areas import owner_is_gone, read_area
from engine.backup import AREA, is_backup
from engine.descriptors import Lock, close, open_locked
from engine.journal_file import JournalFile
from engine.ledger import SUFFIX, Entry, is_written, ledgers, read_ledger
from engine.marks import rows_of
from engine.records import COMPLETE, complete
from engine.source import Identity

__all__ = ["Recovered", "folders_of_records", "learn"]

ROWS_AT_ONCE = 5_000
REST_SECONDS = 600.0
"""A worker without its runner is long gone then, also one that hung in a call to a file server."""
_UNREAD = "{}: what an earlier run wrote down cannot be read ({})"


@dataclass(slots=True)
class Recovered:
    """What was found."""

    results: int = 0
    """Results that runs which were killed had put in place."""
    originals: int = 0
    """Originals that were in the backups and had not been replaced."""


def folders_of_records(roots: Iterable[str], place: str | None, state: Path) -> list[str]:
    """Every folder of records that runs over ``roots`` may have left, in the roots, in the folder for backups ``place``
    and in the state folder."""
    found = [*_below(str(state / "records"))]
    for root in dict.fromkeys(roots):
        found += _below(os.path.join(root, AREA))
    if place is not None:
        for run in _below(os.path.realpath(place)):
            found += _below(run)
    return list(dict.fromkeys(found))


def _below(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def learn(journal: JournalFile, folders: Sequence[str], own: Sequence[str], tell: Callable[[str], None]) -> Recovered:
    """Take in the ledgers of ``folders`` that the journal has not got, and bring the backups of dead runs in order.
    ``own`` are the folders of this run. What cannot be read is told to ``tell``. Raises sqlite3.Error."""
    recovered = Recovered()
    for folder in folders:
        if folder in own or journal.knows_folder(folder):
            continue
        try:
            fd, lock = open_locked(folder)
        except OSError as error:
            tell(_UNREAD.format(folder, error.strerror))
            continue
        try:
            over = _is_over(folder, lock)
            dead = over and not os.path.exists(os.path.join(folder, COMPLETE))
            backups = {name for name in os.listdir(folder) if not name.endswith(SUFFIX)} if dead else set()
            results = _take_in(journal, folder, backups, recovered)
            recovered.originals += _release_unnamed(folder, backups)
            if over:
                journal.add_folder(folder)
            if dead:
                recovered.results += results
                complete(folder)
        except OSError as error:
            tell(_UNREAD.format(folder, error.strerror))
        finally:
            close(fd)
    return recovered


def _is_over(folder: str, lock: Lock) -> bool:
    """Whether nobody works with a folder of records any more. Where the file system has no locks that is certain only
    of a process of this host, and of its workers once they have not written for a while."""
    if lock is Lock.TAKEN or any(is_written(path) for path in ledgers(folder)):
        return False  # the second: its runner is gone, a worker is about to follow
    if lock is Lock.OURS:
        return True
    newest = max((os.stat(path).st_mtime for path in ledgers(folder)), default=0.0)
    return owner_is_gone(folder) and time.time() - newest > REST_SECONDS


def _take_in(journal: JournalFile, folder: str, backups: set[str], recovered: Recovered) -> int:
    """Put the ledgers of a folder into the journal; ``backups`` is left with the names that no line speaks of, and is
    empty for a run that is alive or complete."""
    run, dead, results = _run_of(folder), bool(backups), 0
    stats: list[tuple[object, ...]] = []
    marks: list[tuple[object, ...]] = []

    def put() -> None:
        with journal.transaction():
            journal.put([], stats, marks)
        stats.clear()
        marks.clear()

    for entry in _entries(folder):
        now = entry.happened()
        if dead and entry.backup:
            backups.discard(os.path.basename(entry.backup))
            recovered.originals += now is None and _release(entry)
        results += now is not None
        after = now or (replace(entry.after, ctime_ns=0) if entry.after is not None else None)
        more_stats, more_marks = rows_of(replace(entry, after=after), run, None)
        stats += more_stats
        marks += more_marks
        if len(marks) > ROWS_AT_ONCE:
            put()
    put()
    return results


def _run_of(folder: str) -> str:
    """The run a folder of records belongs to; with ``--backup-folder`` there is one more level, a number."""
    name = os.path.basename(folder)
    above = os.path.dirname(folder)
    return os.path.basename(above) if name.isdigit() and os.path.basename(above) != AREA else name


def _entries(folder: str) -> Iterator[Entry]:
    area = read_area(folder)
    if area is not None:
        found = (entry for entry, _ in area.entries())
    else:
        found = (entry for path in ledgers(folder) for entry in read_ledger(path))
    for entry in found:
        with contextlib.suppress(ValueError):  # a hash that is none
            bytes.fromhex(entry.before_hash + entry.after_hash)
            yield entry


def _release(entry: Entry) -> bool:
    """Take an original out of the backups that still has its own name as well."""
    try:
        own, kept = os.stat(entry.source, follow_symlinks=False), os.stat(entry.backup, follow_symlinks=False)
        linked = (own.st_dev, own.st_ino) == (kept.st_dev, kept.st_ino)
        if not linked and Identity.of(own) != entry.before:  # where links are refused, the backup is a copy
            return False
        os.unlink(entry.backup)
    except OSError:
        return False
    return True


def _release_unnamed(folder: str, names: Iterable[str]) -> int:
    """The same for links that no line speaks of: the line comes before the rename, so nothing was replaced yet."""
    released = 0
    for name in names:
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            if is_backup(name) and os.lstat(path).st_nlink > 1:
                os.unlink(path)
                released += 1
    return released
