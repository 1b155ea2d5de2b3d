"""The right-hand panel of a wide screen: memory, CPU, workers, outcomes."""

from __future__ import annotations

from engine.view import Update, WorkerRow
from tui import text
from tui.canvas import Canvas
from tui.header import NEAR, worker_mark
from tui.look import STATE_ROLES, Look, Parts
from tui.mirror import Mirror
from tui.parts import spread

__all__ = ["SidePane", "side_lines"]


def side_lines(mirror: Mirror, look: Look, width: int) -> list[Parts]:
    """All lines of the panel."""
    gauges, update = mirror.gauges, mirror.update
    share = gauges.mem_used / gauges.mem_limit if gauges.mem_limit else 0.0
    peak = share + (gauges.mem_peak - gauges.mem_run) / gauges.mem_limit if gauges.mem_limit else 0.0
    where = "cgroup" if gauges.mem_source == "cg" else gauges.mem_source
    lines: list[Parts] = [
        [(" MEMORY", "title"), (f"  {where}", "dim")],
        [(" ", ""), *look.bar(share, width - 2, mark=peak if gauges.mem_peak else None, hot=share > NEAR)],
        _pair("now", text.size(gauges.mem_used), "limit", text.size(gauges.mem_limit), width),
        _pair("run", text.size(gauges.mem_run), "peak", text.size(gauges.mem_peak), width),
        _pair("given out", text.size(gauges.reserved), "budget", text.size(gauges.budget), width),
        [(text.cut(f" short: {gauges.short}", width, look.glyphs.dots), "failed")] if gauges.short else [],
        [(" CPU", "title"), (f"  {gauges.cpu_percent:.0f}% of {gauges.cpus:.1f}", "dim")],
        [(" ", ""), *look.bar(gauges.cpu_percent / 100, width - 2)],
        [],
    ]
    if update is None:
        return lines
    workers = () if update.phase.over else update.workers
    lines.append([(" WORKERS", "title"), (f"  {len(workers)} of {update.workers_wanted}", "dim")])
    for worker in workers:
        lines += _worker(worker, update, look, width)
    totals = update.totals
    lines += [[], [(" OUTCOMES", "title"), (f"  {update.rate:.1f} img/s", "dim")]]
    counts = (totals.waiting, totals.held, totals.running, totals.done, totals.kept, totals.skipped, totals.failed)
    for state in (3, 4, 5, 6, 2, 1, 0):
        name = ("waiting", "held", "running", "done", "kept", "skipped", "failed")[state]
        left: Parts = [(f" {look.glyphs.marks[state]} ", STATE_ROLES[state]), (name, "dim")]
        lines.append(spread(left, [(f"{counts[state]} ", "strong" if counts[state] else "dim")], width))
    return lines


def _pair(left: str, one: str, right: str, two: str, width: int) -> Parts:
    half = width // 2
    first = spread([(f" {left} ", "dim")], [(one, "strong")], half)
    return [*first, *spread([(f"  {right} ", "dim")], [(f"{two} ", "strong")], width - half)]


def _worker(worker: WorkerRow, update: Update, look: Look, width: int) -> list[Parts]:
    mark = worker_mark(worker, update)
    role = "dim" if worker.index < 0 else "strong"
    reserved = f" (+{text.size(worker.allowance)})" if worker.allowance else ""
    left: Parts = [(f" W{worker.slot + 1} ", role), (f"{worker.stage:8}", "running" if worker.index >= 0 else "dim")]
    right: Parts = [
        (text.size(worker.rss), "strong"),
        (reserved, "dim"),
        (mark, "failed"),
        (f"{worker.cpu:4.0f}% ", "dim"),
    ]
    name = text.cut_left(look.safe(worker.name), width - 13, look.glyphs.dots) if worker.index >= 0 else ""
    detail: Parts = [(f"    {name}", "dim")]
    after: Parts = [(f"{worker.seconds:.0f}s " if name else f"{worker.finished} img ", "dim")]
    return [spread(left, right, width), spread(detail, after, width)]


class SidePane(Canvas):
    """Lines of the panel; what does not fit is cut."""

    def draw(self, y: int, width: int) -> Parts:
        """One line."""
        if y == 0:
            self._lines = side_lines(self.host.mirror, self.look, width)
        lines = getattr(self, "_lines", None) or side_lines(self.host.mirror, self.look, width)
        return lines[y] if y < len(lines) else []
