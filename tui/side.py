"""All gauges below one another: the right-hand panel of a wide screen, and a box on any other."""

from __future__ import annotations

from engine.view import Gauges, Totals, Update, WorkerRow
from tui import text
from tui.canvas import Canvas
from tui.gauges import STAGES, batch_times, memory_bar, spark, worker_mark, worker_share
from tui.look import STATE_ROLES, Look, Parts
from tui.mirror import Mirror
from tui.parts import spread

__all__ = ["SidePane", "side_lines"]

MOUNTS = 2
"""File systems shown."""
_NAMES = ("waiting", "held", "running", "done", "kept", "skipped", "failed")


def side_lines(mirror: Mirror, look: Look, width: int, height: int) -> list[Parts]:
    """All lines of the panel, at most ``height`` of them; workers come last and give way."""
    gauges, update = mirror.gauges, mirror.update
    lines = [*_memory(gauges, look, width), *_cpu(gauges, look, width)]
    if update is None:
        return lines
    lines += [*_disk(gauges, look, width), *_speed(update, look, width), *_outcomes(update.totals, look, width)]
    return [*lines, *_workers(update, look, width, height - len(lines))]


def _memory(gauges: Gauges, look: Look, width: int) -> list[Parts]:
    where = "cgroup" if gauges.mem_source == "cg" else gauges.mem_source
    used = f"{text.size(gauges.mem_used)} of {text.size(gauges.mem_limit)} "
    title = spread([(" MEMORY", "title"), (f"  {where}", "dim")], [(used, "strong")], width)
    lines: list[Parts] = [title, [(" ", ""), *memory_bar(gauges, look, width - 2)]]
    if gauges.mem_stop:
        lines.append(_pair("run", text.size(gauges.mem_run), "peak", text.size(gauges.mem_peak), width))
        lines.append(_pair("images", text.size(gauges.reserved), "of", text.size(gauges.budget), width))
        lines.append(_pair("stops at", text.size(gauges.mem_stop), "", "", width))
    if gauges.short:
        lines.append([(text.cut(f" short: {gauges.short}", width, look.glyphs.dots), "failed")])
    return lines


def _cpu(gauges: Gauges, look: Look, width: int) -> list[Parts]:
    throttled = f"throttled {gauges.throttled:.0f}% " if gauges.throttled >= 1 else ""
    title: Parts = [(" CPU", "title"), (f"  {gauges.cpu_percent:.0f}% of {gauges.cpus:.1f}", "strong")]
    return [spread(title, [(throttled, "warn")], width), [(" ", ""), *look.bar(gauges.cpu_percent / 100, width - 2)]]


def _disk(gauges: Gauges, look: Look, width: int) -> list[Parts]:
    rates = f"read {text.size(gauges.read_rate)}/s  write {text.size(gauges.write_rate)}/s "
    lines: list[Parts] = [spread([(" DISK", "title")], [(rates, "strong")], width)]
    for mount, free, floor in gauges.disks[:MOUNTS]:
        # Twice what must stay free is near enough to be looked at.
        role = "failed" if free < 2 * floor else "strong"
        name = text.cut_left(look.safe(mount), width - 13, look.glyphs.dots)
        lines.append(spread([(f" {name}", "dim")], [(f"{text.size(free)} free ", role)], width))
    return lines


def _speed(update: Update, look: Look, width: int) -> list[Parts]:
    speed = "" if update.phase.over else f"{update.rate:.1f} img/s "
    title: Parts = [(" SPEED", "title"), ("  last minute" if update.minute else "", "dim")]
    lines: list[Parts] = [spread(title, [(speed, "strong")], width)]
    if update.minute:
        lines.append([(f" {spark(update.minute, width - 2, look)}", "bar")])
    if times := batch_times(update):
        lines.append(spread([(" batches", "dim")], [(f"{times} ", "strong")], width))
    return lines


def _outcomes(totals: Totals, look: Look, width: int) -> list[Parts]:
    counts = (totals.waiting, totals.held, totals.running, totals.done, totals.kept, totals.skipped, totals.failed)

    def one(state: int, cells: int) -> Parts:
        left: Parts = [(f" {look.glyphs.marks[state]} ", STATE_ROLES[state]), (_NAMES[state], "dim")]
        return spread(left, [(f"{counts[state]} ", "strong" if counts[state] else "dim")], cells)

    half = width // 2
    pairs = ((3, 2), (4, 1), (5, 0))
    lines: list[Parts] = [[*one(left, half), *one(right, width - half)] for left, right in pairs]
    return [[(" IMAGES", "title")], *lines, one(6, half)]


def _pair(left: str, one: str, right: str, two: str, width: int) -> Parts:
    half = width // 2
    first = spread([(f" {left} ", "dim")], [(one, "strong")], half)
    return [*first, *spread([(f"  {right} ", "dim")], [(f"{two} ", "strong")], width - half)]


def _workers(update: Update, look: Look, width: int, room: int) -> list[Parts]:
    """Two lines for each worker, or one where there is no room; the last line says how many are not shown."""
    workers = () if update.phase.over else update.workers
    title: Parts = [(" WORKERS", "title"), (f"  {len(workers)} of {update.workers_wanted}", "dim")]
    room -= 1
    if 2 * len(workers) <= room:
        return [title, *(line for worker in workers for line in _worker(worker, update, look, width))]
    shown = workers if len(workers) <= room else workers[: max(0, room - 1)]
    more: list[Parts] = [[(f" +{len(workers) - len(shown)} more", "dim")]] if len(shown) < len(workers) else []
    return [title, *(_short_worker(worker, update, width) for worker in shown), *more]


def _worker(worker: WorkerRow, update: Update, look: Look, width: int) -> list[Parts]:
    busy = worker.index >= 0
    left: Parts = [
        (f" W{worker.slot + 1} ", "strong" if busy else "dim"),
        (f"{worker.stage:8}", "running" if busy else "dim"),
    ]
    name = text.cut_left(look.safe(worker.name), width - 13, look.glyphs.dots) if busy else ""
    after: Parts = [(f"{worker.seconds:.0f}s " if name else f"{worker.finished} img ", "dim")]
    return [spread(left, _figures(worker, update), width), spread([(f"    {name}", "dim")], after, width)]


def _figures(worker: WorkerRow, update: Update) -> Parts:
    """Memory of its share, and percent of one CPU."""
    share = f"/{text.size(worker_share(worker, update))}" if worker.index >= 0 else ""
    return [
        (f"{text.size(worker.rss)}{share}", "strong" if worker.index >= 0 else "dim"),
        (worker_mark(worker, update), "failed"),
        (f"{worker.cpu:4.0f}% ", "dim"),
    ]


def _short_worker(worker: WorkerRow, update: Update, width: int) -> Parts:
    busy = worker.index >= 0
    stage = STAGES.get(worker.stage, worker.stage)[:4]
    seconds = f" {worker.seconds:.0f}s" if busy else ""
    left: Parts = [(f" W{worker.slot + 1:<2} {stage:4}{seconds}", "running" if busy else "dim")]
    return spread(left, _figures(worker, update), width)


class SidePane(Canvas):
    """Lines of the panel; what does not fit is cut."""

    _lines: list[Parts] | None = None

    def draw(self, y: int, width: int) -> Parts:
        """One line."""
        if y == 0 or self._lines is None:
            self._lines = side_lines(self.host.mirror, self.look, width, self.drawn.height)
        return self._lines[y] if y < len(self._lines) else []
