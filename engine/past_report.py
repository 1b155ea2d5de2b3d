"""Everything a report on a run needs, from the journal, at any time: while it is at work, after its end, or killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from engine.comparison import Comparison, compare
from engine.digest import Digest, Group, digest
from engine.errors import RunnerError
from engine.history import PastRun, choose, past_runs, reading
from engine.image_record import image_record
from engine.journal_tables import ResultRow
from engine.outcome_row import outcome_of
from engine.samples import Sample
from engine.settings import Settings
from engine.summary import summary

__all__ = ["RunReport", "load"]

BLOCK = 4096
"""Bytes of a block where the file system cannot be asked any more."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run."""

    run: PastRun
    digest: Digest
    samples: tuple[Sample, ...]
    against: PastRun | None = None
    comparison: Comparison | None = None
    """With ``against``."""

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far; of a run that was killed the time of its last image."""
        run = self.run
        if "duration" in run.report:
            return float(run.report["duration"])
        if run.phase == "running":
            return max(0.0, time.time() - run.started)
        return max((batch.end for batch in self.digest.batches), default=0.0)

    @property
    def forgotten(self) -> bool:
        """Whether the run is so old that nothing is kept of its single images."""
        return not self.digest.counts and bool(self.run.report.get("done") or self.run.report.get("kept"))

    @property
    def settings(self) -> str:
        """In one line for the eye; empty for those of another version."""
        try:
            return summary(Settings().with_values(self.run.settings))
        except (ValueError, KeyError):
            return ""

    def records(self) -> Iterator[dict[str, Any]]:
        """What came of each image, in order; raises RunnerError."""
        with _rows(self.run) as rows:
            yield from (image_record(os.fsdecode(row.path), outcome_of(row)) for row in rows)

    def to_json(self) -> dict[str, Any]:
        """For programs, all but the single images."""
        found, run = self.digest, self.run
        plain = run.to_json()
        plain |= {"phase": run.phase, "duration": self.seconds, "summary": self.settings}
        plain |= {name: value for name, value in run.report.items() if isinstance(value, dict)}
        disk = {"blockSize": found.block, "diskIn": found.total.disk_in, "diskOut": found.total.disk_out}
        return {
            "summary": {**plain, **disk, "diskSaved": found.total.disk_in - found.total.disk_out},
            "folders": [_group(group) for group in found.folders],
            "formats": [_group(group) for group in found.formats],
            "biggest": [asdict(image) for image in found.biggest],
            "reasons": [
                {"status": one.status, "reason": one.text, "images": one.images, "paths": one.paths}
                for one in found.reasons
            ],
            "timeline": [asdict(batch) for batch in found.batches],
            "samples": [asdict(sample) for sample in self.samples],
            **(
                {"against": {"run": self.against.id, **self.comparison.to_json()}}
                if self.against and self.comparison
                else {}
            ),
        }


def _group(group: Group) -> dict[str, Any]:
    sizes = {"bytesIn": group.bytes_in, "bytesOut": group.bytes_out, "savedBytes": group.saved}
    disk = {"diskIn": group.disk_in, "diskOut": group.disk_out}
    return {"name": group.name, "images": group.images, **sizes, "savedPercent": group.percent, **disk}


@contextmanager
def _rows(run: PastRun) -> Iterator[Iterator[ResultRow]]:
    with reading() as file:
        yield file.results(run.number)


def load(run_id: str | None, against: str | None = None) -> RunReport:
    """The report on a run by the beginning of its id, None or ``last``: the newest. Raises RunnerError."""
    runs = past_runs()
    run = _chosen(runs, run_id)
    other = _chosen(runs, against) if against is not None else None
    with reading() as file:
        size = int(run.settings.get("batch_size", Settings().batch_size))
        found = digest(file.results(run.number), run.roots, size, _block_of(run))
        samples = tuple(file.samples(run.number))
        if other is None:
            return RunReport(run, found, samples)
        if other.id == run.id:
            raise RunnerError(f"run {run.id} cannot be compared with itself; see imgopt-tui runs")
        rows = file.results(run.number), file.results(other.number)
        return RunReport(run, found, samples, other, compare(*rows, run.settings, other.settings))


def _chosen(runs: list[PastRun], run_id: str | None) -> PastRun:
    return choose(runs, None if run_id == "last" else run_id)


def _block_of(run: PastRun) -> int:
    for path in (run.output, *run.roots):
        try:
            return os.statvfs(path).f_frsize or BLOCK
        except OSError:
            continue
    return BLOCK
