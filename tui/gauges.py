"""What the gauges say, as values: shares of memory, speed by the second, why an image waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui import text
from tui.look import Look, Parts

if TYPE_CHECKING:
    from engine.view import Gauges, Update, WorkerRow

__all__ = ["NEAR", "STAGES", "batch_times", "held_reason", "memory_bar", "spark", "worker_mark", "worker_share"]

NEAR = 0.85
"""Part of a limit from which it is marked."""
STAGES = {"probe": "prb", "decode": "dec", "encode": "enc", "check": "chk", "write": "wri", "starting": "new"}
"""Short names of what a worker does."""


def memory_bar(gauges: Gauges, look: Look, cells: int) -> Parts:
    """Memory in use of all there is, with the run's own peak and the line it stops at, both on top of what others use
    now."""
    limit = gauges.mem_limit
    if not limit:
        return look.bar(0.0, cells)
    others = gauges.mem_used - gauges.mem_run
    peak = (others + gauges.mem_peak) / limit if gauges.mem_peak else None
    stop = (others + gauges.mem_stop) / limit if gauges.mem_stop else None
    share = gauges.mem_used / limit
    return look.bar(share, cells, mark=peak, stop=stop, hot=share > NEAR)


def worker_share(worker: WorkerRow, update: Update) -> int:
    """Bytes a worker may take for its image: what was reserved for it, or its part of the budget."""
    return max(worker.allowance, update.gauges.budget // max(1, update.workers_wanted))


def worker_mark(worker: WorkerRow, update: Update) -> str:
    """``!`` when a busy worker is near its share."""
    share = worker_share(worker, update)
    return "!" if worker.index >= 0 and share and worker.rss >= NEAR * share else " "


def spark(counts: Sequence[int], cells: int, look: Look) -> str:
    """One column for each second, or for several where there is no room; the newest at the right. The highest column
    is full, a second without an image the lowest."""
    levels = look.glyphs.levels
    each = -(-len(counts) // cells) if cells > 0 else 0
    if not each:
        return ""
    groups = [counts[max(0, end - each) : end] for end in range(len(counts), 0, -each)][::-1]
    means = [sum(group) / len(group) for group in groups]
    highest = max(means)
    steps = len(levels) - 1
    return "".join(levels[min(steps, math.ceil(mean * steps / highest)) if highest else 0] for mean in means)


def batch_times(update: Update) -> str:
    """How long batches take; empty before one is complete."""
    if not update.batch_median:
        return ""
    last, median = (f"{seconds:.{int(seconds < 10)}f}s" for seconds in (update.batch_last, update.batch_median))
    return f"{last} last  {median} median"


def held_reason(needs: int, gauges: Gauges) -> str:
    """Why an image waits for memory, and until when."""
    if gauges.short:
        return f"memory is short on the machine ({gauges.short}); begins when there is more"
    if not needs or not gauges.budget:
        return "waits until enough memory is free"
    much, budget = text.size(needs, precise=True), text.size(gauges.budget, precise=True)
    if needs >= gauges.budget:
        return f"needs {much}, more than the {budget} for all images: begins when no other is at work, and runs alone"
    free = max(0, gauges.budget - gauges.reserved)
    if needs <= free:
        return f"needs {much}, which is free: begins next"
    left, rest = text.size(free, precise=True), text.size(needs - free, precise=True)
    return f"needs {much}, {left} of {budget} are free: begins when images end that hold {rest}"
