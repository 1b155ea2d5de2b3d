"""One image that is through, for programs: the contract's ``OptimizationResult`` and what else is known of it.

The same record, whether it comes from a run at work (its catalogue) or from the journal.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, TextIO

from engine.catalog import Catalog
from engine.job import Outcome, Sibling, Status
from engine.journal_tables import ResultRow
from engine.machine import SUFFIX, exact
from engine.outcome_row import measured_of, result_row, siblings_of
from engine.quality import Measured
from engine.task import OptimizationResult

__all__ = ["catalog_row", "image_record", "write_csv"]

_WRITTEN = (Status.DONE.value, Status.KEPT.value)


def catalog_row(catalog: Catalog, index: int) -> ResultRow:
    """The row of an image that is through."""
    status = catalog.status(index) or Status.FAILED
    source_format, target_format = catalog.formats(index)
    width, height = catalog.size(index)
    written = status.value in _WRITTEN
    outcome = Outcome(
        status,
        catalog.reason(index),
        catalog.target(index) if written else "",
        original_size=catalog.original(index),
        optimized_size=catalog.optimized(index),
        source_format=source_format,
        target_format=target_format,
        width=width,
        height=height,
        quality=catalog.quality(index),
        seconds=catalog.seconds(index),
        predicted_bytes=catalog.needs(index),
        source_quality=catalog.source_quality(index),
        siblings=catalog.siblings(index),
        measured=catalog.measured(index),
    )
    return result_row(0, index, catalog.source(index), catalog.slot(index), 0.0, outcome)


def image_record(row: ResultRow) -> dict[str, Any]:
    """The record. ``format``, ``width``, ``height`` are the result's, null where there is none; ``quality`` is null
    for lossless."""
    written = row.status in _WRITTEN
    failed = row.status == Status.FAILED
    target = os.fsdecode(row.target) if written else ""
    result = OptimizationResult(
        original_path=os.fsdecode(row.path),
        optimized_path=target,
        original_size=row.original,
        optimized_size=row.optimized if written else row.original,
        success=not failed,
        error=row.reason if failed else None,
    )
    record = {
        **result.to_json(),
        "status": row.status,
        "reason": row.reason,
        "sourceFormat": row.source_format or None,
        "format": row.target_format or None,
        "width": row.width or None,
        "height": row.height or None,
        "quality": row.quality or None,
        "seconds": round(row.seconds, 3),
    }
    if (measured := measured_of(row)) is not None:
        record |= _scores(measured)
    if siblings := siblings_of(row):
        folder = os.path.dirname(target)
        record["siblings"] = [_sibling(one, folder) for one in siblings]
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
