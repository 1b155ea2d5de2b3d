"""Old runs leave the journal: which ones, and what stays although they go.

A run that still keeps originals stays listed until those are given up (``holdings.prune``). What is known of contents
stays in any case: no image is done twice because its run was forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.history import RUNNING, PastRun, writing
from engine.places import journal_file

__all__ = ["Chosen", "choose_old", "forget_runs"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What becomes of the runs that were asked for."""

    go: tuple[PastRun, ...]
    stay: tuple[PastRun, ...]
    """Those that keep originals."""


def choose_old(runs: Sequence[PastRun], *, keep: int, before: float | None, holding: Collection[str]) -> Chosen:
    """Of ``runs`` (newest first) those beyond the newest ``keep`` that were begun before a time (seconds since the
    epoch; None: at any), never one that is going on. ``holding`` are ids of runs that keep originals."""
    over = [run for run in runs if run.phase != RUNNING]
    old = [run for run in over[keep:] if before is None or run.started < before]
    return Chosen(tuple(run for run in old if run.id not in holding), tuple(run for run in old if run.id in holding))


def forget_runs(runs: Sequence[PastRun], *, compact: bool) -> tuple[int, int]:
    """Take them out of the journal; returns its bytes before and after. ``compact``: give their room back, which keeps
    runs that are going on waiting. Raises RunnerError."""
    path = journal_file()
    before = _size(str(path))
    with writing() as file:
        file.forget_runs([run.number for run in runs])
        if compact:
            file.compact()
    return before, _size(str(path))


def _size(path: str) -> int:
    return sum(os.path.getsize(path + more) for more in ("", "-wal") if os.path.exists(path + more))
