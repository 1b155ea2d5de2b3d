"""Everything known of one image, and of a run that is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from engine.view import ImageRow, ImageState, RunInfo, Update
from tui import text
from tui.actions import action
from tui.canvas import Canvas, bindings
from tui.dialogs import ReadDialog, plain_lines
from tui.look import STATE_ROLES, Look, Parts

__all__ = ["DetailsPane", "ImageDialog", "image_lines", "summary_lines"]

_LABEL = 13


def _fact(label: str, value: str, look: Look, width: int, role: str = "strong") -> list[Parts]:
    """A label and its value, wrapped under itself."""
    lines = plain_lines([value], look.safe, width - _LABEL - 3, role)
    first: Parts = [(f" {label:{_LABEL}}", "dim"), *lines[0]]
    return [first, *([(" " * (_LABEL + 1), ""), *line] for line in lines[1:])]


def image_lines(row: ImageRow, look: Look, width: int) -> list[Parts]:
    """Every fact of an image."""
    state = ImageState(row.state)
    size = f"{row.width} {'x' if look.ascii_only else '×'} {row.height} px" if row.width else "not known yet"
    written = state in (ImageState.DONE, ImageState.KEPT)
    saved = text.change(row.original_size, row.optimized_size, digits=1) if written else ""
    saving = row.original_size - row.optimized_size
    worker = f"W{row.slot + 1}" if row.slot >= 0 else "none yet"
    formats = row.source_format or "not known yet"
    if row.target_format and row.target_format != row.source_format:
        formats += f" {look.glyphs.arrow} {row.target_format}"
    quality = str(row.quality) if row.quality else ("lossless" if state is ImageState.DONE else "not encoded")
    if row.source_quality:
        quality += f", the original's about {row.source_quality}"
    word = state.name.lower() + (f", {row.stage}" if row.stage else "")
    facts = [
        ("file", row.path, "strong"),
        ("state", word, STATE_ROLES[state]),
        ("reason", row.reason or "none", "failed" if state is ImageState.FAILED and row.reason else "strong"),
        ("original", f"{row.original_size} B  ({text.size(row.original_size, precise=True)})", "strong"),
        (
            "result",
            f"{row.optimized_size} B  ({text.size(row.optimized_size, precise=True)})"
            if written
            else ("none" if state.final else "none yet"),
            "strong",
        ),
        ("saved", f"{text.size(saving, precise=True)}  {saved}" if saved else "nothing", "good" if saved else ""),
        ("format", formats, "strong"),
        ("pixels", size, "strong"),
        ("quality", quality, "strong"),
        *([("score", _score(row.measured, look), "strong")] if row.measured else []),
        ("worker", worker, "strong"),
        ("time", f"{row.seconds:.2f} s" if row.seconds else "not started", "strong"),
        ("memory", f"about {text.size(row.needs, precise=True)}" if row.needs else "not predicted yet", "strong"),
        ("source", row.source, "strong"),
        ("target", row.target or "nothing written", "strong"),
        ("number", f"{row.index + 1} of the run", "strong"),
    ]
    facts += [("also", f"{name}  {text.size(size, precise=True)}", "strong") for name, size in row.siblings]
    return [line for label, value, role in facts for line in _fact(label, value, look, width, role)]


def _score(measured: tuple[float, int, float, int, int], look: Look) -> str:
    score, encodes, worst, left, top = measured
    if worst >= 100:
        return "100, every pixel as it was"
    place = f"{left} {'x' if look.ascii_only else '×'} {top} px"
    return f"{score:.1f} in {text.count(encodes, 'encode')}; the worst place, at {place}: {worst:.1f}"


def summary_lines(info: RunInfo, update: Update, report: Sequence[str], look: Look, width: int) -> list[Parts]:
    """Totals of a run, then its report, line by line."""
    totals = update.totals
    change = text.change(totals.bytes_in, totals.bytes_out, digits=1)
    per_second = totals.through / update.elapsed if update.elapsed else 0.0
    before, after = text.size(totals.bytes_in, precise=True), text.size(totals.bytes_out, precise=True)
    facts = [
        ("run", f"{info.run_id}: {update.phase} after {text.clock(update.elapsed)}", "strong"),
        ("folders", "  ".join(info.roots), "strong"),
        ("output", info.output, "strong"),
        ("settings", info.summary, "strong"),
        ("images", f"{totals.through} of {totals.found}   {per_second:.1f} a second", "strong"),
        ("outcomes", _outcomes(totals.done, totals.kept, totals.skipped, totals.failed), "strong"),
        ("bytes", f"{before} {look.glyphs.arrow} {after}", "strong"),
        ("saved", f"{text.size(totals.saved, precise=True)}  {f'({change})' if change else ''}", "good"),
    ]
    lines = [line for label, value, role in facts for line in _fact(label, value, look, width, role)]
    if totals.failed:
        lines += [
            [],
            *plain_lines(
                ["Failed images keep their originals. In Images, f shows them alone, Enter says why."],
                look.safe,
                width,
                "warn",
            ),
        ]
    return [*lines, [], [(" report", "title")], *plain_lines(report, look.safe, width)] if report else lines


def _outcomes(done: int, kept: int, skipped: int, failed: int) -> str:
    return f"{done} done   {kept} kept   {skipped} skipped   {failed} failed"


class ImageDialog(ReadDialog):
    """All facts of an image in a box; the key that tunes it works there too."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings([action("tune_image")])]

    def __init__(self, row: ImageRow, look: Look, width: int) -> None:
        super().__init__("Image", image_lines(row, look, width))
        self._row = row

    def action_act(self, id: str) -> None:
        """Tune it."""
        self.dismiss(None)
        self.host.main.commands.tune(self._row.source)


class DetailsPane(Canvas):
    """The chosen image beside everything else, where the screen is wide."""

    def draw(self, y: int, width: int) -> Parts:
        """As many facts as fit."""
        row = self.host.main.chosen_row()
        if row is None:
            return [(" no image is chosen", "dim")] if y == 0 else []
        lines = image_lines(row, self.look, width)
        return lines[y] if y < len(lines) else []
