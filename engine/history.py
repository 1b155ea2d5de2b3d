"""Runs of this user, past and present, as the journal has them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import RunnerError
from engine.folder_settings import FolderSettings, with_folders, without_folders
from engine.places import journal_file
from engine.runner import running
from engine.task import saved_percent
from engine.view import Phase

if TYPE_CHECKING:
    from engine.journal_file import JournalFile

__all__ = [
    "INTERRUPTED",
    "RUNNING",
    "PastRun",
    "ask_journal",
    "choose",
    "journal_file",
    "known_runs",
    "listed",
    "past_runs",
    "reading",
    "unfinished",
    "unusable",
]

INTERRUPTED = Phase.INTERRUPTED.value
RUNNING = "running"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run."""

    number: int
    """Its key in the journal."""
    id: str
    started: float
    """Seconds since the epoch."""
    ended: float | None
    phase: str
    """How it ended: a phase, ``interrupted``, or ``running``."""
    roots: tuple[str, ...]
    paths: tuple[str, ...]
    """What was asked for, absolute."""
    output: str
    in_place: bool
    settings: Mapping[str, Any]
    """As ``Settings.with_values`` reads them."""
    resumes: str
    """The run it continued; empty for none."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """As ``benchmark_report`` made it; of an interrupted run only counts and bytes."""
    own: FolderSettings = field(default_factory=FolderSettings)
    """Settings of single folders."""

    @property
    def unfinished(self) -> bool:
        """Whether there is something left to resume."""
        return self.phase not in (Phase.FINISHED.value, RUNNING)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        plain = {"run": self.id, "started": self.started, "ended": self.ended, "phase": self.phase}
        where = {"roots": list(self.roots), "output": self.output, "inPlace": self.in_place, "resumes": self.resumes}
        counts = {name: value for name, value in self.report.items() if not isinstance(value, dict)}
        return {**counts, **plain, **where, "settings": with_folders(self.settings, self.own)}


def past_runs() -> list[PastRun]:
    """All runs, newest first; raises RunnerError when the journal cannot be read."""
    return asyncio.run(known_runs())


async def known_runs() -> list[PastRun]:
    """The same inside an event loop."""
    if not journal_file().exists():
        return []
    alive = {live.info.run_id for live in await running()}
    return await asyncio.to_thread(ask_journal, lambda file: _runs(file, alive))


def _runs(file: JournalFile, alive: Collection[str]) -> list[PastRun]:
    return [_past(file, row, row["id"] in alive) for row in file.runs()]


def ask_journal(question: Callable[[JournalFile], T]) -> T:
    """The answer to a question that changes nothing; raises RunnerError when the journal cannot be read."""
    with reading() as file:
        return question(file)


@contextlib.contextmanager
def reading() -> Iterator[JournalFile]:
    """The journal, to look at; what goes wrong with it inside becomes a RunnerError."""
    import sqlite3

    from engine.journal_file import JournalFile

    try:
        file = JournalFile.reading(journal_file())
        try:
            yield file
        finally:
            file.close()
    except (sqlite3.Error, OSError) as error:
        raise unusable(error) from None


@contextlib.contextmanager
def writing() -> Iterator[JournalFile]:
    """The journal, to change; as ``reading``."""
    import sqlite3

    from engine.journal_file import Damaged, JournalFile

    try:
        file = JournalFile(journal_file())
        try:
            yield file
        finally:
            file.close()
    except (sqlite3.Error, OSError, Damaged) as error:
        raise unusable(error) from None


def unusable(error: Exception) -> RunnerError:
    """What to say of a journal that cannot be used."""
    return RunnerError(f"the journal {journal_file()} cannot be used: {error}; the next run brings it in order")


def _past(file: JournalFile, row: Mapping[str, Any], alive: bool) -> PastRun:
    phase = RUNNING if alive else row["phase"] or INTERRUPTED
    report = json.loads(row["report"] or "{}")
    if "done" not in report:
        report = {**_counted(file.counts(row["number"])), **report}
    settings, own = without_folders(json.loads(row["settings"]))
    return PastRun(
        row["number"],
        row["id"],
        row["started"],
        row["ended"],
        phase,
        tuple(json.loads(row["roots"])),
        tuple(json.loads(row["paths"])),
        row["output"],
        bool(row["in_place"]),
        settings,
        row["resumes"] or "",
        report,
        own,
    )


def _counted(counts: Mapping[str, tuple[int, int, int]]) -> dict[str, Any]:
    images = {status: counts.get(status, (0, 0, 0)) for status in ("done", "kept", "skipped", "failed")}
    before, after = (sum(images[status][place] for status in ("done", "kept")) for place in (1, 2))
    sizes = {"bytesIn": before, "bytesOut": after, "savedBytes": before - after}
    processed = sum(found[0] for found in images.values())
    percent = saved_percent(before, after)
    return {
        **{status: found[0] for status, found in images.items()},
        **sizes,
        "savedPercent": percent,
        "processed": processed,
    }


def listed(run: PastRun) -> list[str]:
    """The images that a run was to be about; empty: all. Raises RunnerError."""
    with reading() as file:
        return file.listed(run.number)


def choose(runs: Sequence[PastRun], run_id: str | None) -> PastRun:
    """The run whose id begins with ``run_id``, or the newest; raises RunnerError."""
    chosen = [run for run in runs if run_id is None or run.id.startswith(run_id)]
    if not chosen:
        raise RunnerError("no run is known" if run_id is None else f"no run {run_id!r} is known; see imgopt-tui runs")
    return chosen[0]


def unfinished(runs: Sequence[PastRun], run_id: str | None) -> PastRun:
    """The run to go on with: ``run_id``, or the newest that did not come to its end and was not gone on with since.
    Raises RunnerError."""
    if run_id is None:
        continued = {run.resumes for run in runs}
        found = next((run for run in runs if run.unfinished and run.id not in continued), None)
        if found is None:
            raise RunnerError("every run came to its end; see imgopt-tui runs")
        return found
    run = choose(runs, run_id)
    if run.phase == RUNNING:
        raise RunnerError(f"run {run.id} is going on; imgopt-tui attach {run.id} watches it")
    if not run.unfinished:
        raise RunnerError(f"run {run.id} came to its end; start it again with imgopt-tui run")
    return run
