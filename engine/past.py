"""A run that is over, seen like one that is at work: a ``RunView`` over what the journal holds of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from engine import history
from engine.history import PastRun, ask_journal
from engine.metrics import Spread
from engine.settings import Settings
from engine.summary import summary
from engine.view import (
    BatchRow,
    Gauges,
    Hangup,
    ImageState,
    LogLine,
    Page,
    Phase,
    RunInfo,
    Totals,
    Update,
    Window,
)

if TYPE_CHECKING:
    from engine.journal_file import JournalFile
    from engine.past_rows import PastImages

__all__ = ["PastView"]

T = TypeVar("T")


def _settings(run: PastRun) -> Settings:
    """Those it had; the defaults where they are of a version that cannot be read any more."""
    try:
        return Settings().with_values(run.settings)
    except (ValueError, KeyError):
        return Settings()


class PastView:
    """Made by ``open``. Its commands come too late and do nothing; ``engine.opening.retry_failed`` starts anew."""

    def __init__(self, run: PastRun, images: PastImages, log: tuple[LogLine, ...]) -> None:
        self._run = run
        self._images = images
        self._log = log
        settings = _settings(run)
        self._info = RunInfo(
            run_id=run.id,
            pid=0,
            host=socket.gethostname(),
            roots=run.roots,
            output=run.output,
            batch_size=settings.batch_size,
            started=run.started,
            summary=summary(settings),
        )

    @classmethod
    async def open(cls, run_id: str | None = None) -> PastView:
        """The run whose id begins with ``run_id``, or the newest; raises RunnerError when there is none."""
        run = history.choose(await history.known_runs(), run_id)
        return await asyncio.to_thread(ask_journal, lambda file: cls._load(file, run))

    @classmethod
    def _load(cls, file: JournalFile, run: PastRun) -> PastView:
        from engine.past_rows import PastImages

        images = PastImages(run.number, run.roots, _settings(run).batch_size)
        images.load(file)
        log = list(file.log(run.number, 0, 1_000_000))
        if already := run.report.get("already"):
            text = f"{already} images had been done by earlier runs; they are not listed here"
            log.append(LogLine(log[-1].number + 1 if log else 0, run.ended or run.started, "info", text))
        return cls(run, images, tuple(log))

    async def _ask(self, question: Callable[[JournalFile], T]) -> T:
        return await asyncio.to_thread(ask_journal, question)

    @property
    def info(self) -> RunInfo:
        """What does not change."""
        return self._info

    @property
    def phase(self) -> Phase:
        """How it ended."""
        return Phase(self._run.phase)

    async def updates(self) -> AsyncIterator[Update]:
        """One, which is over."""
        report, images = self._run.report, self._images
        warnings = [line.text for line in self._log if line.level != "info"]
        yield Update(
            version=1,
            phase=self.phase,
            elapsed=self._elapsed,
            eta=None,
            rate=0.0,
            workers_wanted=0,
            totals=self._totals(),
            gauges=Gauges(mem_peak=report.get("peakMemory", 0)),
            workers=(),
            batches_complete=images.batch_count,
            batches_open=0,
            log_lines=self._log[-1].number + 1 if self._log else 0,
            message=warnings[-1] if warnings else "",
            states=bytes(images.states),
        )

    @property
    def _elapsed(self) -> float:
        ended = self._run.ended or self._run.started
        return float(self._run.report.get("duration", ended - self._run.started))

    def _totals(self) -> Totals:
        report, images = self._run.report, self._images
        found = len(images.states)
        return Totals(
            found=found,
            scanning=False,
            done=images.count(ImageState.DONE),
            kept=images.count(ImageState.KEPT),
            skipped=images.count(ImageState.SKIPPED),
            failed=images.count(ImageState.FAILED),
            retried=report.get("retried", 0),
            bytes_found=report.get("bytesIn", 0),
            bytes_in=report.get("bytesIn", 0),
            bytes_out=report.get("bytesOut", 0),
        )

    async def rows(self, window: Window) -> Page:
        """Image rows by window."""
        return await self._ask(lambda file: self._images.page(file, window))

    async def batches(self, first: int, count: int) -> tuple[BatchRow, ...]:
        """Batches ``first`` (from 0) and following."""
        return await self._ask(lambda file: self._images.batches(file, first, count))

    async def log(self, first: int, count: int) -> tuple[LogLine, ...]:
        """Log lines from number ``first``."""
        return tuple(line for line in self._log if first <= line.number < first + count)

    async def report(self) -> Mapping[str, Any]:
        """As the run itself made it; of one that was interrupted what can be said of it. Raises RunnerError."""
        if "batchSeconds" in self._run.report:
            return self._run.report
        return await self._ask(self._interrupted)

    def _interrupted(self, file: JournalFile) -> dict[str, Any]:
        images, counts = self._images, self._run.report
        batches = images.batches(file, 0, images.batch_count)
        seconds, mean_ratio = images.last_end(file), images.mean_ratio(file)
        workers = images.workers(file)
        return {
            **counts,
            "run": self._run.id,
            "phase": self._run.phase,
            "roots": list(self._run.roots),
            "output": self._run.output,
            "duration": seconds,
            "found": counts["processed"],
            "remaining": 0,
            "retried": 0,
            "meanRatio": mean_ratio,
            "imagesPerSecond": counts["processed"] / max(seconds, 1e-9),
            "megabytesPerSecond": counts["bytesIn"] / max(seconds, 1e-9) / 1e6,
            "batches": len(batches),
            "batchesComplete": len(batches),
            "commonBatchSize": max((batch.count for batch in batches), default=0),
            "batchSeconds": asdict(Spread.of([batch.seconds for batch in batches])),
            "tasksPerWorker": asdict(Spread.of([float(done) for done in workers.values()])),
            "perWorker": {str(slot + 1): done for slot, done in sorted(workers.items())},
            "peakMemory": max((sample.memory for sample in file.samples(self._run.number)), default=0),
        }

    async def pause(self) -> None:
        """Too late."""

    async def resume(self) -> None:
        """Too late."""

    async def set_workers(self, count: int) -> None:
        """Too late."""

    async def set_memory(self, limit: int | None) -> None:
        """Too late."""

    async def set_nice(self, nice: int) -> None:
        """Too late."""

    async def set_on_hangup(self, mode: Hangup) -> None:
        """Too late."""

    async def cancel(self, *, now: bool = False) -> None:
        """Too late."""

    async def cancel_images(self, paths: Sequence[str]) -> int:
        """Too late."""
        return 0

    async def retry_failed(self) -> int:
        """Too late."""
        return 0

    async def retry_quarantined(self, paths: Sequence[str] = ()) -> int:
        """Too late."""
        return 0

    async def watch(self) -> None:
        """Nothing hangs on it."""

    async def close(self) -> None:
        """There is nothing to let go of."""
