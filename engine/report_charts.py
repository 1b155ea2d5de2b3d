"""The pictures of a report: batches over time, CPU and memory over time, sizes against scores."""

from __future__ import annotations

from collections.abc import Sequence

from engine.axes import bytes_axis, bytes_log_axis, number_axis, seconds_axis
from engine.digest import Batch, Point
from engine.escape import escape
from engine.report import human_bytes, human_seconds
from engine.samples import Sample
from engine.svg import Plot
from engine.task import saved_percent

__all__ = ["batch_chart", "cpu_chart", "memory_chart", "savings_chart", "score_chart"]

LANE = 14
"""Height of a batch's bar at most, in the picture's unit."""
TALLEST = 420
"""Height of all of them at most: with many batches bars get thinner."""


def batch_chart(batches: Sequence[Batch], seconds: float) -> str:
    """One bar for each batch, from its first start to its last end, with the share that failed at its end."""
    thick = min(LANE, TALLEST / max(1, len(batches)))
    height = round(thick * len(batches)) + 40
    until = max([seconds, *(batch.end for batch in batches)])
    plot = Plot("Batches over time", seconds_axis(until), number_axis([], high=1), height, lines=False)
    for place, batch in enumerate(batches):
        title = (
            f"batch {batch.number}: {batch.images} images in {batch.end - batch.begin:.1f} s, "
            f"saved {human_bytes(batch.saved)}" + (f", {batch.failed} failed" if batch.failed else "")
        )
        plot.bar(batch.begin, batch.end, place * thick, thick * 0.8, "good", title)
        if batch.failed:
            bad = (batch.end - batch.begin) * batch.failed / batch.images
            plot.bar(batch.end - bad, batch.end, place * thick, thick * 0.8, "bad", title)
    return plot.svg()


def cpu_chart(samples: Sequence[Sample], seconds: float) -> str:
    """Share of the usable CPUs that was busy."""
    plot = Plot("CPU over time", seconds_axis(seconds), number_axis([], "%", high=100.0), 150)
    plot.line([(sample.at, sample.cpu) for sample in samples], "main", filled=True)
    return plot.svg()


def memory_chart(samples: Sequence[Sample], seconds: float) -> str:
    """Memory of the run, and of everything on the machine or in the cgroup."""
    most = max((max(sample.memory, sample.used) for sample in samples), default=1)
    limit = max((sample.limit for sample in samples), default=0)
    plot = Plot("Memory over time", seconds_axis(seconds), bytes_axis(max(most * 1.1, min(limit, most * 2))), 180)
    plot.line([(sample.at, sample.used) for sample in samples], "second")
    plot.line([(sample.at, sample.memory) for sample in samples], "main", filled=True)
    if 0 < limit <= most * 2:
        plot.level(limit, "limit", f"there are {human_bytes(limit)}")
    return plot.svg()


def _said(point: Point) -> str:
    score = "" if point.score is None else f", score {point.score:.1f}"
    return f"{escape(point.path)}: {human_bytes(point.original)} → {human_bytes(point.optimized)}{score}"


def score_chart(points: Sequence[Point]) -> str:
    """Size of each result as a share of its original, against its score."""
    scored = [(point, point.score) for point in points if point.score is not None and point.original]
    sizes = [100 * point.optimized / point.original for point, _ in scored]
    scores = [score for _, score in scored]
    plot = Plot(
        "Size against score", number_axis(sizes, "%"), number_axis(scores, low=None, high=max([100.0, *scores])), 260
    )
    plot.dots(((size, score, _said(point)) for size, (point, score) in zip(sizes, scored, strict=True)), "dot")
    return plot.svg()


def savings_chart(points: Sequence[Point]) -> str:
    """Percent saved of each image, against its size before."""
    some = [point for point in points if point.original]
    saved = [saved_percent(point.original, point.optimized) for point in some]
    plot = Plot(
        "Savings against size",
        bytes_log_axis([point.original for point in some]),
        number_axis(saved, "%", low=max(-100.0, min([0.0, *saved])), high=100.0),
        260,
    )
    plot.dots(((point.original, share, _said(point)) for point, share in zip(some, saved, strict=True)), "dot")
    return plot.svg()


def duration(seconds: float) -> str:
    """``01:12``, and with tenths where it is short."""
    return f"{seconds:.1f} s" if seconds < 60 else human_seconds(seconds)
