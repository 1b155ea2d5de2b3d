"""The journal's tables as SQL, and the way from older versions of them to this one.

runs         what was asked for, how it ended; ``ended`` is NULL until then
results      every image that a run took to its end
log          what runs had to say, the newest lines of each
listed       the images that a run was to be about, of those runs that were not about all
samples      CPU, memory and progress over the run (``engine.samples.Sample``)
marks        by content: what was made into what by which recipe
stats        which content a file has that was not touched since, so that it need not be read again
quarantine   by content: what crashed or hung workers
folders      folders of records (``records.py``) whose ledgers are in ``marks``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

__all__ = ["VERSION", "ResultRow", "bring_up", "storable"]

VERSION = 4
"""In ``user_version``."""


class ResultRow(NamedTuple):
    """A row of ``results``, its columns in order."""

    run: int
    number: int
    """The image's index in the run; batches are ranges of it."""
    path: bytes
    status: str
    reason: str
    why: str
    original: int
    optimized: int
    """Bytes."""
    seconds: float
    target: bytes = b""
    """Path of the result; empty: none, or not known."""
    slot: int = -1
    """The worker that did it; −1: none."""
    at: float = 0.0
    """Seconds from the run's beginning to the image's end."""
    source_format: str = ""
    target_format: str = ""
    width: int = 0
    height: int = 0
    quality: int = 0
    """As ``Outcome.quality``."""
    source_quality: int = 0
    needs: int = 0
    """Predicted peak memory in bytes."""
    score: float | None = None
    """Where one was asked for."""
    more: str = ""
    """JSON with those of these that there are: ``stages``, ``peak`` and ``options`` as in ``Outcome``, ``siblings`` (as
    lists of ``Sibling``'s fields), ``measured`` (``Measured``'s fields); empty: none of them."""


_TYPES = {"path": "BLOB NOT NULL", "target": "BLOB NOT NULL DEFAULT x''", "score": "REAL"}
_TEXTS = {"status", "reason", "why", "source_format", "target_format", "more"}


def storable(text: str) -> str:
    """The text with what is not Unicode written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _column(name: str) -> str:
    if name in _TYPES:
        return f"{name} {_TYPES[name]}"
    if name in _TEXTS:
        return f"{name} TEXT NOT NULL DEFAULT ''"
    kind = "REAL" if name in ("seconds", "at") else "INTEGER"
    return f"{name} {kind} NOT NULL DEFAULT {-1 if name == 'slot' else 0}"


_OLD_RESULTS = 9
"""Columns of ``results`` in version 1."""
_SAMPLES = """CREATE TABLE samples(
  run INTEGER NOT NULL, tick INTEGER NOT NULL, at REAL NOT NULL, cpu REAL NOT NULL, memory INTEGER NOT NULL,
  used INTEGER NOT NULL, "limit" INTEGER NOT NULL, workers INTEGER NOT NULL, through INTEGER NOT NULL,
  PRIMARY KEY(run, tick)) WITHOUT ROWID"""
_LOG = """CREATE TABLE log(
  run INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(run, number)) WITHOUT ROWID"""
_LISTED = "CREATE TABLE listed(run INTEGER NOT NULL, path BLOB NOT NULL, PRIMARY KEY(run, path)) WITHOUT ROWID"
_TABLES = (
    """CREATE TABLE runs(
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, pid INTEGER, started REAL NOT NULL, ended REAL, phase TEXT,
  roots TEXT NOT NULL, paths TEXT NOT NULL, output TEXT NOT NULL, in_place INTEGER NOT NULL, settings TEXT NOT NULL,
  records TEXT NOT NULL, resumes TEXT, report TEXT)""",
    f"CREATE TABLE results({', '.join(map(_column, ResultRow._fields))}, PRIMARY KEY(run, number)) WITHOUT ROWID",
    _SAMPLES,
    _LOG,
    _LISTED,
    """CREATE TABLE marks(
  hash BLOB NOT NULL, recipe TEXT NOT NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL, other BLOB NOT NULL,
  flags INTEGER NOT NULL, run TEXT NOT NULL, backup BLOB NOT NULL, siblings TEXT,
  PRIMARY KEY(hash, recipe, kind)) WITHOUT ROWID""",
    "CREATE INDEX marks_size ON marks(size)",
    """CREATE TABLE stats(
  device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
  ctime INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(device, inode)) WITHOUT ROWID""",
    """CREATE TABLE quarantine(
  hash BLOB PRIMARY KEY, size INTEGER NOT NULL, path BLOB NOT NULL, deaths INTEGER NOT NULL, reason TEXT NOT NULL,
  run TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE folders(path BLOB PRIMARY KEY) WITHOUT ROWID",
)
_FROM_1 = (
    *(f"ALTER TABLE results ADD COLUMN {_column(name)}" for name in ResultRow._fields[_OLD_RESULTS:]),
    _SAMPLES,
    _LOG,
    _LISTED,
)


def bring_up(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to this one; call it inside a transaction. Raises
    sqlite3.Error, NotSupportedError for a newer version."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        import sqlite3

        raise sqlite3.NotSupportedError("it is of a newer version of imgopt-tui")
    for statement in {0: _TABLES, 1: _FROM_1, 2: (_LOG, _LISTED), 3: (_LISTED,)}.get(version, ()):
        db.execute(statement)
    db.execute(f"PRAGMA user_version={VERSION}")
