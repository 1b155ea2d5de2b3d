"""What came of an image as the row that the journal keeps of it, and back."""

from __future__ import annotations

import json
import os
from dataclasses import astuple

from engine.job import Outcome, Sibling
from engine.journal_tables import ResultRow
from engine.quality import Measured

__all__ = ["measured_of", "result_row", "siblings_of"]


def result_row(run: int, index: int, source: str, slot: int, at: float, outcome: Outcome) -> ResultRow:
    """The row of image ``index`` of run number ``run``; ``at``: seconds after the run's beginning."""
    measured = outcome.measured
    more: dict[str, object] = {}
    if outcome.stages:
        more["stages"] = [round(seconds, 4) for seconds in outcome.stages]
    if outcome.peak_bytes:
        more["peak"] = outcome.peak_bytes
    if outcome.options:
        more["options"] = outcome.options
    if outcome.siblings:
        more["siblings"] = [astuple(one) for one in outcome.siblings]
    if measured is not None:
        more["measured"] = astuple(measured)
    return ResultRow(
        run=run,
        number=index,
        path=os.fsencode(source),
        status=outcome.status.value,
        reason=outcome.reason.encode("utf-8", "backslashreplace").decode("utf-8"),
        why=outcome.why.value,
        original=outcome.original_size,
        optimized=outcome.optimized_size,
        seconds=outcome.seconds,
        target=os.fsencode(outcome.target),
        slot=slot,
        at=at,
        source_format=outcome.source_format,
        target_format=outcome.target_format,
        width=outcome.width,
        height=outcome.height,
        quality=outcome.quality,
        source_quality=outcome.source_quality,
        needs=outcome.predicted_bytes,
        score=measured.score if measured is not None else None,
        more=json.dumps(more) if more else "",
    )


def siblings_of(row: ResultRow) -> tuple[Sibling, ...]:
    """What was written beside the result."""
    return tuple(Sibling(*one) for one in json.loads(row.more or "{}").get("siblings", ()))


def measured_of(row: ResultRow) -> Measured | None:
    """How much the result looks like its source; None where no score was asked for."""
    found = json.loads(row.more or "{}").get("measured")
    return Measured(*found) if found is not None else None
