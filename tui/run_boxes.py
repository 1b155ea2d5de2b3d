"""Boxes about runs: how one stands, its report as a file, the machine it works on, and earlier ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import ImgoptError
from engine.view import ImageRow, ImageState, RunView, Window
from tui import earlier
from tui.actions import action
from tui.dialogs import ReadDialog, TypeDialog
from tui.earlier import EarlierDialog
from tui.export import proposed, refused, write_report
from tui.machine import MachineDialog
from tui.summary import FAILURES, NEXT, summary_lines

if TYPE_CHECKING:
    from tui.app import ImgoptApp
    from tui.main_screen import MainScreen

__all__ = ["RunBoxes"]


class RunBoxes:
    """Mixin of ``Commands``."""

    main: MainScreen

    @property
    def host(self) -> ImgoptApp:
        """The application."""
        return self.main.host

    def do_summary(self) -> None:
        """Totals and report."""
        info, update = self.host.mirror.info, self.host.mirror.update
        if info is None or update is None:
            self.main.say("there is no run to sum up yet")
            return

        async def show(view: RunView) -> None:
            width = min(78, self.host.size.width) - 4
            report: Mapping[str, Any] | None = None
            failed: tuple[ImageRow, ...] = ()
            with contextlib.suppress(ImgoptError, OSError):
                report = await view.report()
                failed = (await view.rows(Window(count=FAILURES, states=(ImageState.FAILED,)))).rows
            lines = summary_lines(info, update, report, failed, self.host.look, width)
            acts = {key: id for id in NEXT for key in action(id).keys}
            self.host.push_screen(ReadDialog(f"Run {info.run_id}", lines, acts=acts), self._act)

        self.host.start_task(self.host.session.tell(show))

    def _act(self, id: str | None) -> None:
        if id:
            self.main.perform(id)

    def do_machine(self) -> None:
        """All gauges in a box."""
        self.host.push_screen(MachineDialog())

    def do_set_aside(self) -> None:
        """Images that crashed workers."""
        from tui.set_aside import SetAsideDialog

        self.host.push_screen(SetAsideDialog())

    def do_export(self) -> None:
        """The report into a file."""
        info = self.host.mirror.info
        if info is None:
            self.main.say(f"there is no run to report of: {action('earlier').first} lists earlier ones")
            return

        def write(path: str | None) -> None:
            if path:
                self.host.start_task(self._export(info.run_id, path))

        hint = "the name says the form: .html, .json, .csv, or text"
        start = proposed(f"imgopt-{info.run_id}")
        self.host.push_screen(TypeDialog("Export the report to", start, hint=hint, check=refused), write)

    async def _export(self, run_id: str, path: str) -> None:
        try:
            self.main.say(f"written to {await asyncio.to_thread(write_report, run_id, path)}")
        except ImgoptError as error:
            self.host.failed(str(error))

    def do_earlier(self) -> None:
        """Choose an earlier run to look at."""

        def look(run_id: str | None) -> None:
            if run_id is not None:
                self.host.start_task(self._open_run(run_id))

        self.host.push_screen(EarlierDialog(), look)

    async def _open_run(self, run_id: str) -> None:
        try:
            view = await earlier.open_run(run_id)
        except (ImgoptError, OSError) as error:
            self.host.failed(str(error))
            return
        self.main.show_pane("batches")
        self.host.open_view(view)
