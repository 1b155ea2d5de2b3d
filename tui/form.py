"""The settings form, generated from the schema."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from engine.conflicts import conflicts
from engine.errors import ConfigError
from engine.layers import laid_over
from engine.settings import SCHEMA, Kind, Setting, Settings
from tui import text
from tui.actions import Where, here
from tui.canvas import Canvas, Listing, bindings
from tui.dialogs import Choice, ChoiceDialog, Dialog, Title, TypeDialog, plain_lines
from tui.frame import key_line
from tui.look import Parts
from tui.parts import spread

if TYPE_CHECKING:
    from engine.presets import Preset

__all__ = ["IN_PLACE_WARNING", "Changed", "FormDialog", "problem"]

IN_PLACE_WARNING = (
    "in_place replaces your original files by the results. It holds for this session only and is never saved."
)
_LABEL = 18


def problem(entry: Setting, value: str) -> str:
    """What is wrong with a typed value, with the values that are allowed; empty when nothing is."""
    if entry.optional and not value.strip():
        return ""
    try:
        entry.parse(value)
    except ValueError as error:
        return str(error)
    return ""


class SettingList(Listing):
    """One line a setting; sections are titles between them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.FORM))]
    own_cursor = False

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.draft = settings
        self.said: frozenset[str] = frozenset()
        """Settings that the preset chosen here speaks of."""
        self._chosen: tuple[Settings, Settings] | None = None
        """The draft before and after a preset was chosen."""
        self.lines: list[Setting | str] = []
        for section, entries in groupby(SCHEMA, key=lambda entry: entry.section):
            self.lines += [section, *entries]
        self.cursor = 1

    @property
    def total(self) -> int:
        """Settings and section titles."""
        return len(self.lines)

    @property
    def entry(self) -> Setting:
        """The setting under the cursor."""
        line = self.lines[self.cursor]
        assert isinstance(line, Setting)
        return line

    def move(self, row: int) -> None:
        """Titles are stepped over."""
        row = max(1, min(self.total - 1, row))
        if isinstance(self.lines[row], str):
            row += 1 if row > self.cursor else -1
        super().move(row)

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Name, value, and whether it differs from the default."""
        entry = self.lines[row]
        if isinstance(entry, str):
            return [(f" {entry}", "title")]
        value = getattr(self.draft, entry.name)
        changed = value != entry.default
        shown = text.cut(self.look.safe(entry.show(value)) or "not set", 24, self.look.glyphs.dots)
        if entry.kind is Kind.FLAG:
            shown = "[x] true" if value else "[ ] false"
        role = "failed" if entry.name == "in_place" and value else ("strong" if changed else "")
        label: Parts = [
            (f"   {entry.name:{_LABEL}}", "" if not changed else "strong"),
            ("* " if changed else "  ", "mark"),
            (f"{shown:25}", role),
        ]
        help = text.cut(self._help(entry), max(0, width - _LABEL - 32), self.look.glyphs.dots)
        return [*label, (help, "dim")]

    def _help(self, entry: Setting) -> str:
        return self.look.safe(entry.help)

    def set(self, entry: Setting, value: Any) -> None:
        """Take a value that was checked."""
        self.draft = self.draft.with_values({entry.name: value})
        self.moved()
        self.redraw()

    def moved(self) -> None:
        """The explanation below belongs to another setting."""
        for widget in self.screen.query(Explanation):
            widget.redraw()

    def do_choose(self) -> None:
        """Edit: flags turn, choices open, the rest is typed."""
        entry = self.entry
        if entry.kind is Kind.FLAG:
            self.do_change()
            return

        def take(value: str | None) -> None:
            if value is not None:
                self.set(entry, value if value.strip() or not entry.optional else None)

        if entry.kind is Kind.CHOICE:
            choices = [Choice(value, value) for value in entry.choices]
            self.app.push_screen(ChoiceDialog(entry.name, [entry.help], choices), take)
            return
        now = entry.show(getattr(self.draft, entry.name))
        empty = "; empty: not set" if entry.optional else ""
        dialog = TypeDialog(entry.name, now, hint=entry.allowed + empty, check=lambda value: problem(entry, value))
        self.app.push_screen(dialog, take)

    def do_change(self) -> None:
        """The next value of a flag or a choice."""
        entry, value = self.entry, getattr(self.draft, self.entry.name)
        if entry.kind is Kind.FLAG:
            self.set(entry, not value)
        elif entry.kind is Kind.CHOICE:
            self.set(entry, entry.choices[(entry.choices.index(value) + 1) % len(entry.choices)])

    def do_unset(self) -> None:
        """Back to the default."""
        default = self.entry.default
        self.set(self.entry, None if default is None else self.entry.to_file(default))

    def do_preset(self) -> None:
        """Choose a preset to start from; contradictions, which are shown, are mended first."""
        if conflicts(self.draft):
            self.moved()
        else:
            self.host.start_task(self._choose_preset())

    async def _choose_preset(self) -> None:
        """It takes the place of one that was chosen just before."""
        from engine.presets import presets
        from tui.preset_box import PresetDialog

        try:
            found = await asyncio.to_thread(presets)
        except ConfigError as error:
            self.host.failed(f"The presets cannot be read, and nothing was changed: {error}")
            return
        untouched = self._chosen is not None and self._chosen[1] == self.draft
        base = self._chosen[0] if self._chosen and untouched else self.draft

        def take(preset: Preset | None) -> None:
            if preset is not None:
                self.draft = laid_over(base, preset.values)
                self.said = frozenset(preset.values)
                self._chosen = base, self.draft
                self.moved()
                self.redraw()

        self.app.push_screen(PresetDialog(found, base, self.draft), take)

    def do_apply(self) -> None:
        """Use the draft for the next run."""
        self._finish(save=False)

    def do_save(self) -> None:
        """Use the draft and write it down."""
        self._finish(save=True)

    def _finish(self, *, save: bool) -> None:
        if conflicts(self.draft):
            self.moved()
        else:
            self.screen.dismiss(Changed(self.draft, self.said, save))


class Explanation(Canvas):
    """Four lines under the form: help, allowed values, warnings."""

    def draw(self, y: int, width: int) -> Parts:
        """Of the setting under the cursor."""
        listing = self.screen.query_one(SettingList)
        lines = explain(listing.entry, listing.draft, self.look.safe, width)
        return lines[y] if y < len(lines) else []


def explain(entry: Setting, draft: Settings, safe: Any, width: int) -> list[Parts]:
    """Help, allowed values and default of a setting; contradictions of the whole draft first."""
    lines: list[Parts] = []
    for left, right in conflicts(draft):
        lines.append([(f" ! {left} and {right} contradict each other: unset one of them", "failed")])
    if draft.in_place or entry.name == "in_place":
        lines += plain_lines(["! " + IN_PLACE_WARNING], safe, width - 2, "warn")
    lines += plain_lines([entry.help], safe, width - 2, "")
    default = entry.show(entry.default) or "not set"
    lines.append(spread([(f" allowed: {safe(entry.allowed)}", "dim")], [(f"default: {safe(default)} ", "dim")], width))
    return lines


class FormKeys(Canvas):
    """The form's own keys."""

    def draw(self, y: int, width: int) -> Parts:
        """From the registry."""
        entries = here(Where.FORM)
        return [
            (" Enter", "key"),
            (" Edit ", "dim"),
            *key_line(entries, width - 22),
            ("  Esc", "key"),
            (" Back", "dim"),
        ]


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of the form."""

    settings: Settings
    said: frozenset[str]
    """Settings that a preset spoke of, also where they were like that before."""
    save: bool
    """Whether to write them down."""


class FormDialog(Dialog[Changed | None]):
    """All settings; gives the new ones, or None."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(wide=110, high=48)
        self._settings = settings

    def content(self) -> ComposeResult:
        """List, explanation, keys."""
        yield Title("Settings of the next run")
        yield SettingList(self._settings)
        yield Explanation(id="explanation")
        yield FormKeys(classes="one")
