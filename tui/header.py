"""The lines at the top: run, progress, savings, CPU, memory, workers. Functions of values, then one widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.states import Phase
from tui import text
from tui.canvas import Canvas
from tui.gauges import STAGES, memory_bar, worker_mark
from tui.look import Look, Parts
from tui.mirror import Mirror
from tui.parts import spread, width

if TYPE_CHECKING:
    from engine.figures import Gauges

__all__ = ["Header", "Link", "gauge_line", "phase_parts", "progress_line", "saved_line", "title_line", "workers_line"]

_PHASE_ROLES = {
    Phase.RUNNING: "good",
    Phase.FINISHED: "good",
    Phase.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Link:
    """What line 1 says about terminal and connection."""

    host: str
    over: str
    """``ssh`` or empty."""
    colors: str
    rate: int
    """Redraws a second at most."""


def phase_parts(mirror: Mirror) -> Parts:
    """``RUN 04:12  ETA 10:31``."""
    phase, update = mirror.phase, mirror.update
    if phase is None:
        return [("no run", "dim")]
    if mirror.lost:
        return [("LOST", "failed")]
    word = {Phase.RUNNING: "RUN", Phase.STARTING: "START"}.get(phase, str(phase).upper())
    parts: Parts = [(word, _PHASE_ROLES.get(phase, "warn"))]
    if update:
        parts.append((" " + text.clock(update.elapsed), "strong"))
        if not phase.over:
            parts += [("  ETA ", "dim"), (text.clock(update.eta), "strong")]
    return parts


def title_line(mirror: Mirror, roots: tuple[str, ...], link: Link, look: Look, cells: int) -> Parts:
    """Line 1."""
    shown = mirror.info.roots if mirror.info else roots
    right: Parts = [
        (look.safe(mirror.info.host if mirror.info else link.host)[:20], ""),
        (f"  {link.over + ' ' if link.over else ''}{link.colors}  {link.rate}Hz ", "dim"),
    ]
    phase = phase_parts(mirror)
    root = look.safe(shown[0]) if shown else "(no folder)"
    more = f" +{len(shown) - 1}" if len(shown) > 1 else ""
    room = cells - width(right) - width(phase) - len(more) - 19
    if room < 8:
        right, room = [], cells - width(phase) - len(more) - 17
    left: Parts = [(" imgopt-tui  ", "title"), (text.cut_left(root, max(4, room), look.glyphs.dots) + more, "strong")]
    return spread([*left, ("   ", ""), *phase], right, cells)


def progress_line(mirror: Mirror, look: Look, cells: int) -> Parts:
    """Line 2: bar, percent, counts."""
    totals = mirror.totals
    found = f"{totals.found}{'+' if totals.scanning and mirror.working else ''}"
    share = totals.through / totals.found if totals.found else 0.0
    shown = int(share * 100) if share < 1 else 100
    right: Parts = [(f" {shown:3}%", "strong"), (f"  {totals.through}/{found} img ", "")]
    return [(" ", ""), *look.bar(share, max(4, cells - 1 - width(right))), *right]


def saved_line(mirror: Mirror, cells: int) -> Parts:
    """Line 3: savings, rate, outcomes."""
    totals, update = mirror.totals, mirror.update
    if update is None:
        return [(" nothing is running; ", "dim"), ("r", "key"), (" starts a run", "dim")]
    parts: Parts = [(" saved ", "dim"), (text.size(totals.saved, precise=True), "strong")]
    if totals.bytes_in:
        parts.append((f" ({text.change(totals.bytes_in, totals.bytes_out, digits=1)})", "good"))
    rate = "" if update.phase.over else f"   {update.rate:.1f} img/s"
    outcomes: Parts = []
    for word, number, role in (
        ("done", totals.done, "done"),
        ("kept", totals.kept, "kept"),
        ("skip", totals.skipped, "skipped"),
        ("fail", totals.failed, "failed"),
    ):
        outcomes.append((f"{'   ' if word == 'done' else '  '}{word} {number}", role if number else "dim"))
    # What failed matters more than how fast it goes.
    if width(parts) + len(rate) + width(outcomes) <= cells:
        parts.append((rate, ""))
    elif width(parts) + width(outcomes) > cells:
        parts = parts[1:2]
    return [*parts, *outcomes]


def gauge_line(gauges: Gauges, look: Look, cells: int) -> Parts:
    """CPU and memory side by side; what throttles the CPU is said where it does."""
    held_back = f" thr {gauges.throttled:.0f}%" if gauges.throttled >= 1 else ""
    cpu: Parts = [(f"{gauges.cpu_percent:4.0f}%", "strong"), (f" of {gauges.cpus:.1f}", "dim"), (held_back, "warn")]
    limit = text.size(gauges.mem_limit)
    mem: Parts = [
        (f" {text.size(gauges.mem_used)}/{limit}", "strong"),
        (f" peak {text.size(gauges.mem_peak)}" if gauges.mem_peak and cells >= 72 else "", "dim"),
        (f" {gauges.mem_source} ", "dim"),
    ]
    rest = cells - width(cpu) - width(mem) - 12
    half = max(4, rest // 2)
    return [
        (" CPU ", "dim"),
        *look.bar(gauges.cpu_percent / 100, half),
        *cpu,
        ("   MEM ", "dim"),
        *memory_bar(gauges, look, max(4, rest - half)),
        *mem,
    ]


def workers_line(mirror: Mirror, cells: int) -> Parts:
    """Each worker's stage and memory, then budget and held images."""
    update = mirror.update
    if update is None or update.phase.over:
        return [(" no workers", "dim")]
    gauges = update.gauges
    right: Parts = [
        ("budget ", "dim"),
        (f"{text.size(gauges.reserved)}/{text.size(gauges.budget)}", ""),
        ("  short of memory, hold ", "failed") if gauges.short else ("  hold ", "dim"),
        (f"{update.totals.held} ", "held" if update.totals.held else "dim"),
    ]
    room = cells - width(right) - 2
    parts: Parts = []
    for at, worker in enumerate(update.workers):
        stage = STAGES.get(worker.stage, worker.stage[:3])
        one = f" W{worker.slot + 1} {stage:3} {text.size(worker.rss):>4}"
        left_over = len(update.workers) - at
        more = f" +{left_over}"
        last = at == len(update.workers) - 1
        if width(parts) + len(one) + 1 + (0 if last else len(more)) > room:
            parts.append((more, "dim"))
            break
        mark = worker_mark(worker, update)
        parts += [(one, "dim" if worker.index < 0 else ""), (mark, "failed" if mark != " " else "")]
    return spread(parts or [(" starting workers", "dim")], right, cells)


class Header(Canvas):
    """The five lines at the top."""

    def draw(self, y: int, width: int) -> Parts:
        """One of them; on a low screen the last ones are not there."""
        app, mirror = self.host, self.host.mirror
        if y == 0:
            return title_line(mirror, app.roots, app.link, self.look, width)
        if y == 1:
            return progress_line(mirror, self.look, width)
        if y == 2:
            return saved_line(mirror, width)
        if y == 3:
            return gauge_line(mirror.gauges, self.look, width)
        return workers_line(mirror, width)
