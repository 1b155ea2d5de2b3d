"""Everything known of one image."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from engine.view import Gauges, ImageRow, ImageState
from tui import text
from tui.actions import action
from tui.canvas import Canvas, bindings
from tui.dialogs import ReadDialog, plain_lines
from tui.gauges import held_reason
from tui.look import STATE_ROLES, Look, Part, Parts

__all__ = ["DetailsPane", "Fact", "ImageDialog", "fact_lines", "image_lines", "why"]

_LABEL = 9
_STAGES = ("read", "decode", "encode", "check", "write")
"""Words for each stage, in the order of ``ImageRow.stages``."""
SHOWN_SECONDS = 0.0005
"""A stage that took less is not named."""
Fact = tuple[str, str, str]
"""Label, value, role of the value."""


def fact_lines(facts: list[Fact], look: Look, width: int) -> list[Parts]:
    """Labels and values, each value wrapped under itself."""
    return [line for label, value, role in facts for line in _fact(label, value, look, width, role)]


def _fact(label: str, value: str, look: Look, width: int, role: str) -> list[Parts]:
    lines = plain_lines([value], look.safe, width - _LABEL - 3, role)
    first: Parts = [(f" {label:{_LABEL}}", "dim"), *lines[0]]
    return [first, *([(" " * (_LABEL + 1), ""), *line] for line in lines[1:])]


def why(row: ImageRow, gauges: Gauges) -> str:
    """Why an image is in its state, and until when; empty where there is nothing to say."""
    return held_reason(row.needs, gauges) if row.state == ImageState.HELD else row.reason


def image_lines(row: ImageRow, look: Look, width: int, gauges: Gauges, batch_size: int = 75) -> list[Parts]:
    """Every fact of an image, and the keys that do something with it."""
    state = ImageState(row.state)
    reason = why(row, gauges)
    facts: list[Fact] = [
        ("file", row.path, "strong"),
        ("state", _state(row, batch_size), STATE_ROLES[state]),
        *([("why", reason, "failed" if state is ImageState.FAILED else "strong")] if reason else []),
        ("bytes", _bytes(row, look), "strong"),
        ("format", _format(row, look), "strong"),
        ("quality", _quality(row), "strong"),
        *([("score", _score(row.measured, look), "strong")] if row.measured else []),
        *([("encoder", row.options, "strong")] if row.options else []),
        ("time", _time(row), "strong"),
        ("memory", _memory(row), "strong"),
        *[("also", f"{name}  {text.size(size, precise=True)}", "strong") for name, size in row.siblings],
        ("source", row.source, "strong"),
        ("target", row.target or "nothing written", "strong"),
    ]
    return [*fact_lines(facts, look, width), [(" " * (_LABEL + 2), ""), *_keys(state)]]


def _state(row: ImageRow, batch_size: int) -> str:
    state = ImageState(row.state)
    word = state.name.lower() + (f", {row.stage}" if row.stage else "") + (f" W{row.slot + 1}" if row.slot >= 0 else "")
    return f"{word}; image {row.index + 1} of the run, in batch {row.index // batch_size + 1}"


def _bytes(row: ImageRow, look: Look) -> str:
    before = f"{row.original_size:,} B ({text.size(row.original_size, precise=True)})"
    state = ImageState(row.state)
    if not state.written:
        return before + ("; left as it was" if state.final else "")
    after = f"{row.optimized_size:,} B ({text.size(row.optimized_size, precise=True)})"
    return f"{before} {look.glyphs.arrow} {after}  {text.change(row.original_size, row.optimized_size, digits=1)}"


def _format(row: ImageRow, look: Look) -> str:
    formats = row.source_format or ("not known" if ImageState(row.state).final else "not known yet")
    if row.target_format and row.target_format != row.source_format:
        formats += f" {look.glyphs.arrow} {row.target_format}"
    return f"{formats}, {row.width} {'x' if look.ascii_only else '×'} {row.height} px" if row.width else formats


def _quality(row: ImageRow) -> str:
    quality = str(row.quality) if row.quality else ("lossless" if row.state == ImageState.DONE else "not encoded")
    return quality + (f", the original's about {row.source_quality}" if row.source_quality else "")


def _score(measured: tuple[float, int, float, int, int], look: Look) -> str:
    score, encodes, worst, left, top = measured
    if worst >= 100:
        return "100, every pixel as it was"
    place = f"{left} {'x' if look.ascii_only else '×'} {top} px"
    return f"{score:.1f} in {text.count(encodes, 'encode')}; the worst place, at {place}: {worst:.1f}"


def _time(row: ImageRow) -> str:
    if not row.seconds:
        return "no worker had it" if ImageState(row.state).final else "not known yet"
    stages = [f"{word} {one:.3f}" for word, one in zip(_STAGES, row.stages, strict=False) if one >= SHOWN_SECONDS]
    return f"{row.seconds:.3f} s{': ' if stages else ''}{', '.join(stages)}"


def _memory(row: ImageRow) -> str:
    if not row.needs:
        return "not predicted" if ImageState(row.state).final else "not known yet"
    predicted = f"about {text.size(row.needs, precise=True)} predicted"
    if row.peak:
        return f"{predicted}; its worker had {text.size(row.peak, precise=True)} at most"
    return predicted + ("; too little to be measured" if ImageState(row.state).final else "")


_PRESS = {
    ImageState.FAILED: ("retry",),
    ImageState.RUNNING: ("cancel_image",),
    ImageState.HELD: ("cancel_image", "memory"),
    ImageState.WAITING: ("cancel_image",),
}
"""What can be done with an image of that state beside what can be done with any."""


def _keys(state: ImageState) -> list[Part]:
    parts: list[Part] = []
    for id in (*_PRESS.get(state, ()), "tune_image", "copy"):
        entry = action(id)
        parts += [(entry.first, "key"), (f" {entry.name.lower()}   ", "dim")]
    return parts


class ImageDialog(ReadDialog):
    """All facts of an image in a box; the keys named in it work there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(map(action, ("tune_image", "copy", "retry", "cancel_image", "memory")))
    ]

    def __init__(self, row: ImageRow, lines: list[Parts]) -> None:
        super().__init__("Image", lines)
        self._row = row

    def action_act(self, id: str) -> None:
        """Do that with this image, and close the box."""
        self.dismiss(None)
        main = self.host.main
        if id == "tune_image":
            main.commands.tune(self._row.source)
        elif id == "copy":
            main.say(self.host.copy(self._row.source))
        elif id == "cancel_image":
            main.commands.leave_out(self._row)
        else:
            main.perform(id)


class DetailsPane(Canvas):
    """The chosen image beside everything else, where the screen is wide."""

    def draw(self, y: int, width: int) -> Parts:
        """As many facts as fit."""
        row, mirror = self.host.main.chosen_row(), self.host.mirror
        if row is None:
            return [(" no image is chosen", "dim")] if y == 0 else []
        lines = image_lines(row, self.look, width, mirror.gauges, mirror.batch_size)
        return lines[y] if y < len(lines) else []
