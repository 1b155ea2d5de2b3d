"""The run's log, by window; it stays at the end until the cursor leaves it.

With a filter all lines are read once, portion by portion, and those that match are kept: ten thousand at most.
"""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import BindingType

from engine.view import LogLine
from tui import text
from tui.actions import Where, here
from tui.canvas import Listing, bindings
from tui.fetch import Latest
from tui.look import Parts

__all__ = ["LogPane"]

_ROLES = {"warning": "warn", "error": "failed", "failed": "failed"}
PORTION = 1000
"""Lines read at a time while filtering."""


class LogPane(Listing):
    """Lines of the log."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.LOG))]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.at_end = True
        self.words = ""
        """What a line must contain, capitals or not."""
        self.only_warnings = False
        self._lines: dict[int, LogLine] = {}
        """By row."""
        self._read = 0
        """Lines looked at by the filter."""
        self._matching = 0
        self._windows: Latest[tuple[int, int], tuple[LogLine, ...]] | None = None

    def on_mount(self) -> None:
        """Prepare the one question a log asks."""
        self._windows = Latest(self._ask, self._have, self.host.start_task)

    @property
    def _known(self) -> int:
        update = self.host.mirror.update
        return update.log_lines if update else 0

    @property
    def _filtered(self) -> bool:
        return bool(self.words) or self.only_warnings

    @property
    def total(self) -> int:
        """Lines there are, or that match."""
        return self._matching if self._filtered else self._known

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Time, level, text."""
        line = self._lines.get(row)
        if line is None:
            return [(" " + self.look.glyphs.dots, "dim")]
        stamp = time.strftime("%H:%M:%S", time.localtime(line.time))
        level = line.level if line.level in _ROLES else ""
        words = text.cut(self.look.safe(line.text), width - 19, self.look.glyphs.dots)
        return [(f" {stamp} ", "dim"), (f"{level:8}", _ROLES.get(level, "dim")), (words, "")]

    def refresh_data(self) -> None:
        """Fetch what is visible and not here yet, or what the filter has not looked at."""
        if not self.is_on_screen or self._windows is None:
            return
        if self.at_end:
            self.cursor = self.total - 1
        self.redraw()
        if not self.host.session.view:
            return
        rows = range(self.top, min(self.total, self.top + self.page))
        if self._filtered and self._read < self._known:
            self._windows.want((self._read, PORTION))
        elif not self._filtered and any(row not in self._lines for row in rows):
            self._windows.want((self.top, self.page))

    async def _ask(self, span: tuple[int, int]) -> tuple[LogLine, ...]:
        view = self.host.session.view
        return await view.log(*span) if view else ()

    def _have(self, span: tuple[int, int], lines: tuple[LogLine, ...]) -> None:
        if not self._filtered:
            self._lines = {line.number: line for line in lines}
            self.redraw()
        elif span[0] == self._read:
            # The oldest lines may be gone: the numbers that were asked for are looked at all the same.
            self._read = max([min(span[0] + span[1], self._known), *(line.number + 1 for line in lines)])
            for line in filter(self._matches, lines):
                self._lines[self._matching] = line
                self._matching += 1
            self.refresh_data()
            self.host.main.row_arrived()

    def _matches(self, line: LogLine) -> bool:
        return self.words in line.text.casefold() and (not self.only_warnings or line.level in _ROLES)

    def forget(self) -> None:
        """Another run begins."""
        self.words, self.only_warnings = "", False
        self._again()

    def _again(self) -> None:
        self._lines, self._read, self._matching = {}, 0, 0
        self.cursor, self.top, self.at_end = 0, 0, True

    def narrow(self, words: str) -> None:
        """Only lines that contain ``words``; empty: all."""
        self.words = words.casefold()
        self._again()
        self.refresh_data()

    def filter_words(self) -> str:
        """The filter in words; empty when all lines are shown."""
        return " ".join([*(["warnings"] * self.only_warnings), *([f"/{self.words}"] if self.words else [])])

    def moved(self) -> None:
        """Stay at the end only while the cursor is there."""
        self.at_end = self.cursor >= self.total - 1
        self.refresh_data()

    def do_levels(self) -> None:
        """Only warnings, errors and failed images, or all lines."""
        self.only_warnings = not self.only_warnings
        self.host.main.say("warnings and failures alone" if self.only_warnings else "all lines")
        self._again()
        self.refresh_data()

    def do_choose(self) -> None:
        """The whole line, wrapped."""
        line = self._lines.get(self.cursor)
        if line:
            self.host.main.read("Log line", [line.text])
