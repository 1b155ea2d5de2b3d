"""Fills a run's catalogue from its plan and hands the rows to the pool, in whole batches and in order.

plan.scan (a thread) ──chunks of a folder──▶ catalogue ──whole batches──▶ pool.submit

A tree that is watched takes the plan's place: it never comes to an end by itself, and where it has no more for now the
batch that is begun is handed over as it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import compress
from typing import Final

from engine.catalog import Folder
from engine.events import Finished
from engine.job import Job, Outcome, Status
from engine.known import Known, Verdict, judge
from engine.plan import Found, Plan
from engine.pool import ParallelProcessPool
from engine.progress import BatchedProgress, RunState
from engine.recipes import Recipes
from engine.room import BackupRoom
from engine.settings import Settings
from engine.summary import summary
from engine.temps import remove_stale_temps
from engine.watch import Watch
from engine.why import Why

__all__ = ["Feed"]

Judged = tuple[Folder, list[Found], list[Verdict]]


class _End(Enum):
    END = 0


END: Final = _End.END
"""Stands for the end of a scan."""


class Feed:
    """The way of a run's images from the file system to the pool."""

    def __init__(
        self,
        plan: Plan,
        recipes: Recipes,
        state: RunState,
        progress: BatchedProgress,
        pool: ParallelProcessPool,
        note: Callable[[str, str], None],
        known: Callable[[], Known | None] = lambda: None,
        watch: Watch | None = None,
    ) -> None:
        """``note`` takes a level and a line for the log; ``known`` waits for what is remembered of earlier runs, None
        for nothing; ``watch`` finds the images, not the plan."""
        self._plan = plan
        self._recipes = recipes
        self._state = state
        self._progress = progress
        self._pool = pool
        self._note = note
        settings = plan.settings
        self.room = BackupRoom(settings.backup_limit if settings.in_place and settings.backup else None)
        """What the backups hold."""
        self._known = known
        self._watch = watch
        self._ended = False
        """Whether no further row will come."""
        self._origins: dict[int, str] = {}
        self._rows_known = asyncio.Event()
        self._again: deque[int] = deque()
        self._left_out: set[int] = set()
        self._refused: dict[int, Outcome] = {}
        """Rows that fail without a worker, however often they are tried."""
        self.set_aside: set[int] = set()
        """Rows left out because they are quarantined."""
        self._submitting = -1
        """The row that waits for room in the pool; −1 for none."""
        self._position = 0
        """The first row that was not handed to the pool yet; a row is handed over once, then only by a retry."""
        self._stopped = False

    @property
    def waits(self) -> bool:
        """Whether rows were put back that the pool has not got yet."""
        return bool(self._again)

    def stop(self) -> None:
        """Hand over no further row."""
        self._stopped = True
        if self._watch is not None:
            self._watch.stop()
        self._rows_known.set()

    def again(self, indexes: Iterable[int]) -> None:
        """Hand these rows over once more."""
        self._again.extend(indexes)
        self._rows_known.set()

    def take_back(self, index: int) -> bool:
        """Do not hand this row over; False when that has been done, or when it is through."""
        if index in self._again:
            self._again.remove(index)
        elif index < self._position or index == self._submitting or index in self._left_out:
            return False
        self._left_out.add(index)
        return True

    async def scan(self) -> None:
        """Fill the catalogue folder by folder; whatever happens, nobody waits for rows afterwards."""
        try:
            await self._scan_all()
        finally:
            self._ended = True
            self._no_more_for_now()

    def _no_more_for_now(self) -> None:
        """The short last batch is handed over, too."""
        self._state.scanning = False
        self._rows_known.set()
        self._progress.touch()

    async def _scan_all(self) -> None:
        """The listing runs in a thread, and so does looking at what is done already."""
        chunks = self._judged()
        swept = ""
        told: set[Settings] = set()
        while not self._stopped:
            chunk = await asyncio.to_thread(next, chunks, END)
            if chunk is END:
                break
            if chunk is None:
                self._no_more_for_now()
                continue
            folder, found, verdicts = chunk
            if folder.target != swept:
                swept = folder.target  # a folder's chunks come one after the other
                if removed := await asyncio.to_thread(remove_stale_temps, folder.target):
                    self._note("info", f"{folder.target}: removed {removed} temporary files of a run that was killed")
            if folder.settings is not None and folder.settings not in told:
                told.add(folder.settings)
                self._note("info", f"{folder.source}: settings of its own: {summary(folder.settings)}")
            self._state.scanning = True
            self._add(folder, found, verdicts)

    def _judged(self) -> Iterator[Judged | None]:
        """None: no more for now."""
        known, watch = self._known(), self._watch
        for chunk in (self._plan if watch is None else watch).scan(lambda line: self._note("warning", line)):
            if chunk is None:
                yield None
                continue
            folder, found = chunk
            verdicts = judge(known, self._recipes.of(folder), folder, found)
            if watch is not None:
                wanted = [watch.wants(verdict) for verdict in verdicts]
                found, verdicts = list(compress(found, wanted)), list(compress(verdicts, wanted))
                watch.took(folder, found)
            yield folder, found, verdicts

    def _add(self, folder: Folder, found: Sequence[Found], verdicts: Sequence[Verdict]) -> None:
        catalog, state = self._state.catalog, self._state
        number = catalog.add_folder(folder)
        for entry, verdict in zip(found, verdicts, strict=True):
            index = catalog.add(number, entry.name, entry.size, entry.target_name, entry.base)
            state.added(index, entry.size)
            if verdict.origin:
                self._origins[index] = verdict.origin
            if verdict.skip:
                self._left_out.add(index)
                if verdict.why is Why.QUARANTINED:
                    self.set_aside.add(index)
                wrong = verdict.why is Why.BAD_SETTINGS
                status, size = Status.FAILED if wrong else Status.SKIPPED, entry.size
                outcome = Outcome(status, verdict.skip, original_size=size, optimized_size=size, why=verdict.why)
                if wrong:
                    self._refused[index] = outcome
                self._progress.put(Finished(index, -1, outcome))
        state.metrics.planned(len(catalog))
        self._progress.touch()
        self._rows_known.set()

    async def submit_all(self) -> None:
        """Hand over whole batches as the scan completes them, the short last one at its end."""
        catalog, size = self._state.catalog, self._plan.settings.batch_size
        while not self._stopped:
            scanning = self._state.scanning
            known = len(catalog) - (len(catalog) % size if scanning else 0)
            while self._position < known and not self._stopped:
                if self._position not in self._left_out:
                    await self._submit(self._position)
                self._position += 1
            while self._again and not self._stopped:
                await self._submit(self._again.popleft())
            if self._ended and self._position >= len(catalog):
                return
            self._rows_known.clear()
            if self._state.scanning == scanning and len(catalog) - self._position < (size if scanning else 1):
                await self._rows_known.wait()

    async def _submit(self, index: int) -> None:
        if index in self._refused:
            self._progress.put(Finished(index, -1, self._refused[index]))
            return
        size = self._state.catalog.original(index)
        if self.room.claim(index, size):
            self._submitting = index
            await self._pool.submit(self._job(index))
            self._submitting = -1
            return
        reason = "the backups would hold more than --backup-limit allows; prune old ones or raise it"
        self._progress.put(Finished(index, -1, Outcome(Status.SKIPPED, reason, "", size, size)))

    def _job(self, index: int) -> Job:
        catalog = self._state.catalog
        return catalog.job(index, self._recipes.of(catalog.folder(index)), self._origins.get(index, ""))
