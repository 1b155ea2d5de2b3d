"""What a run remembers, and what it knows of the runs before it: the journal, or nothing where the user wants that."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from engine.absolute import absolute
from engine.events import Finished, Retried
from engine.folder_settings import FolderSettings, with_folders
from engine.journal import Journal, RunRow
from engine.known import Known
from engine.places import journal_file, state_folder
from engine.plan import Plan
from engine.progress import RunState
from engine.records import RunRecords
from engine.runlog import RunLog
from engine.samples import Sample, Sampler
from engine.view import Gauges, Phase
from engine.why import Why

__all__ = ["RunMemory"]


class RunMemory:
    """One run's journal from its first moment to its last."""

    def __init__(
        self,
        run_id: str,
        paths: Sequence[str],
        plan: Plan,
        own: FolderSettings | None,
        records: RunRecords,
        state: RunState,
        log: RunLog,
        resumes: str = "",
    ) -> None:
        """``paths`` as they were given, ``own`` the settings of single folders."""
        self._settings = plan.settings
        self._records = records
        self._note = log.note
        self._loop: asyncio.AbstractEventLoop | None = None
        self._journal: Journal | None = None
        self._sampler = Sampler()
        if plan.settings.remember == "none":
            return
        roots = tuple(root.source for root in plan.roots)
        row = RunRow(
            run_id,
            roots,
            tuple(os.path.abspath(path) for path in paths),
            plan.output,
            plan.settings.in_place,
            with_folders(absolute(plan.settings).to_json(), own),
            records.folders,
            resumes,
            tuple(sorted(plan.only)),
        )

        def folders() -> list[str]:
            from engine.recovery import folders_of_records

            return folders_of_records(roots, plan.settings.backup_folder, state_folder())

        self._journal = Journal(journal_file(), row, folders, state.catalog.source, self._tell, log.since)

    def _tell(self, level: str, line: str) -> None:
        """From the journal's thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to be told
                self._loop.call_soon_threadsafe(self._note, level, line)

    def start(self) -> None:
        """Begin, on the run's event loop."""
        self._loop = asyncio.get_running_loop()
        if self._journal is not None:
            self._journal.start()

    def known(self) -> Known | None:
        """What earlier runs did; waits until their traces are in order. None: nothing is remembered."""
        journal = self._journal
        if journal is None:
            return None
        journal.wait_until_ready()
        force, retry = self._settings.force, self._settings.retry_quarantined
        return Known(journal, force=force, retry_quarantined=retry, resumed=journal.resumed())

    def finished(self, event: Finished, at: float) -> None:
        """An image is through, ``at`` seconds after the run began."""
        outcome = event.outcome
        if self._journal is not None and outcome.why is not Why.DONE_ALREADY:  # the run that did it has it
            self._journal.put(event.index, event.slot, at, outcome)
            if outcome.why is Why.CRASHED:
                self._journal.crashed(event.index, outcome.reason.partition(";")[0])

    def sampled(self, at: float, gauges: Gauges, workers: int, through: int) -> None:
        """How the machine looks ``at`` seconds after the run began; kept at a sane rate."""
        if self._journal is not None and (tick := self._sampler.due(at)) is not None:
            seen = gauges.cpu_percent, gauges.mem_run, gauges.mem_used, gauges.mem_limit
            self._journal.sample(Sample(tick, at, *seen, workers, through), self._sampler.stride)

    def retried(self, event: Retried) -> None:
        """An image's worker died, and it gets another try."""
        if self._journal is not None and event.why is Why.CRASHED:
            self._journal.crashed(event.index, event.reason)

    def finish(self, phase: Phase, report: Mapping[str, Any]) -> None:
        """The run is over, and its images are written down; waits for the disk."""
        if self._journal is not None:
            self._journal.finish(phase.value, report)
            if self._journal.complete:
                self._records.complete()
        self._records.release()
