"""The journal of a run: what came of each image is written down by a thread of its own, several at a time.

    event loop ── put() ──▶ queue ──every 0.25 s──▶ thread: one transaction ──▶ SQLite
    scan's thread ── hash_of(), marks(), … ────────────────────────────────────▶ the same connection, in turn

A journal that is damaged is moved aside and made again from the ledgers on disk; one that cannot be written (locked,
read-only, disk full) is read into memory, completed from the ledgers and used from there. Either is said once, and the
run goes on.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.job import Outcome
from engine.runlog import LOG_LINES
from engine.samples import Sample
from engine.source import Identity
from engine.view import LogLine

if TYPE_CHECKING:
    from engine.journal_file import JournalFile
    from engine.marks import Mark

__all__ = ["Journal", "RunRow"]

INTERVAL = 0.25
"""Seconds between two transactions."""
AT_ONCE = 500
"""Images in a transaction at most, so that whoever asks meanwhile need not wait long."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunRow:
    """What the journal holds of a run from its beginning."""

    id: str
    roots: tuple[str, ...]
    paths: tuple[str, ...]
    """As they were given, absolute: the roots, or single files."""
    output: str
    in_place: bool
    settings: Mapping[str, object]
    records: tuple[str, ...]
    """Its folders of records."""
    resumes: str = ""
    """The run that it continues."""
    only: tuple[str, ...] = ()
    """The images it was to be about; empty: all."""

    def values(self) -> dict[str, object]:
        """The columns."""
        return {
            "id": self.id,
            "pid": os.getpid(),
            "started": time.time(),
            "roots": json.dumps(self.roots),
            "paths": json.dumps(self.paths),
            "output": self.output.encode("utf-8", "backslashreplace").decode("utf-8"),
            "in_place": int(self.in_place),
            "settings": json.dumps(dict(self.settings)),
            "records": json.dumps(list(dict.fromkeys(self.records))),
            "resumes": self.resumes or None,
        }


class Journal:
    """One run's view of it. Nothing of SQLite is loaded before ``start``."""

    def __init__(
        self,
        path: Path,
        run: RunRow,
        folders: Callable[[], Sequence[str]],
        source: Callable[[int], str],
        note: Callable[[str, str], None],
        log: Callable[[int], Sequence[LogLine]] = lambda number: (),
    ) -> None:
        """``folders`` names all folders of records that may be of interest; ``source`` tells an image's path;
        ``note`` takes a level and a line, from any thread; ``log`` gives the lines from a number on."""
        self._path = path
        self._run = run
        self._folders = folders
        self._source = source
        self._note = note
        self._log = log
        self._logged = 0
        self._queue: deque[tuple[int, int, float, Outcome]] = deque()
        self._samples: deque[Sample] = deque()
        self._stride = 1
        self._read: deque[tuple[Identity, str]] = deque()
        self._crashed: deque[tuple[int, str]] = deque()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._ending = threading.Event()
        self._end: tuple[str, str] | None = None
        self._file: JournalFile | None = None
        self._number = 0
        self._durable = True
        self._nothing_known = False
        self._quarantined = False
        self.complete = False
        """Whether everything is in the file for good; known after ``finish``."""
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)

    def start(self) -> None:
        """Begin; what was left by runs before is brought in order first."""
        self._thread.start()

    def put(self, index: int, slot: int, at: float, outcome: Outcome) -> None:
        """An image is through, ``at`` seconds after the beginning; never waits."""
        self._queue.append((index, slot, at, outcome))

    def sample(self, sample: Sample, stride: int) -> None:
        """A look at the machine; only those whose tick ``stride`` divides stay."""
        self._samples.append(sample)
        self._stride = stride

    def crashed(self, index: int, reason: str) -> None:
        """An image's worker crashed or hung with it."""
        self._crashed.append((index, reason))

    def read(self, identity: Identity, content: str) -> None:
        """A file was read to learn its content, which need not be done again."""
        self._read.append((identity, content))

    def finish(self, phase: str, report: Mapping[str, Any]) -> None:
        """The run is over: write what is left; waits until that is done."""
        self._end = phase, json.dumps(report)
        self._ending.set()
        self._thread.join()

    # ── questions, from the scan's thread ────────────────────────────────────────────────────────────────────────

    def wait_until_ready(self) -> None:
        """Until what was left by earlier runs is in order."""
        self._ready.wait()

    def hash_of(self, status: os.stat_result) -> bytes | None:
        """The content of a file that was not touched since it was last read."""
        return None if self._nothing_known else self._ask(lambda file: file.hash_of(status), None)

    def look_up(self, status: os.stat_result) -> tuple[bytes, list[Mark]] | None:
        """The same with what is known of that content."""
        return None if self._nothing_known else self._ask(lambda file: file.look_up(status), None)

    def knows_size(self, size: int) -> bool:
        """Whether anything is known of any content of this size."""
        return not self._nothing_known and self._ask(lambda file: file.knows_size(size), False)

    def marks(self, content: bytes) -> list[Mark]:
        """What is known of a content."""
        return self._ask(lambda file: file.marks(content), [])

    def deaths(self, content: bytes) -> tuple[int, str]:
        """How many workers a content cost, and the last one's reason."""
        return self._ask(lambda file: file.deaths(content), (0, "")) if self._quarantined else (0, "")

    def resumed(self) -> frozenset[str]:
        """The runs that this one continues."""
        return self._ask(self._chain, frozenset()) if self._run.resumes else frozenset()

    def _chain(self, file: JournalFile) -> frozenset[str]:
        before = {row["id"]: row["resumes"] for row in file.runs()}
        found: list[str] = []
        at: str | None = self._run.resumes
        while at and at not in found:
            found.append(at)
            at = before.get(at)
        return frozenset(found)

    def _ask(self, question: Callable[[JournalFile], T], otherwise: T) -> T:
        import sqlite3

        with self._lock:
            for _ in range(3):
                if self._file is None:
                    break
                try:
                    return question(self._file)
                except sqlite3.Error as error:
                    self._replace(error)
        return otherwise

    # ── the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        try:
            with self._lock:
                self._open()
        except Exception as error:  # whatever it is, the images matter more
            self._file, self._durable = None, False
            self._note("warning", f"what was done is not remembered: {type(error).__name__}: {error}")
        finally:
            self._ready.set()
        while not self._ending.wait(INTERVAL):
            self._drain()
        self._drain()
        self._ask(self._conclude, None)

    def _open(self) -> None:
        import sqlite3

        from engine.journal_file import Damaged, JournalFile

        try:
            self._file = JournalFile(self._path)
            self._begin(self._file)
        except (sqlite3.Error, OSError, Damaged) as error:
            self._replace(error)

    def _begin(self, file: JournalFile) -> None:
        from engine.recovery import learn

        with file.transaction():
            self._number = file.add_run(self._run.values())
            file.put_listed(self._number, self._run.only)
        found = learn(file, self._folders(), self._run.records, lambda line: self._note("warning", line))
        if found.results or found.originals:
            self._note(
                "info",
                f"a run that was killed had put {found.results} results in place; they are known now"
                + (f", and {found.originals} originals came back out of the backups" if found.originals else ""),
            )
        self._nothing_known = file.empty
        self._quarantined = bool(file.quarantined(1))

    def _replace(self, error: Exception) -> None:
        """Go on with another file, or in memory."""
        import sqlite3

        from engine.journal_file import JournalFile, is_damage, move_aside

        if self._file is not None:
            self._file.close()
        if self._durable and is_damage(error):
            try:
                aside = move_aside(self._path)
                self._note("warning", f"the journal was damaged: it is now {aside}, and is made again from the ledgers")
                self._file = JournalFile(self._path)
                self._begin(self._file)
                return
            except (sqlite3.Error, OSError) as again:
                error = again
        if self._durable:
            why = error.strerror if isinstance(error, OSError) else str(error)
            self._note("warning", f"{self._path} cannot be used ({why}): what this run does is not remembered there")
        self._durable = False
        self._file = JournalFile(None)
        try:
            self._file.copy_from(self._path)
        except (sqlite3.Error, OSError):
            self._file = JournalFile(None)
        try:
            self._begin(self._file)
        except (sqlite3.Error, OSError):
            self._file = None

    def _drain(self) -> None:
        if lines := self._log(self._logged):
            self._logged = lines[-1].number + 1
            self._ask(lambda file: file.put_log(self._number, lines, LOG_LINES), None)
        while self._queue or self._read or self._crashed or self._samples:
            images = [self._queue.popleft() for _ in range(min(AT_ONCE, len(self._queue)))]
            read = [self._read.popleft() for _ in range(min(AT_ONCE, len(self._read)))]
            crashed = [self._crashed.popleft() for _ in range(len(self._crashed))]
            samples = [self._samples.popleft() for _ in range(len(self._samples))]
            self._ask(lambda file: self._write(file, images, read), None)  # noqa: B023  # called before the next turn
            if samples:
                self._ask(lambda file: file.put_samples(self._number, samples, self._stride), None)  # noqa: B023
            for index, reason in crashed:
                self._blame(index, reason)

    def _write(
        self,
        file: JournalFile,
        images: Sequence[tuple[int, int, float, Outcome]],
        read: Sequence[tuple[Identity, str]],
    ) -> None:
        from engine.marks import rows_of, stat_row
        from engine.outcome_row import result_row

        results, stats, marks, cleared = [], [stat_row(*each) for each in read], [], []
        for index, slot, at, outcome in images:
            entry = outcome.entry
            if entry is not None:
                siblings = "/".join(one.name for one in outcome.siblings)
                more_stats, more_marks = rows_of(entry, self._run.id, siblings)
                stats += more_stats
                marks += more_marks
                cleared.append(entry.before_hash)
            results.append(result_row(self._number, index, self._source(index), slot, at, outcome))
        with file.transaction():
            file.put(results, stats, marks)
            if self._quarantined and cleared:
                file.clear(cleared)

    def _blame(self, index: int, reason: str) -> None:
        from engine.known import hash_file

        path = self._source(index)
        if (content := hash_file(path)) is None:
            return
        size = os.stat(path, follow_symlinks=False).st_size
        values = bytes.fromhex(content), size, os.fsencode(path), reason, self._run.id
        self._ask(lambda file: file.blame(*values), None)
        self._quarantined = True

    def _conclude(self, file: JournalFile) -> None:
        if self._end is not None:
            file.end_run(self._number, *self._end)
        for folder in self._run.records if self._durable else ():
            file.add_folder(folder)
        self.complete = self._durable and file.settle()
        file.close()
        self._file = None
