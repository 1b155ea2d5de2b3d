"""A box to choose a preset in: the built-in ones and the user's, and what the one under the cursor would change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from engine.layers import laid_over
from engine.presets import Preset
from engine.settings import SCHEMA, Settings
from tui import text
from tui.canvas import Listing
from tui.dialogs import Dialog, Title
from tui.look import Parts

__all__ = ["PresetDialog", "changes"]

_NAME = 22


def changes(before: Settings, after: Settings, arrow: str) -> list[str]:
    """``long_edge  not set → 320``: a line for each setting that differs."""
    pairs = ((entry, getattr(before, entry.name), getattr(after, entry.name)) for entry in SCHEMA)
    return [
        f"{entry.name:{_NAME}} {entry.show(old) or 'not set'} {arrow} {entry.show(new) or 'not set'}"
        for entry, old, new in pairs
        if old != new
    ]


class PresetList(Listing):
    """Presets under a cursor, and below them what the chosen one changes."""

    def __init__(
        self, presets: Sequence[Preset], base: Settings, draft: Settings, done: Callable[[Preset], object]
    ) -> None:
        super().__init__()
        self._presets, self._base, self._draft, self._done = list(presets), base, draft, done

    @property
    def total(self) -> int:
        """Presets."""
        return len(self._presets)

    @property
    def foot(self) -> int:
        """All that the presets leave; half where they are many."""
        return max(self.drawn.height - self.total, self.drawn.height // 2)

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Pointer, name, what for."""
        preset = self._presets[row]
        pointer = self.look.glyphs.pointer if chosen else " "
        help = text.cut(self.look.safe(preset.help or "yours"), width - _NAME - 5, self.look.glyphs.dots)
        return [(f" {pointer} {self.look.safe(preset.name):{_NAME}} ", "strong"), (help, "dim")]

    def draw_foot(self, y: int, width: int) -> Parts:
        """The chosen one's changes."""
        if y == 0:
            return [(self.look.glyphs.rule * width, "rule")]
        preset = self._presets[self.cursor]
        lines = changes(self._draft, laid_over(self._base, preset.values), self.look.glyphs.arrow)
        lines = lines or ["nothing: the settings are like that"]
        room = self.foot - 1
        if len(lines) > room:
            lines[room - 1 :] = [f"and {len(lines) - room + 1} more"]
        line = f"   {lines[y - 1]}" if y <= len(lines) else ""
        return [(text.cut(self.look.safe(line), width, self.look.glyphs.dots), "")]

    def do_choose(self) -> None:
        """The one under the cursor."""
        self._done(self._presets[self.cursor])


class PresetDialog(Dialog[Preset | None]):
    """Gives the preset, or None."""

    def __init__(self, presets: Sequence[Preset], base: Settings, draft: Settings) -> None:
        """``base`` are the settings that a preset lies over, ``draft`` those that there are now."""
        super().__init__(high=len(presets) + 15)
        self._list = PresetList(presets, base, draft, self.dismiss)

    def content(self) -> ComposeResult:
        """Title, presets with what they change, keys."""
        yield Title("Start from a preset")
        yield self._list
        yield Title("Enter takes it into the form, Esc goes back", "dim")
