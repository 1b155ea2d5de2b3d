"""What the terminal shows, cell by cell, and the fewest bytes that make it show something else.

Textual says which spans may have changed; the painter compares them with what was sent and sends only cells that
differ. So a frame that was dropped costs little to catch up with: painting the whole screen sends what is different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

from tui.pens import Pen, Pens, change

__all__ = ["Painter"]

Cell = tuple[str, Pen]
"""What stands in a cell; the second cell of a wide character holds an empty text."""
Line = list[Cell | None]
"""None: not known."""

NEAR = 4
"""Equal cells between two changes up to this many are sent again: moving the cursor over them takes as many bytes."""


class Painter:
    """The picture on one terminal."""

    def __init__(self, pens: Pens) -> None:
        self._pens = pens
        self._lines: list[Line] = []
        self._width = 0
        self._cursor: tuple[int, int] | None = None
        """Column and line; None where it is not known."""

    def forget(self) -> None:
        """Nothing is known of the terminal any more: the next whole frame is sent as it is."""
        self._lines, self._cursor = [], None

    def frame(self, update: CompositorUpdate, size: tuple[int, int], cursor: tuple[int, int]) -> str:
        """What to send for ``update`` on a terminal of ``size`` columns and lines, to leave the cursor there; empty
        where nothing is different."""
        if (self._width, len(self._lines)) != size:
            self._width, self._lines = size[0], [[None] * size[0] for _ in range(size[1])]
        out: list[str] = []
        pen: Pen | None = None
        for x, y, cells in _spans(update, self._pens):
            if 0 <= y < len(self._lines):
                pen = self._line(out, y, x, cells, pen)
        if out:
            out.append("\x1b[m")
        if self._cursor != cursor:
            self._move(out, *cursor)
        return "".join(out)

    def _line(self, out: list[str], y: int, x: int, cells: list[Cell], pen: Pen | None) -> Pen | None:
        shown = self._lines[y]
        for start, end in _changes(shown, x, cells[: len(shown) - x]):
            self._move(out, start, y)
            for at in range(start, end):
                text, new = cells[at - x]
                if not text:
                    continue
                if self._cursor is None:
                    self._move(out, at, y)
                out.append(change(pen, new) + text)
                pen = new
                # Terminals differ in how wide they draw unusual characters: what follows is placed anew.
                self._cursor = (at + 1, y) if _certain(text) and at + 1 < self._width else None
            shown[start:end] = cells[start - x : end - x]
        return pen

    def _move(self, out: list[str], x: int, y: int) -> None:
        """Put the cursor there, in as few bytes as possible."""
        if self._cursor == (x, y):
            return
        if self._cursor is not None and self._cursor[1] == y and x > self._cursor[0]:
            out.append(f"\x1b[{x - self._cursor[0]}C")
        else:
            out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._cursor = (x, y)


def _changes(shown: Line, x: int, cells: list[Cell]) -> Iterator[tuple[int, int]]:
    """Columns from and up to which ``cells``, that begin at ``x``, are not what is shown."""
    if shown[x : x + len(cells)] == cells:
        return
    differ = [x + at for at, cell in enumerate(cells) if cell != shown[x + at]]
    start = before = differ[0]
    for at in [*differ[1:], None]:
        if at is not None and at - before <= NEAR:
            before = at
            continue
        end = before + 1
        while start > x and not cells[start - x][0]:
            start -= 1  # half of a wide character cannot be sent
        while end - x < len(cells) and not cells[end - x][0]:
            end += 1
        yield start, end
        if at is not None:
            start = before = at


def _certain(text: str) -> bool:
    """Whether all terminals draw this one cell wide."""
    return len(text) == 1 and (text < "\u0300" or "\u2010" <= text <= "\u27bf")


def _spans(update: CompositorUpdate, pens: Pens) -> Iterator[tuple[int, int, list[Cell]]]:
    """Column, line and cells of all that may be different."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            yield update.region.x, y, _cells((segment for strip in strips for segment in strip), pens)
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= last and end > first:
                    yield x, y, _cells(strip, pens)
    else:
        raise TypeError(f"not an update of a full screen: {type(update).__name__}")


def _cells(segments: Iterable[Segment], pens: Pens) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        pen = pens.of(style)
        if text.isascii():
            cells += [(char, pen) for char in text]
            continue
        for char in text:
            width = get_character_cell_size(char)
            if width:
                cells += [(char, pen), *[("", pen)] * (width - 1)]
            elif cells:
                before, held = cells[-1]
                if not before and len(cells) > 1:
                    cells[-2] = (cells[-2][0] + char, held)
                else:
                    cells[-1] = (before + char, held)
    return cells
