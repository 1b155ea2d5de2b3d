"""An estimate for programs and for people."""

from __future__ import annotations

from typing import Any

from engine.forecast import Estimate, Row
from engine.interval import Range
from engine.plural import count
from engine.report import human_bytes, human_seconds
from engine.task import saved_percent

__all__ = ["estimate_line", "estimate_record", "estimate_sentences", "estimate_text"]


def estimate_record(estimate: Estimate) -> dict[str, Any]:
    """Field by field: bytes, seconds, percent. What has a range is ``{"value": …, "low": …, "high": …}``, or null where
    too few images were tried to tell."""
    return {
        "images": estimate.images,
        "sampled": estimate.sampled,
        "complete": estimate.complete,
        "exact": estimate.exact,
        "already": estimate.already,
        "leftOut": estimate.left_out,
        "bytesIn": estimate.bytes_in,
        "bytesOut": _whole(estimate.bytes_out),
        "savedBytes": _whole(estimate.saved),
        "savedPercent": _rounded(_percent(estimate.saved, estimate.bytes_in), 2),
        "seconds": _rounded(estimate.seconds, 3),
        "peakMemory": _whole(estimate.memory),
        "failed": _whole(estimate.failed),
        "skipped": _whole(estimate.skipped),
        "siblings": estimate.siblings,
        "siblingBytes": _whole(estimate.sibling_bytes),
        "workers": estimate.workers,
        "formats": [_row_record(row) for row in estimate.rows],
    }


def _row_record(row: Row) -> dict[str, Any]:
    counts = {"format": row.format, "images": row.images, "sampled": row.sampled, "bytesIn": row.bytes_in}
    percent = _rounded(_percent(row.saved, row.bytes_in), 2)
    return {**counts, "savedBytes": _whole(row.saved), "savedPercent": percent}


def _whole(found: Range | None) -> dict[str, int] | None:
    return None if found is None else {key: round(getattr(found, key)) for key in ("value", "low", "high")}


def _rounded(found: Range | None, digits: int) -> dict[str, float] | None:
    return None if found is None else {key: round(getattr(found, key), digits) for key in ("value", "low", "high")}


def _percent(saved: Range | None, size: int) -> Range | None:
    if saved is None:
        return None
    return Range(*(saved_percent(size, size - round(each)) for each in (saved.value, saved.low, saved.high)))


def estimate_line(estimate: Estimate) -> str:
    """Savings and time in one line: ``saves 1.42 GiB (1.31 to 1.52), 47% (43 to 50), in 04:12 (03:40 to 05:30)``."""
    if estimate.saved is None or estimate.seconds is None:
        return "not known yet"
    return f"saves {_bytes(estimate.saved)}, {_share(estimate.saved, estimate.bytes_in)}, in {_time(estimate.seconds)}"


def estimate_sentences(estimate: Estimate) -> list[str]:
    """The same with what else is of interest before a run, a few lines."""
    lines = [f"{count(estimate.images, 'image')} to do, {human_bytes(estimate.bytes_in)}{_others(estimate)}"]
    if estimate.memory is not None:
        lines.append(f"{_how_known(estimate)}: {estimate_line(estimate)}; memory {_bytes(estimate.memory)}")
        if estimate.failed is not None and estimate.failed.value >= 0.5:
            lines.append(f"{_count(estimate.failed)} cannot be done")
    return lines


def estimate_text(estimate: Estimate) -> str:
    """The estimate for people, a few short lines."""
    lines = [
        f"{count(estimate.images, 'image')} to do, {human_bytes(estimate.bytes_in)}{_others(estimate)}",
        _how_known(estimate),
    ]
    if estimate.saved is None or estimate.seconds is None or estimate.memory is None:
        return "\n".join([*lines, "too few to say more"]) if estimate.images else lines[0]
    after = estimate.bytes_out or estimate.saved
    lines += [
        f"saves    {_bytes(estimate.saved)}, {_share(estimate.saved, estimate.bytes_in)}",
        f"leaves   {_bytes(after)}",
        f"takes    {_time(estimate.seconds)} with {count(estimate.workers, 'worker')}",
        f"memory   {_bytes(estimate.memory)} at its peak",
        f"fails    {_count(estimate.failed)}",
        f"skips    {_count(estimate.skipped)}",
    ]
    if estimate.siblings and estimate.sibling_bytes:
        lines.append(f"beside   {count(estimate.siblings, 'sibling')}, {_bytes(estimate.sibling_bytes)}")
    bounds = [] if estimate.exact else ["", "in brackets: what the truth lies between, nine times out of ten"]
    return "\n".join([*lines, "", *_table(estimate), *bounds])


def _others(estimate: Estimate) -> str:
    """What is not to be done, in brackets; empty where there is nothing."""
    others = [f"{estimate.already} done already"] if estimate.already else []
    others += [f"{estimate.left_out} left out"] if estimate.left_out else []
    return f" ({', '.join(others)})" if others else ""


def _how_known(estimate: Estimate) -> str:
    if estimate.exact:
        return "all of them tried"
    if estimate.complete:
        return f"{estimate.sampled} of them tried"
    ended = "it was interrupted" if estimate.time_limit is None else f"its {estimate.time_limit:.0f} seconds were over"
    return f"{estimate.sampled} of them tried, of the {estimate.planned} planned, as {ended}"


def _table(estimate: Estimate) -> list[str]:
    """One line for each format."""
    lines = [f"{'format':<7} {'images':>8} {'tried':>6} {'before':>10}  saved"]
    for row in estimate.rows:
        saved = "not known" if row.saved is None else f"{_bytes(row.saved)}, {_share(row.saved, row.bytes_in)}"
        size = human_bytes(row.bytes_in)
        lines.append(f"{row.format:<7} {row.images:>8} {row.sampled:>6} {size:>10}  {saved}")
    return lines


def _bytes(found: Range) -> str:
    return _between(human_bytes(found.value), human_bytes(found.low), human_bytes(found.high))


def _share(saved: Range, size: int) -> str:
    percent = _percent(saved, size) or saved
    return _between(*(f"{each:.1f}%" for each in (percent.value, percent.low, percent.high)))


def _time(found: Range) -> str:
    return _between(human_seconds(found.value + 0.5), human_seconds(found.low), human_seconds(found.high + 0.99))


def _count(found: Range | None) -> str:
    if found is None:
        return "not known"
    value = _between(*(f"{round(each)}" for each in (found.value, found.low, found.high)))
    return f"{value} {'image' if value == '1' else 'images'}"


def _between(value: str, low: str, high: str) -> str:
    return value if low == high == value else f"{value} ({low} to {high})"
