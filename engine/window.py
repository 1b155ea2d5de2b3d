"""Image rows by window: filter, sort, cut. Reads the catalogue's columns only, so it may run beside the run's loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple

from engine.catalog import Catalog
from engine.progress import RunState, WorkerState
from engine.view import ImageRow, ImageState, Page, Window, WorkerRow

__all__ = ["image_row", "page", "worker_rows"]

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
    width, height = catalog.size(index)
    source_format, target_format = catalog.formats(index)
    state = catalog.states[index]
    written = state in (ImageState.DONE, ImageState.KEPT)
    return ImageRow(
        index=index,
        path=catalog.path(index),
        state=state,
        slot=running[0] if running else catalog.slot(index),
        stage=running[1] if running else "",
        reason=catalog.reason(index),
        original_size=catalog.original(index),
        optimized_size=catalog.optimized(index),
        source_format=source_format,
        target_format=target_format,
        width=width,
        height=height,
        quality=catalog.quality(index),
        seconds=catalog.seconds(index),
        needs=catalog.needs(index),
        target=catalog.target(index) if written else "",
        source=catalog.source(index),
        source_quality=catalog.source_quality(index),
        siblings=tuple((one.name, one.size) for one in catalog.siblings(index)),
        stages=catalog.stages(index),
        peak=catalog.peak(index),
        options=catalog.options(index),
        measured=astuple(measured) if (measured := catalog.measured(index)) is not None else None,
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
