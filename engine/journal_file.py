"""The journal's file: one SQLite database for all runs of a user (``journal_tables.py``). Paths are the bytes the
file system knows.

Everything about single files is keyed by content, so renamed, copied and touched files are known again; ``stats`` only
saves reading them. Nothing here is needed to put an original back: that is in the ledgers beside the backups.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from engine.journal_tables import VERSION, ResultRow, bring_up, storable
from engine.ledger import Entry
from engine.marks import MARK_COLUMNS, Kind, Mark, mark_of, signed
from engine.samples import Sample
from engine.view import LogLine

__all__ = ["Damaged", "JournalFile", "is_damage", "move_aside"]

LOCK_SECONDS = 5.0
"""How long to wait for another process that writes."""
CHECKED_BYTES = 64 * 1024**2
"""Journals up to this size are checked whole when they are opened; larger ones after a run that was killed."""
COPIED_BYTES = 256 * 1024**2
"""A journal that cannot be written is read into memory up to this size."""
RUNS_WITH_RESULTS = 50
"""Of older runs the single images are forgotten; their marks stay."""
_OF_RUNS = ("results", "samples", "log", "listed")
"""Tables with rows by run."""
NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "glusterfs", "fuse.glusterfs", "lustre")
)
"""File systems on which WAL does not hold, because its shared memory does not reach other machines."""
_DAMAGE = frozenset((11, 26))
"""SQLite's CORRUPT and NOTADB."""
_HOLDERS = ",".join("?" * len(ResultRow._fields))
_LOOK_UP = f"""
SELECT stats.hash, stats.size, mtime, ctime, {MARK_COLUMNS}
  FROM stats LEFT JOIN marks ON marks.hash=stats.hash WHERE device=? AND inode=?
"""
_PUT_MARK = """
INSERT INTO marks VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET
  run=excluded.run, flags=flags|excluded.flags, siblings=coalesce(excluded.siblings, siblings),
  other=CASE WHEN length(backup)=0 OR length(excluded.backup)>0 THEN excluded.other ELSE other END,
  backup=CASE WHEN length(excluded.backup)>0 THEN excluded.backup ELSE backup END
"""


class Damaged(Exception):
    """The file is not a journal any more."""


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return isinstance(error, Damaged) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def move_aside(path: Path) -> Path:
    """Put a damaged journal out of the way, with what belongs to it; returns where it is now. Raises OSError."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    os.rename(path, aside)
    for suffix in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


class JournalFile:
    """One connection; whoever uses it from several threads holds a lock. Every method may raise sqlite3.Error."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the journal at ``path``; None: one that is gone with the process. Raises Damaged, OSError,
        sqlite3.Error."""
        self.path = path
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            path or ":memory:", timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except BaseException as error:
            self._db.close()
            if is_damage(error):
                raise Damaged from None
            raise

    @classmethod
    def reading(cls, path: Path, *, traceless: bool = False) -> JournalFile:
        """The journal at ``path``, to look at; raises sqlite3.Error. ``traceless``: not even SQLite's own files are
        made beside it, which it needs only where somebody writes: then they are there."""
        file = cls.__new__(cls)
        file.path = path
        how = "&immutable=1" if traceless and not path.with_name(f"{path.name}-wal").exists() else ""
        uri = f"{path.absolute().as_uri()}?mode=ro{how}"
        file._db = sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS, check_same_thread=False)
        try:
            holds = file._db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except BaseException:
            file._db.close()
            raise
        if holds:
            return file
        file.close()  # whoever made it was killed before it held anything
        return cls(None)

    def _prepare(self) -> None:
        db = self._db
        if self.path is not None and not on_network(self.path):
            db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version:
            self._check()
        if version != VERSION:
            with self.transaction():
                bring_up(db)

    def _check(self) -> None:
        assert self.path is not None
        small = self.path.stat().st_size <= CHECKED_BYTES
        killed = self._db.execute("SELECT 1 FROM runs WHERE ended IS NULL").fetchone()
        if (small or killed) and self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise Damaged

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def copy_from(self, path: Path) -> None:
        """Take over what the journal at ``path`` holds, which may be one that cannot be written."""
        if not path.exists() or path.stat().st_size > COPIED_BYTES:
            return
        other = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS)
        try:
            if 0 < other.execute("PRAGMA user_version").fetchone()[0] <= VERSION:
                other.backup(self._db)
                with self.transaction():
                    bring_up(self._db)
        finally:
            other.close()

    def settle(self) -> bool:
        """Have the disk hold everything; whether it does."""
        row = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return self.path is not None and row[0] == 0

    def close(self) -> None:
        """Let go of it."""
        self._db.close()

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_run(self, values: dict[str, object]) -> int:
        """A run begins; returns its number. The images of runs long past are forgotten."""
        if row := self._db.execute("SELECT number FROM runs WHERE id=?", (values["id"],)).fetchone():
            return int(row[0])
        names = ",".join(values)
        marks = ",".join("?" * len(values))
        number = self._db.execute(f"INSERT INTO runs({names}) VALUES({marks})", (*values.values(),)).lastrowid
        assert number is not None
        for table in _OF_RUNS:
            self._db.execute(f"DELETE FROM {table} WHERE run <= ?", (number - RUNS_WITH_RESULTS,))
        return number

    def forget_runs(self, numbers: Sequence[int]) -> None:
        """Runs go with all that is kept by run; marks stay."""
        with self.transaction():
            for number in numbers:
                for table in _OF_RUNS:
                    self._db.execute(f"DELETE FROM {table} WHERE run=?", (number,))
                self._db.execute("DELETE FROM runs WHERE number=?", (number,))

    def compact(self) -> None:
        """Give room back that is not used any more; nothing happens where there is none for the copy that it takes."""
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("VACUUM")
        self.settle()

    def end_run(self, number: int, phase: str, report: str) -> None:
        """A run is over."""
        values = (time.time(), phase, report, number)
        self._db.execute("UPDATE runs SET ended=?, phase=?, report=? WHERE number=?", values)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first, as rows of their table."""
        cursor = self._db.execute("SELECT * FROM runs ORDER BY number DESC")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def counts(self, number: int) -> dict[str, tuple[int, int, int]]:
        """Images of a run by status, with their bytes before and after."""
        query = "SELECT status, count(*), sum(original), sum(optimized) FROM results WHERE run=? GROUP BY status"
        return {status: (images, before, after) for status, images, before, after in self._db.execute(query, (number,))}

    def results(self, number: int) -> Iterator[ResultRow]:
        """The images of a run that are through, in their order."""
        names = ",".join(ResultRow._fields)
        for row in self._db.execute(f"SELECT {names} FROM results WHERE run=? ORDER BY number", (number,)):
            yield ResultRow(*row)

    def put_listed(self, number: int, paths: Iterable[str]) -> None:
        """The images that a run is to be about."""
        self._db.executemany(
            "INSERT OR IGNORE INTO listed VALUES(?,?)", [(number, os.fsencode(path)) for path in paths]
        )

    def listed(self, number: int) -> list[str]:
        """The images that a run was to be about; empty: all."""
        return [os.fsdecode(path) for (path,) in self._db.execute("SELECT path FROM listed WHERE run=?", (number,))]

    def put_samples(self, number: int, samples: Iterable[Sample], stride: int) -> None:
        """Samples of a run; of all it has only those stay whose tick ``stride`` divides."""
        rows = [(number, *astuple(sample)) for sample in samples]
        self._db.executemany("INSERT OR REPLACE INTO samples VALUES(?,?,?,?,?,?,?,?,?)", rows)
        self._db.execute("DELETE FROM samples WHERE run=? AND tick % ?", (number, stride))

    def samples(self, number: int) -> list[Sample]:
        """The samples of a run, oldest first."""
        query = 'SELECT tick, at, cpu, memory, used, "limit", workers, through FROM samples WHERE run=? ORDER BY tick'
        return [Sample(*row) for row in self._db.execute(query, (number,))]

    def put_log(self, number: int, lines: Iterable[LogLine], most: int) -> None:
        """Lines of a run's log; of all it has only the newest ``most`` stay."""
        rows = [(number, line.number, line.time, line.level, storable(line.text)) for line in lines]
        self._db.executemany("INSERT OR REPLACE INTO log VALUES(?,?,?,?,?)", rows)
        if rows:
            self._db.execute("DELETE FROM log WHERE run=? AND number<=?", (number, rows[-1][1] - most))

    def log(self, number: int, first: int, count: int) -> tuple[LogLine, ...]:
        """Lines of a run from line ``first``."""
        query = "SELECT number, at, level, text FROM log WHERE run=? AND number>=? ORDER BY number LIMIT ?"
        return tuple(LogLine(*row) for row in self._db.execute(query, (number, first, count)))

    def query(self, sql: str, values: Sequence[object], **functions: Callable[..., Any]) -> sqlite3.Cursor:
        """What an SQL query finds; ``functions`` of one value may be used in it."""
        for name, function in functions.items():
            self._db.create_function(name, 1, function)
        return self._db.execute(sql, values)

    # ── images ───────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, results: Sequence[ResultRow], stats: Sequence[tuple[object, ...]], marks: Iterable[Any]) -> None:
        """Rows of three tables; those that are there are replaced."""
        self._db.executemany(f"INSERT OR REPLACE INTO results VALUES({_HOLDERS})", results)
        self._db.executemany("INSERT OR REPLACE INTO stats VALUES(?,?,?,?,?,?)", stats)
        self._db.executemany(_PUT_MARK, marks)

    def hash_of(self, status: os.stat_result) -> bytes | None:
        """The content of a file that was not touched since it was last read; None when that is not known."""
        key = signed(status.st_dev), signed(status.st_ino)
        query = "SELECT hash, size, mtime, ctime FROM stats WHERE device=? AND inode=?"
        row = self._db.execute(query, key).fetchone()
        if row is None or row[1:] != (status.st_size, status.st_mtime_ns, status.st_ctime_ns):
            return None
        content: bytes = row[0]
        return content

    def look_up(self, status: os.stat_result) -> tuple[bytes, list[Mark]] | None:
        """The same with the marks of that content."""
        key = signed(status.st_dev), signed(status.st_ino)
        rows = self._db.execute(_LOOK_UP, key).fetchall()
        if not rows or rows[0][1:4] != (status.st_size, status.st_mtime_ns, status.st_ctime_ns):
            return None
        return rows[0][0], [mark_of(row[4:]) for row in rows if row[4] is not None]

    def knows_size(self, size: int) -> bool:
        """Whether a content of this size is marked or quarantined."""
        query = "SELECT EXISTS(SELECT 1 FROM marks WHERE size=?1) OR EXISTS(SELECT 1 FROM quarantine WHERE size=?1)"
        return bool(self._db.execute(query, (size,)).fetchone()[0])

    def marks(self, content: bytes) -> list[Mark]:
        """What is known of a content."""
        return [mark_of(row) for row in self._db.execute(f"SELECT {MARK_COLUMNS} FROM marks WHERE hash=?", (content,))]

    @property
    def empty(self) -> bool:
        """Whether nothing at all is known of any content."""
        query = "SELECT EXISTS(SELECT 1 FROM marks) OR EXISTS(SELECT 1 FROM quarantine)"
        return not self._db.execute(query).fetchone()[0]

    def forget(self, entries: Iterable[Entry]) -> None:
        """Results that were taken back do not count as done; what was encoded with loss stays known as that."""
        with self.transaction():
            for entry in entries:
                before, after = bytes.fromhex(entry.before_hash), bytes.fromhex(entry.after_hash)
                self._db.execute(
                    "DELETE FROM marks WHERE hash=? AND recipe=? AND kind=?", (before, entry.recipe, Kind.SOURCE)
                )
                key = after, entry.recipe, Kind.RESULT
                self._db.execute("DELETE FROM marks WHERE hash=? AND recipe=? AND kind=? AND flags&2=0", key)
                backup = os.fsencode(entry.backup)
                self._db.execute(
                    "UPDATE marks SET backup=x'' WHERE hash=? AND recipe=? AND kind=? AND backup=?", (*key, backup)
                )

    def note_originals(self, run: str, *, back: int, kept: int) -> None:
        """In the report of the run with this id: ``back`` more originals were put back, ``kept`` bytes are left."""
        with self.transaction():
            row = self._db.execute("SELECT report FROM runs WHERE id=?", (run,)).fetchone()
            if row is not None:
                report = json.loads(row[0] or "{}")
                report |= {"undone": report.get("undone", 0) + back, "backupBytes": kept}
                self._db.execute("UPDATE runs SET report=? WHERE id=?", (json.dumps(report), run))

    # ── folders of records ───────────────────────────────────────────────────────────────────────────────────────

    def knows_folder(self, path: str) -> bool:
        """Whether the ledgers of a folder of records are in."""
        row = self._db.execute("SELECT 1 FROM folders WHERE path=?", (os.fsencode(path),)).fetchone()
        return row is not None

    def add_folder(self, path: str) -> None:
        """They are."""
        self._db.execute("INSERT OR IGNORE INTO folders VALUES(?)", (os.fsencode(path),))

    # ── quarantine ───────────────────────────────────────────────────────────────────────────────────────────────

    def blame(self, content: bytes, size: int, path: bytes, reason: str, run: str) -> None:
        """A worker crashed or hung with this content."""
        values = content, size, path, reason, run, time.time()
        self._db.execute(
            "INSERT INTO quarantine VALUES(?1,?2,?3,1,?4,?5,?6) ON CONFLICT DO UPDATE SET "
            "deaths=deaths+1, path=?3, reason=?4, run=?5, at=?6",
            values,
        )

    def clear(self, contents: Sequence[str] | None = None) -> int:
        """Contents that are not held against anybody any more; None: all. Returns how many were."""
        if contents is None:
            return self._db.execute("DELETE FROM quarantine").rowcount
        cursor = self._db.executemany(
            "DELETE FROM quarantine WHERE hash=?", [(bytes.fromhex(each),) for each in contents]
        )
        return cursor.rowcount

    def deaths(self, content: bytes) -> tuple[int, str]:
        """How many workers a content cost, and the last one's reason."""
        row = self._db.execute("SELECT deaths, reason FROM quarantine WHERE hash=?", (content,)).fetchone()
        return (int(row[0]), str(row[1])) if row is not None else (0, "")

    def quarantined(self, deaths: int) -> list[dict[str, Any]]:
        """What cost at least that many workers, the newest first: content (hexadecimal), path, size, deaths, reason,
        run, at."""
        names = ("content", "path", "size", "deaths", "reason", "run", "at")
        query = "SELECT hash, path, size, deaths, reason, run, at FROM quarantine WHERE deaths>=? ORDER BY at DESC"
        rows = [dict(zip(names, row, strict=True)) for row in self._db.execute(query, (deaths,))]
        return [{**row, "content": row["content"].hex(), "path": os.fsdecode(row["path"])} for row in rows]


def on_network(path: Path) -> bool:
    """Whether a path lies on a file system that other machines may write to at the same time."""
    with contextlib.suppress(OSError):
        target = os.path.realpath(path.parent)
        best, kind = "", ""
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            _, mount, found, *_ = line.split(" ")
            mount = mount.replace("\\040", " ")
            if (target == mount or target.startswith(mount.rstrip("/") + "/")) and len(mount) >= len(best):
                best, kind = mount, found
        return kind in NETWORK
    return False
