"""Boxes over the screen: choose one of a few things, read something, type a line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input

from tui import text
from tui.canvas import Canvas, Listing
from tui.look import Parts
from tui.paced import Paced

__all__ = ["Choice", "ChoiceDialog", "Dialog", "Lines", "ReadDialog", "TypeDialog", "plain_lines"]

R = TypeVar("R")


class Dialog(ModalScreen[R], Paced[R]):  # in this order: the stylesheet knows a widget by its first base
    """A box in the middle; Escape leaves it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "leave", "Back", show=False)]
    AUTO_FOCUS = "Listing"

    def __init__(self, *, wide: int = 76, high: int = 20) -> None:
        super().__init__()
        self._wide, self._high = wide, high

    def content(self) -> ComposeResult:
        """What is in the box."""
        yield from ()

    def compose(self) -> ComposeResult:
        """The box, never larger than the screen."""
        with Vertical(id="box") as box:
            yield from self.content()
        box.styles.width = min(self._wide, self.app.size.width)
        box.styles.height = min(self._high, self.app.size.height)

    def on_mount(self) -> None:
        """Borders and colours of this terminal."""
        self.set_class(self.host.look.ascii_only, "-ascii7")

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)


class Lines(Listing):
    """Text to read; the arrows scroll it."""

    own_cursor = True

    def __init__(self, lines: Sequence[Parts], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = list(lines)

    @property
    def total(self) -> int:
        """Lines."""
        return len(self.lines)

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """The line as given."""
        return self.lines[row]

    def move(self, row: int) -> None:
        """The cursor is the top line here."""
        self.cursor = self.top = max(0, min(row, self.total - self.page))
        self.redraw()

    def reveal(self) -> None:
        """Nothing to reveal: the top decides."""
        self.top = max(0, min(self.top, self.total - self.page))


class Title(Canvas):
    """First line of a box, or its last."""

    def __init__(self, words: str, role: str = "title") -> None:
        super().__init__(classes="one")
        self.words, self.role = words, role

    def draw(self, y: int, width: int) -> Parts:
        """The words."""
        return [(" " + text.cut(self.look.safe(self.words), width - 2, self.look.glyphs.dots), self.role)]


def plain_lines(paragraphs: Sequence[str], safe: Callable[[str], str], width: int, role: str = "") -> list[Parts]:
    """Paragraphs, made harmless and wrapped."""
    out: list[Parts] = []
    for paragraph in paragraphs:
        indent = " " * (len(paragraph) - len(paragraph.lstrip(" ")))
        wrapped = textwrap.wrap(
            safe(paragraph.strip()), max(10, width), initial_indent=indent, subsequent_indent=indent
        )
        out += [[(" " + line, role)] for line in wrapped or [""]]
    return out


class ReadDialog(Dialog[str]):
    """Something to read. Enter, q and Escape close it; gives the id of an action that was asked for meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,enter", "leave", "Close", show=False, priority=True)]

    def __init__(
        self, title: str, lines: Sequence[Parts], *, wide: int = 78, acts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """``acts``: actions by the key that asks for them here too."""
        super().__init__(wide=wide, high=len(lines) + 4)
        self._title, self._lines, self._acts = title, lines, acts

    def content(self) -> ComposeResult:
        """Title, text, how to close."""
        yield Title(self._title)
        yield Lines(self._lines)
        yield Title("Esc closes, arrows and PgDn scroll", "dim")

    def on_key(self, event: Key) -> None:
        """Close for what is done next."""
        if act := self._acts.get(event.key):
            event.stop()
            self.dismiss(act)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the things to choose from."""

    id: str
    label: str
    help: str = ""


class ChoiceList(Listing):
    """Choices under a cursor."""

    def __init__(self, choices: Sequence[Choice], done: Callable[[str], object]) -> None:
        super().__init__()
        self.choices, self._done = list(choices), done

    @property
    def total(self) -> int:
        """Choices."""
        return len(self.choices)

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Pointer, label, help."""
        choice = self.choices[row]
        pointer = self.look.glyphs.pointer if chosen else " "
        label = f" {pointer} {self.look.safe(choice.label)}"
        return [(label.ljust(30), "strong"), (" " + self.look.safe(choice.help), "dim")]

    def do_choose(self) -> None:
        """The one under the cursor."""
        if self.choices:
            self._done(self.choices[self.cursor].id)


class ChoiceDialog(Dialog[str | None]):
    """A question with a few answers, the first is the default; gives the id, or None."""

    def __init__(self, title: str, words: Sequence[str], choices: Sequence[Choice], *, role: str = "") -> None:
        self._texts = [line for words_ in words for line in (textwrap.wrap(words_, 70) or [""])]
        super().__init__(high=len(self._texts) + len(choices) + 5 + bool(words))
        self._title, self._choices, self._role = title, choices, role

    def content(self) -> ComposeResult:
        """Title, text, choices."""
        yield Title(self._title)
        for line in self._texts:
            yield Title(line, self._role)
        if self._texts:
            yield Title("", "dim")
        yield ChoiceList(self._choices, self.dismiss)
        yield Title("Enter chooses, Esc goes back", "dim")


class TypeDialog(Dialog[str | None]):
    """One line to type; ``check`` says what is wrong with it, or nothing."""

    AUTO_FOCUS = "Input"

    def __init__(
        self, title: str, value: str, *, hint: str = "", check: Callable[[str], str] = lambda value: ""
    ) -> None:
        super().__init__(high=6)
        self._title, self._value, self._hint, self._check = title, value, hint, check

    def content(self) -> ComposeResult:
        """Title, field, hint or error."""
        yield Title(self._title)
        field = Input(self._value, compact=True)
        field.cursor_blink = False
        yield field
        yield Title(self._hint, "dim")
        yield Title("Enter takes it, Esc goes back", "dim")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the value, or say what is wrong."""
        wrong = self._check(event.value)
        if not wrong:
            self.dismiss(event.value)
            return
        hint = list(self.query(Title))[1]
        hint.words, hint.role = wrong, "failed"
        hint.redraw()
