"""One image that is through, for programs: the contract's ``OptimizationResult`` and what else is known of it.

The same record, whether it comes from a run at work (its catalogue) or from the journal.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, TextIO

from engine.job import Outcome, Sibling, Status
from engine.journal_tables import storable
from engine.machine import SUFFIX, exact
from engine.quality import Measured
from engine.task import OptimizationResult

__all__ = ["image_record", "write_csv"]


def image_record(source: str, outcome: Outcome) -> dict[str, Any]:
    """The record. ``format``, ``width``, ``height`` are the result's, null where there is none; ``quality`` is null
    for lossless."""
    written, failed = outcome.status.written, outcome.status is Status.FAILED
    target, reason = outcome.target if written else "", storable(outcome.reason)
    result = OptimizationResult(
        original_path=source,
        optimized_path=target,
        original_size=outcome.original_size,
        optimized_size=outcome.optimized_size if written else outcome.original_size,
        success=not failed,
        error=reason if failed else None,
    )
    record = {
        **result.to_json(),
        "status": outcome.status.value,
        "reason": reason,
        "sourceFormat": outcome.source_format or None,
        "format": outcome.target_format or None,
        "width": outcome.width or None,
        "height": outcome.height or None,
        "quality": outcome.quality or None,
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.measured is not None:
        record |= _scores(outcome.measured)
    if outcome.siblings:
        folder = os.path.dirname(target)
        record["siblings"] = [_sibling(one, folder) for one in outcome.siblings]
    return record


def _sibling(one: Sibling, folder: str) -> dict[str, object]:
    facts = {name: fact for name, fact in asdict(one).items() if name != "name" and fact is not None}
    return {"path": os.path.join(folder, one.name), **facts}


def _scores(measured: Measured) -> dict[str, object]:
    return {
        "score": round(measured.score, 2),
        "encodes": measured.encodes,
        "worstTile": {"score": round(measured.worst, 2), "left": measured.left, "top": measured.top},
    }


_COLUMNS = (
    *("original_path", "status", "reason", "original_size", "optimized_size", "savedBytes", "compressionRatio"),
    *("sourceFormat", "format", "width", "height", "quality", "score", "seconds", "optimized_path"),
)
_NAMES = ("original_path", "optimized_path")


def write_csv(records: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    """Records as CSV with a line of names; the bytes of paths that are not UTF-8 stand in columns of their own."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_COLUMNS, *(name + SUFFIX for name in _NAMES)])
    for record in records:
        names = {key: part for name in _NAMES for key, part in exact(name, record[name]).items()}
        plain = {**record, **names}
        row = [plain.get(column) for column in (*_COLUMNS, *(name + SUFFIX for name in _NAMES))]
        writer.writerow(["" if cell is None else _clean(cell) for cell in row])


def _clean(cell: object) -> object:
    """A reason may quote a name whose bytes are no text."""
    return exact("", cell)[""] if isinstance(cell, str) else cell
