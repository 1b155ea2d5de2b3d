"""The list of images: only the visible rows are asked for, sorted and filtered by the run itself."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType

from engine.view import ImageRow, ImageState, Page, Window
from tui import text
from tui.actions import Where, action, here
from tui.canvas import Listing, bindings
from tui.details import why
from tui.fetch import Latest, Pace
from tui.look import STATE_ROLES, Parts

__all__ = ["SORTS", "ImagesPane", "failure", "state_word"]

SORTS = ("index", "path", "in", "out", "saved", "state", "seconds")
"""What ``s`` goes through, in order."""
_FORMATS = {"jpeg": "jpg", "tiff": "tif"}
_COLUMNS = (("FMT", 5), ("STATE", 11), ("IN", 6), ("OUT", 8), ("SAVED", 8), ("Q", 5))
_FIXED = 3 + sum(width for _, width in _COLUMNS)
_SCORE, _SCORE_FROM = 6, 70
"""Cells of the column with the score, and of the list from which there is room for it."""
_SORTED_BY = {"FILE": "path", "STATE": "state", "IN": "in", "OUT": "out", "SAVED": "saved"}


def state_word(row: ImageRow, *, near: bool = False) -> str:
    """``done``, ``encode W1``, ``wait mem``, ``FAIL`` …"""
    match ImageState(row.state):
        case ImageState.RUNNING:
            return f"{row.stage or 'run'}{f' W{row.slot + 1}' if row.slot >= 0 else ''}{'!' if near else ''}"
        case ImageState.HELD:
            return "wait mem"
        case ImageState.FAILED:
            return "FAIL"
        case ImageState.WAITING:
            return "wait"
        case state:
            return state.name.lower()


def failure(row: ImageRow, cells: int, *, retry: bool) -> str:
    """What happened to an image, and which keys help; a long path gives way to the reason."""
    path = text.cut_left(row.path, max(16, cells // 2 - 8), "...")
    return f"{path}: {row.reason or 'failed'} (Enter: details{', R: retry' if retry else ''})"


class ImagesPane(Listing):
    """Rows of the run's catalogue."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.IMAGES))]
    head = 1

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.window = Window(count=1)
        self.matching = 0
        self._rows: dict[int, ImageRow] = {}
        self.following = False
        self._pace = Pace()
        self._pages: Latest[Window, Page] | None = None

    def on_mount(self) -> None:
        """Prepare the one question a list asks."""
        self._pages = Latest(self._ask, self._have, self.host.start_task)

    def on_show(self) -> None:
        """Nothing is asked for while the list is hidden."""
        self.refresh_data()

    @property
    def total(self) -> int:
        """Rows that match."""
        return self.matching

    @property
    def chosen(self) -> ImageRow | None:
        """The row under the cursor, if it is here."""
        return self._rows.get(self.cursor)

    def draw_head(self, y: int, width: int) -> Parts:
        """Column titles; the one sorted by carries the direction."""
        score = self._score_cells(width)
        name = max(8, width - _FIXED - score)
        parts: Parts = [("   " + self._title("FILE").ljust(name), "dim")]
        for title, cells in _COLUMNS:
            shown = self._title(title)
            left = title in ("FMT", "STATE")
            parts.append((" " + shown.ljust(cells - 1) if left else shown.rjust(cells), "dim"))
        return [*parts, ("SCORE".rjust(score), "dim")] if score else parts

    def _score_cells(self, width: int) -> int:
        """Of the column with the score; 0 where there is no room or no score."""
        return _SCORE if width >= _SCORE_FROM and any(row.measured for row in self._rows.values()) else 0

    def _title(self, title: str) -> str:
        arrow = "v" if self.window.descending else "^"
        return title + arrow if _SORTED_BY.get(title) == self.window.sort else title

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """One image."""
        image = self._rows.get(row)
        if image is None:
            return [("   " + self.look.glyphs.dots, "dim")]
        score = self._score_cells(width)
        name = max(8, width - _FIXED - score)
        state = ImageState(image.state)
        pointer = self.look.glyphs.pointer if chosen else " "
        flag = "*" if state is ImageState.RUNNING else " "
        path = text.cut_left(self.look.safe(image.path), name, self.look.glyphs.dots)
        path += " " * (name - cell_len(path))
        kind = image.source_format
        written = state.written
        word = state_word(image, near=self.host.is_near(image.slot))
        out = text.size(image.optimized_size) if written else ""
        saved = text.change(image.original_size, image.optimized_size) if written else ""
        quality = "L" if state is ImageState.DONE and not image.quality else str(image.quality or "")
        return [
            (f" {pointer if chosen else flag} {path}", ""),
            (f" {_FORMATS.get(kind, kind):4}", "dim"),
            (f" {word:10}", STATE_ROLES[state]),
            (f"{text.size(image.original_size) if image.original_size else '':>6}{out:>8}", ""),
            (f"{saved:>8}", "failed" if saved.startswith("+") else "good"),
            (f"{quality:>5}", "dim"),
            *([(f"{f'{image.measured[0]:.1f}' if image.measured else '':>{score}}", "dim")] if score else []),
        ]

    def draw_empty(self, width: int) -> Parts:
        """How to see more than a filter leaves."""
        if not self.filter_words():
            return []
        ways = [f"{action('states').first} shows other states"] if self.window.states else []
        ways += [f"{action('filter').first} takes another text"] if self.window.text else []
        return [("   no image is like that: " + ", ".join(ways), "dim")]

    def refresh_data(self, *, force: bool = False) -> None:
        """The run has news: ask again for what is visible, now and then."""
        if not self.is_on_screen or self._pages is None or self.host.session.view is None:
            return
        if self.following and self.host.mirror.working:
            self.cursor = self.host.mirror.frontier()
            self.matching = len(self.host.mirror.states)
            self.top = self.cursor - self.page + 3
        self.reveal()
        wanted = replace(self.window, offset=self.top, count=self.page)
        if force:
            self._pace.reset()
        if self._pace.due(wanted, self.host.clock()):
            self._pages.want(wanted)

    async def _ask(self, window: Window) -> Page:
        view = self.host.session.view
        return await view.rows(window) if view else Page(0, ())

    def _have(self, window: Window, page: Page) -> None:
        if replace(self.window, offset=window.offset, count=window.count) != window:
            return
        self.matching = page.total
        self._rows = {window.offset + at: row for at, row in enumerate(page.rows)}
        self.redraw()
        self.host.main.row_arrived()
        if self.top != window.offset:
            self.refresh_data()

    def forget(self) -> None:
        """Another run begins."""
        self._rows, self.matching = {}, 0
        self._pace.reset()
        self.window = Window(count=1)
        self.following = False

    def moved(self) -> None:
        """The visible rows may be others, and whoever moves the cursor does not follow any more."""
        self.following = False
        self.refresh_data()
        self.host.main.row_arrived()

    @property
    def words(self) -> str:
        """What paths must contain."""
        return self.window.text

    def narrow(self, words: str | None = None, *, states: tuple[int, ...] | None = None) -> None:
        """Show only rows that match."""
        self.window = replace(
            self.window,
            text=self.window.text if words is None else words,
            states=self.window.states if states is None else states,
        )
        self._again()

    def _again(self) -> None:
        self.cursor = self.top = 0
        self.following = False
        self.refresh_data(force=True)
        self.redraw()
        self.host.main.row_arrived()

    def do_follow_list(self) -> None:
        """Keep the images in work in view: all images in the order of the run; or stop following."""
        follow = not self.following
        if follow and self.window != Window(count=1):
            self.narrow("", states=())
            self.window = Window(count=1)
        self.following = follow
        self.host.main.say("following the images in work" if follow else "the view stays where it is")
        self.refresh_data(force=True)

    def do_sort(self) -> None:
        """By the next column."""
        following = SORTS[(SORTS.index(self.window.sort) + 1) % len(SORTS)]
        self.window = replace(self.window, sort=following)
        self.host.main.say(f"sorted by {'order of the run' if following == 'index' else following}")
        self._again()

    def do_reverse(self) -> None:
        """The other way round."""
        self.window = replace(self.window, descending=not self.window.descending)
        self._again()

    def do_states(self) -> None:
        """The next state, after the last all of them."""
        cycle: list[tuple[int, ...]] = [(), *((int(state),) for state in reversed(ImageState))]
        states = cycle[(cycle.index(self.window.states) + 1) % len(cycle)] if self.window.states in cycle else ()
        self.narrow(states=states)

    def do_choose(self) -> None:
        """All facts of the image."""
        if self.chosen:
            self.host.main.show_row(self.chosen)

    def filter_words(self) -> str:
        """The filter in words; empty when all rows are shown."""
        words = [ImageState(state).name.lower() for state in self.window.states]
        return " ".join([*words, *([f"/{self.window.text}"] if self.window.text else [])])

    def describe(self) -> tuple[str, str]:
        """The message line: the image under the cursor."""
        row = self.chosen
        if row is None:
            return "", ""
        if row.state == ImageState.FAILED:
            return failure(row, self.drawn.width, retry=self.host.mirror.working), "failed"
        reason = why(row, self.host.mirror.gauges)
        return f"{row.path}{': ' + reason if reason else ''}", "dim"
