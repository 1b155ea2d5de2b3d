"""The help screen and the command palette, both made from the registry of actions."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.actions import Action, Where, here
from tui.dialogs import Choice, ChoiceList, Dialog, Title
from tui.look import STATE_ROLES, Look, Parts

__all__ = ["GO_TO", "CommandsDialog", "help_lines", "offered"]

GO_TO = "go to "
"""Prefix of the answer of ``CommandsDialog`` when a path was typed."""
_MEANINGS = (
    ("done", 3, "a smaller file is in place"),
    ("kept", 4, "already small: the original is the better file"),
    ("running", 2, "a worker has it"),
    ("held", 1, "waits until enough memory is free"),
    ("failed", 6, "not possible; the original is untouched"),
    ("skipped", 5, "left alone on purpose"),
    ("waiting", 0, "not begun"),
)
_TITLES = {
    Where.EVERYWHERE: "Everywhere",
    Where.WORK: "The run",
    Where.LISTS: "In lists and the grid",
    Where.FILES: "In Files",
    Where.BATCHES: "In Batches",
    Where.IMAGES: "In Images",
    Where.TUNING: "In Tune",
    Where.LOG: "In Log",
    Where.FORM: "In Settings",
    Where.ASIDE: "In the list of images set aside",
}


def help_lines(look: Look) -> list[Parts]:
    """Marks, then every action by where it works."""
    lines: list[Parts] = [[(" Marks of images", "title")]]
    for word, state, meaning in _MEANINGS:
        lines.append(
            [
                (f"   {look.glyphs.marks[state]}  ", STATE_ROLES[state]),
                (f"{word:9}", STATE_ROLES[state]),
                (meaning, "dim"),
            ]
        )
    for where in Where:
        lines += [[], [(f" {_TITLES[where]}", "title")]]
        for entry in here(where):
            lines.append([(f"   {entry.shown:11}", "key"), (f"{entry.name:15}", "strong"), (entry.help, "dim")])
    return lines


def offered() -> list[Action]:
    """What the palette offers: everything but moving a cursor and the keys of boxes."""
    return [entry for entry in here(*Where) if entry.where not in (Where.LISTS, Where.FORM, Where.ASIDE)]


class CommandsDialog(Dialog[str | None]):
    """Type a few letters of a command, or a path; gives the action's id, or ``go to PATH``."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
    ]

    def content(self) -> ComposeResult:
        """Field, commands that match, hint."""
        yield Title("Commands")
        field = Input(placeholder="a few letters, or a path such as /srv or ~", compact=True)
        field.cursor_blink = False
        yield field
        yield ChoiceList(_choices(""), self.dismiss)
        yield Title("Enter runs it, Esc goes back", "dim")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Only commands that match."""
        listing = self.query_one(ChoiceList)
        listing.choices = _choices(event.value)
        listing.move(0)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A path, or the command under the cursor."""
        if event.value.startswith(("/", "~", ".")):
            self.dismiss(GO_TO + event.value)
        else:
            self.query_one(ChoiceList).do_choose()

    def action_step(self, by: int) -> None:
        """Move in the list while typing."""
        listing = self.query_one(ChoiceList)
        listing.move(listing.cursor + by)


def _choices(words: str) -> list[Choice]:
    if words.startswith(("/", "~", ".")):
        return []
    wanted = words.lower().split()
    return [
        Choice(entry.id, f"{entry.name:17}{entry.shown.split(' ')[0]}", entry.help)
        for entry in offered()
        if all(word in f"{entry.name} {entry.help}".lower() for word in wanted)
    ]
