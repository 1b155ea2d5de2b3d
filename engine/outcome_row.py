"""What came of an image as the row that the journal keeps of it, and back."""

from __future__ import annotations

import json
import os
from dataclasses import astuple

from engine.job import Outcome, Sibling, Status
from engine.journal_tables import ResultRow, storable
from engine.quality import Measured

__all__ = ["outcome_of", "result_row"]


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
        reason=storable(outcome.reason),
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


def outcome_of(row: ResultRow) -> Outcome:
    """The outcome that a row was made of, as far as the journal keeps it."""
    more = json.loads(row.more) if row.more else {}
    measured = more.get("measured")
    return Outcome(
        Status(row.status),
        row.reason,
        os.fsdecode(row.target),
        original_size=row.original,
        optimized_size=row.optimized,
        source_format=row.source_format,
        target_format=row.target_format,
        width=row.width,
        height=row.height,
        quality=row.quality,
        seconds=row.seconds,
        predicted_bytes=row.needs,
        peak_bytes=more.get("peak", 0),
        source_quality=row.source_quality,
        stages=tuple(more.get("stages", ())),
        options=more.get("options", ""),
        siblings=tuple(Sibling(*one) for one in more.get("siblings", ())),
        measured=Measured(*measured) if measured is not None else None,
    )
