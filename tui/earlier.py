"""The list of earlier runs, and how one of them is opened."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from engine.errors import ImgoptError
from engine.view import RunView
from tui import text
from tui.canvas import Listing
from tui.dialogs import Dialog, Title
from tui.look import Parts
from tui.parts import spread

if TYPE_CHECKING:
    from engine.history import PastRun

__all__ = ["EarlierDialog", "open_run", "past_runs", "retry_failed"]

_ROLES = {"running": "running", "finished": "done", "failed": "failed", "interrupted": "warn", "stopped": "warn"}


def _phase(run: PastRun) -> str:
    """How it ended, or that it was taken back."""
    if not (undone := run.report.get("undone")):
        return run.phase
    return "undone" if undone >= run.report.get("done", 0) else "part undone"


async def past_runs() -> Sequence[PastRun]:
    """All runs the journal knows, newest first; raises RunnerError."""
    from engine import history

    return await history.known_runs()


async def open_run(run_id: str) -> RunView:
    """The view of a run that goes on or is over; raises RunnerError."""
    from engine import opening

    return await opening.open_run(run_id)


async def retry_failed(run_id: str) -> RunView:
    """A new run on what failed in one that is over; raises RunnerError."""
    from engine import opening

    return await opening.retry_failed(run_id)


class RunList(Listing):
    """Runs under a cursor: when, how it ended, images, bytes saved, folders."""

    head = 1

    def __init__(self) -> None:
        super().__init__()
        self.runs: Sequence[PastRun] = ()
        self.words = "reading the journal"

    @property
    def total(self) -> int:
        """Runs."""
        return len(self.runs)

    def draw_head(self, y: int, width: int) -> Parts:
        """Titles, or why there is nothing below them."""
        if not self.runs:
            return [(f" {text.cut(self.look.safe(self.words), width - 2)}", "dim")]
        return [("   STARTED           ENDED         IMAGES  FAIL   SAVED  FOLDERS", "dim")]

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """One run."""
        run = self.runs[row]
        report = run.report
        pointer = self.look.glyphs.pointer if chosen else " "
        failed, saved = report.get("failed", 0), report.get("savedBytes", 0)
        left: Parts = [
            (f" {pointer} {time.strftime('%Y-%m-%d %H:%M', time.localtime(run.started))}  ", "strong"),
            (f"{_phase(run):11}", _ROLES.get(run.phase, "")),
            (f" {report.get('processed', 0):>7}", ""),
            (f" {failed or '':>5}", "failed"),
            (f" {text.size(saved):>7}  ", "good"),
        ]
        room = max(8, width - sum(len(part) for part, _ in left) - 1)
        more = f" +{len(run.roots) - 1}" if len(run.roots) > 1 else ""
        roots = self.look.safe(run.roots[0]) if run.roots else ""
        return spread([*left, (text.cut_left(roots, room - len(more), self.look.glyphs.dots) + more, "")], [], width)

    def do_choose(self) -> None:
        """The one under the cursor."""
        if self.runs:
            self.screen.dismiss(self.runs[self.cursor].id)


class EarlierDialog(Dialog[str | None]):
    """Gives the id of the run that was chosen."""

    def __init__(self) -> None:
        super().__init__(wide=110, high=24)

    def content(self) -> ComposeResult:
        """Title, runs, how to choose."""
        yield Title("Earlier runs")
        yield RunList()
        yield Title("Enter opens it, Esc goes back", "dim")

    def on_mount(self) -> None:
        """Read beside the screen: a journal may be large."""
        super().on_mount()
        self.host.start_task(self._read())

    async def _read(self) -> None:
        listing = self.query_one(RunList)
        try:
            listing.runs = await past_runs()
            listing.words = "no run is known yet"
        except ImgoptError as error:
            listing.words = str(error)
        listing.redraw()
