"""Image rows by window: filter, sort, cut. Reads the catalogue's columns only, so it may run beside the run's loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple

from engine.catalog import Catalog
from engine.job import Outcome
from engine.progress import RunState, WorkerState
from engine.view import ImageRow, Page, Window, WorkerRow

__all__ = ["image_row", "page", "shown_row", "worker_rows"]

MAX_ROWS = 1_000

_KEYS: dict[str, Callable[[Catalog, int], object]] = {
    "path": lambda catalog, index: catalog.path(index).casefold(),
    "in": lambda catalog, index: catalog.original(index),
    "out": lambda catalog, index: catalog.optimized(index),
    "saved": lambda catalog, index: catalog.original(index) - (catalog.optimized(index) or catalog.original(index)),
    "state": lambda catalog, index: catalog.states[index],
    "seconds": lambda catalog, index: catalog.seconds(index),
}


def page(catalog: Catalog, window: Window, workers: Sequence[tuple[int, WorkerState]]) -> Page:
    """The rows of ``window``; an unknown sort key sorts by index."""
    count = max(0, min(window.count, MAX_ROWS))
    offset = max(0, window.offset)
    indexes: Sequence[int] = range(len(catalog))
    if window.states:
        wanted = frozenset(window.states)
        indexes = [index for index in indexes if catalog.states[index] in wanted]
    if window.text:
        text = window.text.casefold()
        indexes = [index for index in indexes if text in catalog.path(index).casefold()]
    key = _KEYS.get(window.sort)
    if key is not None:
        indexes = sorted(indexes, key=lambda index: key(catalog, index))  # type: ignore[arg-type,return-value]  # one key, one type
    chosen = indexes[::-1] if window.descending else indexes
    running = {worker.index: (slot, worker.stage) for slot, worker in workers}
    rows = tuple(image_row(catalog, index, running.get(index)) for index in chosen[offset : offset + count])
    return Page(len(indexes), rows)


def image_row(catalog: Catalog, index: int, running: tuple[int, str] | None = None) -> ImageRow:
    """One row; ``running`` is the worker that has it and its stage."""
    slot, stage = running or (catalog.slot(index), "")
    paths = catalog.path(index), catalog.source(index)
    return shown_row(index, *paths, catalog.states[index], slot, catalog.outcome(index), stage)


def shown_row(index: int, path: str, source: str, state: int, slot: int, outcome: Outcome, stage: str = "") -> ImageRow:
    """The row of an image of which ``outcome`` is what is known; ``path`` for display, ``source`` in full."""
    measured = outcome.measured
    return ImageRow(
        index=index,
        path=path,
        state=state,
        slot=slot,
        stage=stage,
        reason=outcome.reason,
        original_size=outcome.original_size,
        optimized_size=outcome.optimized_size,
        source_format=outcome.source_format,
        target_format=outcome.target_format,
        width=outcome.width,
        height=outcome.height,
        quality=outcome.quality,
        seconds=outcome.seconds,
        needs=outcome.predicted_bytes,
        target=outcome.target if outcome.status.written else "",
        source=source,
        source_quality=outcome.source_quality,
        siblings=tuple((one.name, one.size) for one in outcome.siblings),
        stages=outcome.stages,
        peak=outcome.peak_bytes,
        options=outcome.options,
        measured=astuple(measured) if measured is not None else None,
    )


def worker_rows(state: RunState, figures: Mapping[int, tuple[int, float]], now: float) -> tuple[WorkerRow, ...]:
    """One row for each worker; ``figures`` are resident bytes and percent of a CPU by its number."""
    rows = []
    for slot, worker in sorted(state.workers.items()):
        rss, cpu = figures.get(slot, (0, 0.0))
        rows.append(
            WorkerRow(
                slot=slot,
                pid=worker.pid,
                index=worker.index,
                name=state.catalog.name(worker.index) if worker.index >= 0 else "",
                stage=worker.stage,
                seconds=now - worker.since,
                rss=rss,
                allowance=worker.allowance,
                cpu=cpu,
                finished=worker.finished,
            )
        )
    return tuple(rows)
