"""Widgets that draw lines: only what is visible, and again only what changed.

``Canvas`` asks ``draw(y)`` for one line as (text, role) parts. ``redraw`` compares with what was painted and marks the
changed cells alone, because over a slow link every cell counts. ``Listing`` adds a cursor over any number of lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui.actions import Action, Where, here
from tui.look import Look, Parts
from tui.parts import merge, pad

if TYPE_CHECKING:
    from tui.app import ImgoptApp

__all__ = ["Canvas", "Listing", "bindings"]

Cells = list[tuple[str, str]]


def bindings(actions: Iterable[Action]) -> list[Binding]:
    """The key bindings of some actions; each calls ``action_act`` with the action's id."""
    return [Binding(",".join(entry.keys), f"act('{entry.id}')", entry.name, show=False) for entry in actions]


class Acting(Widget):
    """Mixin: runs ``do_<id>`` for a key."""

    def action_act(self, id: str) -> None:
        """Run an action of the registry."""
        getattr(self, f"do_{id}")()


class Canvas(Acting):
    """A widget drawn line by line."""

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._painted: dict[int, Parts] = {}
        self._asked: dict[int, Parts] = {}
        """What a line was to show when a part of it was asked to be painted."""
        self.drawn = Size(0, 0)
        """The size at the last look: Textual works it out anew each time it is asked."""

    @property
    def look(self) -> Look:
        """Styles and glyphs of this terminal."""
        return self.host.look

    @property
    def host(self) -> ImgoptApp:
        """The application, with its own type."""
        return cast("ImgoptApp", self.app)

    def draw(self, y: int, width: int) -> Parts:
        """Line ``y`` of what is visible, at most ``width`` cells wide."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Textual asks for a line."""
        self.drawn = self.size
        parts = self._line(y)
        asked = self._asked.pop(y, parts)
        if asked == parts:
            self._painted[y] = parts
        else:
            # The run went on between the request and this call, and only the cells that differed then are painted.
            self._painted.pop(y, None)
        style = self.look.style
        return Strip([Segment(text, style(role)) for text, role in parts], self.drawn.width)

    def _line(self, y: int) -> Parts:
        width = self.drawn.width
        return merge(pad(self.draw(y, width), width))

    def on_resize(self) -> None:
        """Nothing painted before is right any more."""
        self._painted.clear()
        self._asked.clear()

    def redraw(self) -> None:
        """Paint what changed since it was painted last."""
        if not self.is_on_screen:
            return
        self.drawn = self.size
        width, height = self.drawn
        for y in range(height):
            old, new = self._painted.get(y), self._line(y)
            if old is None:
                self.refresh(Region(0, y, width, 1))
            elif old != new:
                start, end = _difference(old, new, width)
                self._asked[y] = new
                self.refresh(Region(start, y, end - start, 1))


def _difference(old: Parts, new: Parts, width: int) -> tuple[int, int]:
    """From which cell up to which two lines of equal width differ; whole parts where cells are wider than one."""
    if not all(text.isascii() or _narrow(text) for line in (old, new) for text, _ in line):
        return 0, width
    before = [(char, role) for text, role in old for char in text]
    after = [(char, role) for text, role in new for char in text]
    if len(before) != len(after):
        return 0, width
    changed = [at for at, pair in enumerate(before) if pair != after[at]]
    return (changed[0], changed[-1] + 1) if changed else (0, width)


def _narrow(text: str) -> bool:
    return all(char < "\u0300" or "\u2010" <= char <= "\u27bf" for char in text)


class Listing(Canvas, can_focus=True):
    """Lines with a cursor; subclasses say how many there are and draw one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.LISTS))]
    head = 0
    """Lines at the top that do not scroll."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cursor = 0
        self.top = 0

    def action_act(self, id: str) -> None:
        """Run an action of the registry."""
        self.host.main.heed()
        super().action_act(id)

    @property
    def total(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """One line; ``chosen`` is the one under the cursor."""
        raise NotImplementedError

    def draw_head(self, y: int, width: int) -> Parts:
        """One of the fixed lines at the top."""
        return []

    def draw_foot(self, y: int, width: int) -> Parts:
        """One of the fixed lines at the bottom."""
        return []

    def draw_empty(self, width: int) -> Parts:
        """What stands in place of the first line where there is none."""
        return []

    @property
    def foot(self) -> int:
        """Lines at the bottom that do not scroll."""
        return 0

    @property
    def page(self) -> int:
        """Lines that scroll."""
        return max(1, self.drawn.height - self.head - self.foot)

    def draw(self, y: int, width: int) -> Parts:
        """Head, visible rows, foot."""
        if y < self.head:
            return self.draw_head(y, width)
        if y >= self.drawn.height - self.foot:
            return self.draw_foot(y - (self.drawn.height - self.foot), width)
        row = self.top + y - self.head
        if row >= self.total:
            return [] if row else self.draw_empty(width)
        parts = self.draw_row(row, width, chosen=row == self.cursor)
        if row != self.cursor or self.own_cursor:
            return parts
        role = "cursor" if self.has_focus else "cursor idle"
        return [(text, role) for text, _ in pad(parts, width)]

    own_cursor = False
    """Whether ``draw_row`` shows the cursor itself."""

    def move(self, row: int) -> None:
        """Put the cursor on a row and bring it into view."""
        self.cursor = max(0, min(self.total - 1, row))
        self.reveal()
        self.redraw()
        self.moved()

    def reveal(self) -> None:
        """Scroll so that the cursor is visible and no line is wasted."""
        self.cursor = max(0, min(self.cursor, self.total - 1))
        self.top = max(self.cursor - self.page + 1, min(self.top, self.cursor))
        self.top = max(0, min(self.top, self.total - self.page))

    def redraw(self) -> None:
        """Paint what changed; the number of lines may have changed as well."""
        if self.is_on_screen:
            self.drawn = self.size
            self.reveal()
            super().redraw()

    def filter_words(self) -> str:
        """The filter in words; empty when all lines are shown."""
        return ""

    def moved(self) -> None:
        """The cursor is somewhere else; for subclasses."""

    def on_focus(self) -> None:
        """The cursor looks different with the focus."""
        self.redraw()

    def on_blur(self) -> None:
        """The cursor looks different without the focus."""
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines a notch."""
        event.stop()
        self.move(self.cursor + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines a notch."""
        event.stop()
        self.move(self.cursor - 3)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the line; a second click on it chooses."""
        row = self.top + event.y - self.head
        if event.y < self.head or event.y >= self.size.height - self.foot or row >= self.total:
            return
        again = row == self.cursor and event.chain > 1
        self.move(row)
        if again:
            self.do_choose()

    def do_up(self) -> None:
        """One line up."""
        self.move(self.cursor - 1)

    def do_down(self) -> None:
        """One line down."""
        self.move(self.cursor + 1)

    def do_left(self) -> None:
        """Nothing lies to the left of a line."""

    def do_right(self) -> None:
        """Nothing lies to the right of a line."""

    def do_top(self) -> None:
        """To the first line."""
        self.move(0)

    def do_bottom(self) -> None:
        """To the last line."""
        self.move(self.total - 1)

    def do_page_up(self) -> None:
        """One page up."""
        self.move(self.cursor - self.page)

    def do_page_down(self) -> None:
        """One page down."""
        self.move(self.cursor + self.page)

    def do_choose(self) -> None:
        """What Enter does; for subclasses."""
