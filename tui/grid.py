"""The batch grid: a line is a batch, a cell is an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from engine.view import BatchRow, ImageRow, ImageState, Window
from tui import text
from tui.actions import Where, here
from tui.canvas import Listing, bindings
from tui.details import why
from tui.fetch import Latest, Pace
from tui.images_pane import failure
from tui.look import STATE_ROLES, Look, Part, Parts
from tui.parts import clip, pad, runs

__all__ = ["BatchGrid", "Shape", "cells_of", "figures", "legend"]

NUMBER = 5
"""Columns before the cells: a number of four and a space."""
LOW = 8
"""Lines of the pane below which the batch gets none of its own."""
LEGEND = 75
"""Columns the legend takes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How batches lie on lines."""

    batch: int
    """Images in a batch."""
    cells: int
    """Cells in a line, at most."""
    images: int

    @property
    def lines_each(self) -> int:
        """Lines one batch takes."""
        return -(-self.batch // self.cells)

    @property
    def lines(self) -> int:
        """Lines of all batches."""
        whole, rest = divmod(self.images, self.batch)
        return whole * self.lines_each + -(-rest // self.cells)

    def span(self, line: int) -> tuple[int, int, int]:
        """Batch (from 0), first image and number of images of a line."""
        batch, part = divmod(line, self.lines_each)
        first = batch * self.batch + part * self.cells
        end = min((batch + 1) * self.batch, first + self.cells, self.images)
        return batch, first, max(0, end - first)

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of an image."""
        batch, within = divmod(index, self.batch)
        return batch * self.lines_each + within // self.cells, within % self.cells


@lru_cache(maxsize=1024)
def cells_of(states: bytes, cursor: int, marks: str) -> tuple[Part, ...]:
    """The cells of one line in as few parts as possible; ``cursor`` is a column or −1."""
    line = "".join(marks[state] for state in states)
    roles = [STATE_ROLES[state] for state in states]
    if 0 <= cursor < len(roles):
        roles[cursor] = "cell"
    return tuple(runs(line, roles))


def figures(row: BatchRow, cells: int) -> Parts:
    """A batch in numbers, the most telling first, as many as fit."""
    columns: list[tuple[str, str]] = [
        (f" {text.change(row.bytes_in, row.bytes_out):>5}", "good"),
        (f" {text.clock(row.seconds) if row.seconds else '':>6}", ""),
        (f" {'!' + str(row.failed) if row.failed else '':>4}", "failed"),
        (f" {text.size(row.bytes_in) if row.bytes_in else '':>6}", "dim"),
        (f" {text.size(row.bytes_out) if row.bytes_in else '':>6}", "dim"),
        (f" {text.size(row.bytes_in - row.bytes_out) if row.bytes_in else '':>6}", "dim"),
    ]
    parts: Parts = []
    for column in columns:
        cells -= len(column[0])
        if cells < 0:
            break
        parts.append(column)
    return parts


def batch_line(row: BatchRow, look: Look, cells: int) -> Parts:
    """One batch in words, where its line has no room for all its figures."""
    seconds = f"  {text.clock(row.seconds)}" if row.seconds else ""
    parts: Parts = [
        (f" batch {row.number}", "strong"),
        (f"  {row.finished} of {text.count(row.count, 'image')}{seconds}", "dim"),
        (f"  {text.count(row.failed, 'failure')}" if row.failed else "", "failed"),
    ]
    if row.bytes_in:
        sizes = f"  {text.size(row.bytes_in)} {look.glyphs.arrow} {text.size(row.bytes_out)}"
        saved = f"  {text.change(row.bytes_in, row.bytes_out)}, {text.size(row.bytes_in - row.bytes_out)} saved"
        parts += [(sizes, ""), (saved, "good")]
    return clip(parts, cells)


FIGURE_HEADS = (" saved", "   time", " fail", "     in", "    out", "  saved")
"""Titles of what ``figures`` gives, of the same widths."""


def legend(look: Look, cells: int) -> Parts:
    """What the marks mean; short words where the long ones do not fit."""
    short = (("done", 3), ("kept", 4), ("skipped", 5), ("failed", 6), ("running", 2), ("held", 1), ("waiting", 0))
    more = {"kept": "kept (already small)", "held": "held for memory"}
    for words in ([(more.get(word, word), state) for word, state in short], short):
        parts: Parts = [(" " * NUMBER, "")]
        for word, state in words:
            parts += [(look.glyphs.marks[state], STATE_ROLES[state]), (f" {word}  ", "dim")]
        if sum(len(text) for text, _ in parts) <= cells:
            break
    return clip(parts, cells)


class BatchGrid(Listing):
    """Lines are lines of the grid; ``index`` is the image under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.BATCHES))]
    own_cursor = True

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.index = 0
        self.following = True
        self.row: ImageRow | None = None
        """Facts of the image under the cursor, once they came."""
        self._figures: dict[int, BatchRow] = {}
        self._pace, self._pace_row = Pace(), Pace()
        self._batches: Latest[tuple[int, int], tuple[BatchRow, ...]] | None = None
        self._images: Latest[int, ImageRow | None] | None = None

    def on_mount(self) -> None:
        """Prepare the two questions a grid asks."""
        start = self.host.start_task
        self._batches = Latest(self._ask_batches, self._have_batches, start)
        self._images = Latest(self._ask_image, self._have_image, start)

    @property
    def shape(self) -> Shape:
        """For the present size and run."""
        mirror = self.host.mirror
        cells = max(1, self.drawn.width - NUMBER)
        # Room left over goes to figures: a line never gets wider than one batch.
        return Shape(mirror.batch_size, min(cells, max(1, mirror.batch_size)), len(mirror.states))

    @property
    def total(self) -> int:
        """Lines."""
        return self.shape.lines

    @property
    def batch_number(self) -> int:
        """The batch under the cursor, from 0."""
        return self.index // self.host.mirror.batch_size

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Number, cells, and figures where there is room."""
        shape = self.shape
        batch, first, count = shape.span(row)
        number = f"{batch + 1:>4}" if first == batch * shape.batch else "    "
        column = self.index - first if chosen else -1
        parts: Parts = [(number.ljust(NUMBER), "strong" if chosen else "dim")]
        parts += cells_of(bytes(self.host.mirror.states[first : first + count]), column, self.look.glyphs.marks)
        room = width - NUMBER - shape.cells
        if room >= len(FIGURE_HEADS[0]) and number.strip() and batch in self._figures:
            parts.append((" " * (shape.cells - count), ""))
            parts += figures(self._figures[batch], room)
        return parts

    def heads(self) -> str:
        """Titles of the figures that have room."""
        room, out = self.drawn.width - NUMBER - self.shape.cells, ""
        for head in FIGURE_HEADS:
            if len(out) + len(head) > room:
                break
            out += head
        return out

    @property
    def foot(self) -> int:
        """Legend and titles share a line where both fit; above them the batch, where it does not say all itself."""
        return self._legend_lines + self._has_batch_line

    @property
    def _legend_lines(self) -> int:
        return 2 if self.heads() and self.shape.cells < LEGEND else 1

    @property
    def _has_batch_line(self) -> bool:
        return len(self.heads()) < sum(map(len, FIGURE_HEADS)) and self.drawn.height >= LOW

    def draw_foot(self, y: int, width: int) -> Parts:
        """The titles of the figures, and the legend."""
        if not self.host.mirror.info:
            return [(" " * NUMBER + "no run is open: mark folders in Files, then press r", "dim")]
        if self._has_batch_line:
            row = self._figures.get(self.batch_number)
            if y == 0:
                return batch_line(row, self.look, width) if row else []
            y -= 1
        heads = self.heads()
        titles: Parts = [(heads, "dim")]
        if self._legend_lines == 1:
            return [*pad(legend(self.look, NUMBER + self.shape.cells), NUMBER + self.shape.cells), *titles]
        return [(" " * (NUMBER + self.shape.cells), ""), *titles] if y == 0 else legend(self.look, width)

    def refresh_data(self) -> None:
        """The run has news: follow it, ask for figures of what is visible, paint."""
        if self.following and self.host.mirror.working:
            self.index = self.host.mirror.frontier()
            # Two lines of what comes next stay in view below.
            self.top = self.shape.place(self.index)[0] - self.page + 3
        self.index = max(0, min(self.index, len(self.host.mirror.states) - 1))
        self.cursor = self.shape.place(self.index)[0]
        self.redraw()
        if self.is_on_screen:
            self._ask()

    def _ask(self) -> None:
        if self._batches is None or self._images is None or not self.host.session.view:
            return
        shape = self.shape
        span = (shape.span(self.top)[0], self.page // shape.lines_each + 1)
        if self._pace.due(span, self.host.clock()):
            self._batches.want(span)
        if self.host.mirror.states:
            state = self.host.mirror.states[self.index]
            stale = self.row is None or self.row.index != self.index or self.row.state != state
            # While following, the image under the cursor is another one with every update.
            about = None if self.following else self.index
            if stale and (self._pace_row.due(about, self.host.clock()) or not self.following):
                self._images.want(self.index)

    async def _ask_batches(self, span: tuple[int, int]) -> tuple[BatchRow, ...]:
        view = self.host.session.view
        return await view.batches(*span) if view else ()

    def _have_batches(self, span: tuple[int, int], rows: tuple[BatchRow, ...]) -> None:
        self._figures = {row.number - 1: row for row in rows}
        self.redraw()

    async def _ask_image(self, index: int) -> ImageRow | None:
        view = self.host.session.view
        page = await view.rows(Window(offset=index, count=1)) if view else None
        return page.rows[0] if page and page.rows else None

    def _have_image(self, index: int, row: ImageRow | None) -> None:
        self.row = row
        self.host.main.row_arrived()

    def forget(self) -> None:
        """Another run begins."""
        self._figures, self.row, self.index, self.following = {}, None, 0, True

    def go(self, index: int) -> None:
        """Put the cursor on an image; following ends."""
        self.following = False
        self.index = max(0, min(len(self.host.mirror.states) - 1, index))
        self.cursor = self.shape.place(self.index)[0]
        self.redraw()
        self._ask()
        self.host.main.row_arrived()

    def move(self, row: int) -> None:
        """To the same column of another line."""
        shape = self.shape
        column = shape.place(self.index)[1]
        row = max(0, min(shape.lines - 1, row))
        _, first, count = shape.span(row)
        self.go(first + min(column, count - 1))

    def do_left(self) -> None:
        """The image before."""
        self.go(self.index - 1)

    def do_right(self) -> None:
        """The next image."""
        self.go(self.index + 1)

    def do_top(self) -> None:
        """The first image."""
        self.go(0)

    def do_bottom(self) -> None:
        """The last image."""
        self.go(len(self.host.mirror.states) - 1)

    def do_follow(self) -> None:
        """Follow the images in work, or stop following."""
        self.following = not self.following
        self.host.main.say("following the images in work" if self.following else "the view stays where it is")
        self.refresh_data()

    def do_choose(self) -> None:
        """Details of the image under the cursor."""
        if self.host.mirror.states:
            self.host.main.show_image(self.index)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the cell; a second click opens it."""
        line = self.top + event.y
        if event.y >= self.page or line >= self.total or event.x < NUMBER:
            return
        _, first, count = self.shape.span(line)
        index = first + min(event.x - NUMBER, count - 1)
        self.go(index)
        if event.chain > 1:
            self.do_choose()

    def describe(self) -> tuple[str, str]:
        """The message line: the image under the cursor."""
        row, states = self.row, self.host.mirror.states
        if row is None or self.index >= len(states) or row.index != self.index:
            return "", ""
        state = ImageState(states[self.index])
        if state is ImageState.FAILED:
            return failure(row, self.drawn.width, retry=self.host.mirror.working), "failed"
        detail = (
            why(row, self.host.mirror.gauges)
            or row.stage
            or (text.change(row.original_size, row.optimized_size) if state is ImageState.DONE else "")
        )
        return f"{row.path}: {state.name.lower()}{'  ' + detail if detail else ''}", "dim"
