"""The run's log, by window; it stays at the end until the cursor leaves it."""

from __future__ import annotations

import time

from engine.view import LogLine
from tui import text
from tui.canvas import Listing
from tui.fetch import Latest
from tui.look import Parts

__all__ = ["LogPane"]

_ROLES = {"warning": "warn", "error": "failed", "failed": "failed"}


class LogPane(Listing):
    """Lines of the log."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.at_end = True
        self._lines: dict[int, LogLine] = {}
        self._windows: Latest[tuple[int, int], tuple[LogLine, ...]] | None = None

    def on_mount(self) -> None:
        """Prepare the one question a log asks."""
        self._windows = Latest(self._ask, self._have, self.host.start_task)

    @property
    def total(self) -> int:
        """Lines there are."""
        update = self.host.mirror.update
        return update.log_lines if update else 0

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
        """Fetch what is visible and not here yet."""
        if not self.is_on_screen or self._windows is None:
            return
        if self.at_end:
            self.cursor = self.total - 1
        self.redraw()
        rows = range(self.top, min(self.total, self.top + self.page))
        if self.host.session.view and any(row not in self._lines for row in rows):
            self._windows.want((self.top, self.page))

    async def _ask(self, span: tuple[int, int]) -> tuple[LogLine, ...]:
        view = self.host.session.view
        return await view.log(*span) if view else ()

    def _have(self, span: tuple[int, int], lines: tuple[LogLine, ...]) -> None:
        self._lines = {line.number: line for line in lines}
        self.redraw()

    def forget(self) -> None:
        """Another run begins."""
        self._lines, self.cursor, self.top, self.at_end = {}, 0, 0, True

    def moved(self) -> None:
        """Stay at the end only while the cursor is there."""
        self.at_end = self.cursor >= self.total - 1
        self.refresh_data()

    def do_choose(self) -> None:
        """The whole line, wrapped."""
        line = self._lines.get(self.cursor)
        if line:
            self.host.main.read("Log line", [line.text])
