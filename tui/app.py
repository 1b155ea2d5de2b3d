"""The application: puts mirror, session and screen together and paces the redraws."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from engine.settings import Settings
from engine.view import Gauges, RunView
from tui.dialogs import Choice, ChoiceDialog
from tui.disk import Disk
from tui.header import Link, worker_mark
from tui.look import Look
from tui.main_screen import MainScreen
from tui.mirror import Mirror
from tui.session import Launcher, Session

__all__ = ["AppResult", "ImgoptApp", "Launcher"]

IDLE = 5.0
"""Seconds between two looks at the machine while no run is open."""


@dataclass(frozen=True, slots=True)
class AppResult:
    """What the user chose when leaving."""

    choice: str
    """``nothing`` (no run was open), ``over`` (the run had ended), ``lost`` (its runner did not answer any more),
    ``left`` (it goes on), ``stopping`` (after the images in work) or ``stopped``."""
    run_id: str = ""


class Plain(LineFilter):
    """Takes every colour out, for NO_COLOR: not even the codes of default colours are sent."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Text and attributes stay."""
        return [
            Segment(text, None if style is None else style.without_color, control) for text, style, control in segments
        ]


class ImgoptApp(App[AppResult], inherit_bindings=False):
    """The dashboard."""

    CSS_PATH = "imgopt.tcss"
    TITLE = "imgopt-tui"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        *,
        roots: Sequence[str],
        settings: Settings,
        launcher: Launcher,
        view: RunView | None = None,
        start: bool = False,
        ascii_only: bool,
        mouse: bool,
        clock: Callable[[], float] = time.monotonic,
        disk: Disk | None = None,
        gauges: Callable[[], Gauges] | None = None,
    ) -> None:
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=plain)
        if plain:
            self._filters = [Plain()]
        self.animation_level = "none"
        self.roots = tuple(roots)
        self.settings = settings
        self.clock = clock
        self.look = Look(ascii_only=ascii_only, plain=plain)
        self.disk = disk or Disk()
        self.mirror = Mirror()
        self.session = Session(self.mirror, launcher, changed=self._changed, failed=self.failed)
        self.rate = 10
        self.main = MainScreen(self.roots, "batches" if view or start else "files")
        self._first_view, self._start = view, start
        self._gauges = gauges
        self._mouse_on = mouse
        self._painted = -1.0
        self._paint_due = False
        self._summed_up = False
        self._colors = _colors(self.console.color_system, plain=plain)

    @property
    def link(self) -> Link:
        """For line 1."""
        over = "ssh" if os.environ.get("SSH_CONNECTION") else ""
        return Link(socket.gethostname(), over, self._colors, self.rate)

    def get_default_screen(self) -> MainScreen:
        """The one screen."""
        return self.main

    def on_mount(self) -> None:
        """Paint first; then attach or start."""
        self._set_mouse(self._mouse_on)
        self.app_resume_signal.subscribe(self, self._resumed)
        self.set_interval(IDLE, self._look_at_machine)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._first_view:
            self._open(self._first_view)
        elif self._start:
            self.run_on(self.roots)
        else:
            self.start_task(self._look_at_machine())

    def start_task(self, work: Awaitable[object]) -> None:
        """Run something beside the screen; it ends with the application."""

        async def run() -> None:
            await work

        self.run_worker(run())

    def run_on(self, roots: Sequence[str]) -> None:
        """Start a run on these folders and files."""
        self.main.say("starting a run")

        async def begin() -> None:
            view = await self.session.start(roots, self.settings)
            if view:
                self.main.show_pane("batches")
                self._open(view)

        self.start_task(begin())

    def _open(self, view: RunView) -> None:
        self._summed_up = False
        self.main.say("")
        self.main.forget()
        self.start_task(self.session.follow(view))

    def _changed(self) -> None:
        """News from the run: paint now, or once when the redraw rate allows it."""
        now = self.clock()
        wait = self._painted + 1 / self.rate - now
        if wait <= 0:
            self._paint()
        elif not self._paint_due:
            self._paint_due = True
            self.set_timer(wait, self._paint)

    def _paint(self) -> None:
        self._paint_due = False
        self._painted = self.clock()
        if not self.main.is_mounted:
            return
        self.main.repaint()
        if self.mirror.phase and self.mirror.phase.over and not self._summed_up:
            self._summed_up = True
            if self.screen is self.main:
                self.main.commands.do_summary()

    async def _look_at_machine(self) -> None:
        """Gauges of the machine while no run sends any; painted only where the text changed."""
        if self.mirror.working:
            return
        if self._gauges is None:
            from engine.monitor import Monitor

            self._gauges = Monitor().gauges
        self.mirror.idle_gauges = replace(await asyncio.to_thread(self._gauges), mem_peak=0)
        self._paint()

    def is_near(self, slot: int) -> bool:
        """Whether a worker is near its share of memory."""
        update = self.mirror.update
        workers = update.workers if update else ()
        return any(update and worker.slot == slot and worker_mark(worker, update) == "!" for worker in workers)

    def failed(self, sentence: str) -> None:
        """Something did not work: one sentence in a box."""
        words = [self.look.safe(line) for line in sentence.splitlines()] or ["It did not work."]
        self.push_screen(ChoiceDialog("That did not work", words, [Choice("ok", "OK")], role="failed"))

    async def save_settings(self, settings: Settings) -> Path:
        """Write them to the user's file; raises OSError."""
        from engine import config

        return await asyncio.to_thread(config.save, settings)

    def copy(self, path: str) -> str:
        """Send a path to the user's clipboard and into a file; says what was done."""
        data = os.fsencode(path)
        if self._driver:
            self._driver.write(f"\x1b]52;c;{base64.b64encode(data).decode()}\a")
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "imgopt-tui"
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            (state / "copied.txt").write_bytes(data + b"\n")
        except OSError:
            return "sent to the clipboard of your terminal"
        return f"copied, also to {state / 'copied.txt'}"

    def _resumed(self, _: App[object]) -> None:
        """Back from the shell: Textual has set its own mouse mode and believes its picture is still there."""
        self._set_mouse(self._mouse_on)
        self.repaint_all()

    def repaint_all(self) -> None:
        """Paint the whole screen again."""
        self.screen.refresh(layout=True)
        for widget in self.screen.walk_children():
            widget.refresh()

    def toggle_mouse(self) -> bool:
        """Mouse on or off; gives which."""
        self._mouse_on = not self._mouse_on
        self._set_mouse(self._mouse_on)
        return self._mouse_on

    def _set_mouse(self, on: bool) -> None:
        """Clicks and wheel only: reports of every movement would cost more than the whole dashboard."""
        if self._driver and not self.is_headless:
            codes = "\x1b[?1003l" + ("\x1b[?1000h\x1b[?1002h\x1b[?1006h" if on else "\x1b[?1002l\x1b[?1000l\x1b[?1006l")
            self._driver.write(codes)
            self._driver.flush()

    def leave(self, choice: str) -> None:
        """End the screen; a run that was not stopped goes on."""
        run_id = self.mirror.info.run_id if self.mirror.info else ""

        async def close() -> None:
            await self.session.let_go()
            self.exit(AppResult(choice, run_id))

        self.start_task(close())


def _colors(system: str | None, *, plain: bool) -> str:
    if plain:
        return "mono"
    return {"truecolor": "true", "256": "256c", "standard": "16c"}.get(system or "", "true")
