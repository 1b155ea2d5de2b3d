"""The lines of the Tune tab: functions of what is known, without a widget."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from engine.tuning import Rung, Subject
from tui import text
from tui.actions import action
from tui.crop import Place
from tui.look import Look, Parts
from tui.parts import spread, width
from tui.tuning_state import Row, Tuning, key_of, passes

__all__ = ["Columns", "columns", "head_line", "ladder_head", "ladder_line", "rung_words", "shown_line", "target_line"]


@dataclass(frozen=True, slots=True)
class Columns:
    """How a line is divided."""

    ladder: int
    """Cells of the ladder."""
    crop: int
    """Cells of the crop; 0 where there is no room."""
    worst: bool
    """Whether the worst place has a column."""

    def note(self, start: int) -> int:
        """Cells of the last column; ``start`` are those of the first."""
        return self.ladder - start - 32 - (8 if self.worst else 0)


def columns(cells: int) -> Columns:
    """The ladder first; the crop gets the rest where it is worth looking at."""
    if cells >= 110:
        return Columns(64, cells - 65, worst=True)
    if cells >= 76:
        return Columns(53, cells - 54, worst=False)
    if cells >= 56:
        return Columns(39, cells - 40, worst=False)
    return Columns(cells, 0, worst=False)


def head_line(tuning: Tuning, name: str, right: str, look: Look, cells: int) -> Parts:
    """The image's name and facts; ``right`` is what is said of the terminal."""
    facts = _facts(tuning.subject, look) if tuning.subject else ""
    room = max(8, cells - cell_len(facts) - 10 - (len(right) + 3 if cells >= 72 else 0))
    shown = text.cut_left(look.safe(name), room, look.glyphs.dots)
    left: Parts = [(" Tune  ", "title"), (shown, "strong"), (f"  {facts}", "")]
    return spread(left, [(right + " ", "dim")] if cells >= 72 else [], cells)


def _facts(subject: Subject, look: Look) -> str:
    times = "x" if look.ascii_only else "×"
    made = f" Q{subject.quality}" if subject.quality else ""
    return f"{subject.width}{times}{subject.height} {subject.colour} {subject.format}{made} {text.size(subject.bytes)}"


def target_line(tuning: Tuning, cells: int, *, busy: str) -> Parts:
    """Target, format, effort, sample; ``busy`` says what is being measured."""
    sample = tuning.subject.sample if tuning.subject else ""
    worst = f", worst place >= {tuning.aim.worst:.0f}" if tuning.aim.worst is not None else ""
    parts: Parts = [
        (" target: ", "dim"),
        (f"score >= {tuning.target}{worst}", "strong"),
        ("   format: ", "dim"),
        ("all" if tuning.comparing else str(tuning.format) if tuning.subject else "", "strong"),
        ("   effort: ", "dim"),
        (tuning.settings.effort, "strong"),
    ]
    if cells >= 96 or (cells >= 76 and not worst):
        parts += [("   ", ""), (sample, "dim")]
    return spread(parts, [(busy + " ", "running")] if busy else [], cells)


_START = {False: 5, True: 9}
"""Cells of the first column: a quality, or while formats are compared a format and its quality."""


def ladder_head(tuning: Tuning, room: Columns) -> Parts:
    """Titles of the columns."""
    start = _START[tuning.comparing]
    first = " FMT    Q" if tuning.comparing else "    Q"
    worst = f"{'WORST':>8}" if room.worst else ""
    note = "  NOTE" if room.note(start) > 3 else ""
    return [(f"{first:{start}}{'BYTES':>8}{'SAVED':>8}{'SCORE':>8}{worst}{'TIME':>6}{note}", "dim")]


def ladder_line(tuning: Tuning, row: Row, look: Look, room: Columns, *, chosen: bool) -> Parts:
    """One rung."""
    start = _START[tuning.comparing]
    label = (look.glyphs.pointer if chosen else " ") + (f"{row.format:4}" if tuning.comparing else "")
    rung, dots = row.rung, look.glyphs.dots
    quality = str(row.quality or ("L" if rung and rung.lossless else "-"))
    begin = f"{label}{quality:>{start - len(label)}}"
    if rung is None or not rung.made:
        waits = rung.note if rung else dots
        return [(f"{begin}  ", "dim"), (text.cut(look.safe(waits), room.ladder - start - 3, dots), "warn")]
    saved = text.change(tuning.subject.bytes if tuning.subject else 0, rung.bytes)
    note, role = _note(tuning, rung, room.note(start))
    return [
        (f"{begin}{text.size(rung.bytes):>8}", ""),
        (f"{saved:>8}", "failed" if saved.startswith("+") else "good"),
        (f"{_score(rung.score):>8}", "strong" if passes(rung, tuning.aim) else "dim"),
        (f"{_score(rung.worst):>8}" if room.worst else "", "dim"),
        (f"{_seconds(rung.seconds):>6}", "dim"),
        (f"  {text.cut(look.safe(note), room.note(start), dots)}", role),
    ]


def _note(tuning: Tuning, rung: Rung, cells: int) -> tuple[str, str]:
    """What stands at the end of a rung's line."""
    best = tuning.best
    if tuning.comparing and rung is tuning.smallest:
        return f"< smallest  {rung.note}".rstrip(), "mark"
    if best is not None and not tuning.comparing and key_of(best) == key_of(rung) and passes(rung, tuning.aim):
        words = f"< smallest >= {tuning.target}"
        return f"{words if cells >= len(words) else '<'}  {rung.note}".rstrip(), "mark"
    return rung.note, "warn" if rung.note else ""


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.1f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < 1 else f"{seconds:.1f}s" if seconds < 99.95 else f"{seconds:.0f}s"


def rung_words(rung: Rung) -> str:
    """A rung in a few words: ``jpeg Q80``."""
    return f"{rung.format} {'lossless' if rung.lossless else f'Q{rung.quality}'}"


def shown_line(rung: Rung | None, place: Place, price: int, cells: int) -> Parts:
    """What A and B are, which of them the crop shows, and the keys that change that; ``price`` is what painting a
    picture takes, in bytes."""
    second = rung_words(rung) if rung else "not measured yet"
    shown = "difference x8" if place.difference else f"showing {'B' if place.result else 'A'}"
    parts: Parts = [(" A = original  B = ", "dim"), (second, "strong"), ("  ", ""), (f"[{shown}]", "mark")]
    if price:
        parts.append((f" {text.size(price)}", "dim"))
    for entry in (action(id) for id in ("flip", "flicker", "worst", "zoom", "difference", "preview")):
        one: Parts = [((" " if cells < 100 else "  ") + entry.first, "key"), (" " + entry.short, "dim")]
        if width(parts) + width(one) > cells:
            break
        parts += one
    return parts
