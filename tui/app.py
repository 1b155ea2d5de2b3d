"""The application: puts mirror, session and screen together and paces the redraws."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.screen import Screen

from engine.errors import ConfigError
from engine.folder_settings import FolderRules, FolderSettings, fixed_after
from engine.settings import Settings
from tui.disk import Disk
from tui.driver import LinkDriver
from tui.gauges import worker_mark
from tui.header import Link
from tui.look import Look
from tui.main_screen import MainScreen
from tui.mirror import Mirror
from tui.painter import Painter
from tui.palettes import Theme
from tui.panes import load_all
from tui.pens import Depth, Pens
from tui.saved_settings import SavedSettings
from tui.session import Launcher, Session
from tui.tuned import Tuned

if TYPE_CHECKING:
    from engine.tuning import ImageTuner
    from engine.view import Gauges, RunView
    from tui.graphics import Graphics
    from tui.tuning_estimate import Estimator

if TYPE_CHECKING:
    from engine.estimate import Estimate

__all__ = ["AppResult", "ImgoptApp", "Launcher"]

_COLORS = {Depth.NONE: "mono", Depth.SIXTEEN: "16c", Depth.MANY: "256c", Depth.TRUE: "true"}
LOAD_AFTER = 0.5
"""Seconds after the first picture until the rest of the screen is loaded, beside it."""
IDLE = 5.0
"""Seconds between two looks at the machine while no run is open."""


@dataclass(frozen=True, slots=True)
class AppResult:
    """What the user chose when leaving."""

    choice: str
    """``nothing`` (no run was open), ``over`` (the run had ended), ``lost`` (its runner did not answer any more),
    ``left`` (it goes on), ``stopping`` (after the images in work) or ``stopped``."""
    run_id: str = ""


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
        own: FolderSettings | None = None,
        launcher: Launcher,
        view: RunView | None = None,
        start: bool = False,
        ascii_only: bool,
        depth: Depth = Depth.MANY,
        theme: Theme | None = None,
        mouse: bool,
        clock: Callable[[], float] = time.monotonic,
        disk: Disk | None = None,
        gauges: Callable[[], Gauges] | None = None,
        tuner: Callable[[], ImageTuner] | None = None,
        estimator: Estimator | None = None,
        graphics: Graphics | None = None,
    ) -> None:
        plain, few = depth is Depth.NONE, depth is Depth.SIXTEEN
        self._theme = theme or Theme()
        self.look = Look(ascii_only=ascii_only, plain=plain, palette=self._theme.palette(few=few))
        super().__init__(ansi_color=plain or few, driver_class=LinkDriver)
        del self._filters[1:]  # what Textual makes of NO_COLOR: there are greys in it
        self.animation_level = "none"
        self.roots = tuple(roots)
        self.settings = settings
        self.own = own or FolderSettings()
        self.clock = clock
        self.disk = disk or Disk()
        self.mirror = Mirror()
        self.session = Session(self.mirror, launcher, changed=self._changed, failed=self.failed)
        self.broken: Exception | None = None
        """What ended the screen, if it was a fault."""
        self.limit = 10
        """Redraws a second the user wants at most."""
        self.main = MainScreen(self.roots, "batches" if view or start else "files")
        self._first_view, self._start = view, start
        self._gauges = gauges
        self._new_tuner, self._estimator = tuner, estimator
        self.tuned = Tuned()
        self._graphics = graphics
        self._mouse_on = mouse
        self.saved = SavedSettings()
        self._painted = -1.0
        self._paint_due = False
        self._paint_held = self._frame_held = self._frame_dropped = False
        self._summed_up = False
        self._painter = Painter(Pens(depth))
        self._colors = _COLORS[depth]

    @property
    def link(self) -> Link:
        """For line 1."""
        over = "ssh" if os.environ.get("SSH_CONNECTION") else ""
        return Link(socket.gethostname(), over, self._colors, self.rate)

    @property
    def rate(self) -> int:
        """Redraws a second at most: what the user wants and the link carries."""
        return min(self.limit, self._driver.pace.rate) if isinstance(self._driver, LinkDriver) else self.limit

    @property
    def wants_background(self) -> bool:
        """Whether the terminal is to be asked if it is light or dark."""
        return self._theme.light is None and not self.look.plain

    def background_is(self, light: bool | None) -> None:
        """The terminal has answered; None where the answer says nothing."""
        self._theme = replace(self._theme, light=bool(light))
        if light != self.look.palette.light:
            self.look.take(self._theme.palette(few=self.look.palette.few))
            self.refresh_css(animate=False)
            self.repaint_all()

    def get_css_variables(self) -> dict[str, str]:
        """Textual's, and the colours our stylesheet speaks of."""
        return {**super().get_css_variables(), **self.look.variables}

    def get_default_screen(self) -> MainScreen:
        """The one screen."""
        return self.main

    def on_mount(self) -> None:
        """Paint first; then attach or start."""
        self.app_resume_signal.subscribe(self, self._resumed)
        self.set_interval(IDLE, self._look_at_machine)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.freeze()
        gc.enable()  # see start.py
        self.set_timer(LOAD_AFTER, lambda: self.start_task(asyncio.to_thread(load_all)))
        self.start_task(self.saved.read())
        if self._first_view:
            self.open_view(self._first_view)
        elif self._start:
            self.run_on(self.roots)
        else:
            self.start_task(self._look_at_machine())

    def start_task(self, work: Awaitable[object]) -> None:
        """Run something beside the screen; it ends with the application."""

        async def run() -> None:
            await work

        self.run_worker(run())

    def make_tuner(self) -> ImageTuner:
        """What measures one image; it starts a worker of its own when it is used first."""
        if self._new_tuner is None:
            from engine.tuner import Tuner

            return Tuner()
        return self._new_tuner()

    @property
    def graphics(self) -> Graphics:
        """What the terminal draws beside text; nothing where it was not asked."""
        from tui.graphics import TEXT_ONLY

        return self._graphics or TEXT_ONLY

    def estimator(self) -> Estimator:
        """What estimates a run from a sample."""
        return self._estimator or self._estimate

    def _estimate(
        self, roots: Sequence[str], settings: Settings, *, progress: Callable[[Estimate], None]
    ) -> Awaitable[Estimate]:
        """Of a run whose options are ``settings``: they hold whatever project files say."""
        from engine.estimate import QUICK, estimate

        own = replace(self.own, fixed=fixed_after(self.own.fixed, self.settings, settings))
        return estimate(roots, settings, own=own, sample=QUICK, progress=progress)

    def paint_soon(self) -> None:
        """Something is known that was not: paint it as soon as the redraw rate allows."""
        self._changed()

    def take_settings(self, settings: Settings, said: Collection[str] = ()) -> None:
        """What was changed by hand, or ``said`` by a preset, holds for the whole of the next run, whatever project
        files say."""
        fixed = fixed_after(self.own.fixed, self.settings, settings, said)
        self.own, self.settings = replace(self.own, fixed=fixed), settings

    @property
    def folder_settings(self) -> FolderSettings:
        """What the next run is told of single folders: project files are read, and what was tuned is followed."""
        return replace(self.own, given=self.tuned.by_path)

    def settings_of(self, path: str) -> Settings:
        """What the next run has for one image; those of the whole run where its folder's are wrong, which is said."""
        folder, name = os.path.split(path)
        try:
            return FolderRules(self.settings, self.folder_settings).of_image(os.path.realpath(folder), name)
        except ConfigError as error:
            self.main.say(str(error).splitlines()[0])
            return self.settings

    def run_on(self, roots: Sequence[str]) -> None:
        """Start a run on these folders and files."""
        self.main.say("starting a run")

        async def begin() -> None:
            view = await self.session.start(roots, self.settings, self.folder_settings)
            if view:
                self.main.show_pane("batches")
                self.open_view(view)

        self.start_task(begin())

    def open_view(self, view: RunView) -> None:
        """Show this run from now on."""
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
        if not self.may_paint():
            self._paint_held = True
            return
        self._painted = self.clock()
        if not self.main.is_mounted:
            return
        self.main.repaint()
        if self.mirror.phase and self.mirror.phase.over and not self._summed_up:
            self._summed_up = True
            if self.screen is self.main:
                self.main.commands.do_summary()

    def may_paint(self) -> bool:
        """Whether the link takes a frame now; if not, ``link_free`` is called as soon as it does."""
        free = not isinstance(self._driver, LinkDriver) or self._driver.free
        self._frame_held = self._frame_held or not free
        return free

    def link_free(self) -> None:
        """The link takes a frame: paint what waited for that."""
        if self._frame_dropped:
            self._frame_dropped = False
            self.screen.refresh()
        if self._frame_held:
            self._frame_held = False
            self.screen.check_idle()
        if self._paint_held:
            self._paint_held = False
            self._changed()

    def _display(self, screen: Screen[object], renderable: Any) -> None:
        """Textual has rendered something. A frame that the link does not take is dropped, and all is painted later."""
        driver = self._driver
        if not isinstance(driver, LinkDriver) or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if self._running and not self._closed and not self._batch_count:
            if driver.free:
                cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
                frame = self._painter.frame(renderable, self.screen.outer_size, cursor)
                if frame:
                    driver.send_frame(f"{SYNC_START}{frame}{SYNC_END}" if self._sync_available else frame)
            else:
                self._frame_dropped = True
        self.post_display_hook()

    async def _look_at_machine(self) -> None:
        """Gauges of the machine while no run sends any; painted only where the text changed."""
        if self.mirror.working:
            return
        if self._gauges is None:
            from engine.monitor import Monitor

            self._gauges = Monitor().gauges
        self.mirror.idle_gauges = replace(await asyncio.to_thread(self._gauges), mem_peak=0)
        self._paint()

    def _fatal_error(self) -> None:
        """Something of ours broke: the screen ends; ``start`` says it in one sentence, the log holds the details."""
        self.broken = self._exception or RuntimeError("unknown")
        logging.getLogger("imgopt-tui").error("the dashboard broke down", exc_info=self.broken)
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """The same, for what Textual itself finds wrong."""
        self._fatal_error()

    def is_near(self, slot: int) -> bool:
        """Whether a worker is near its share of memory."""
        update = self.mirror.update
        workers = update.workers if update else ()
        return any(update and worker.slot == slot and worker_mark(worker, update) == "!" for worker in workers)

    def failed(self, sentence: str) -> None:
        """Something did not work: one sentence in a box."""
        from tui.dialogs import Choice, ChoiceDialog

        words = [self.look.safe(line) for line in sentence.splitlines()] or ["It did not work."]
        self.push_screen(ChoiceDialog("That did not work", words, [Choice("ok", "OK")], role="failed"))

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

    async def _on_resize(self, event: events.Resize) -> None:
        """Another size, perhaps for a moment only: what the terminal has cut off since, nobody else can know."""
        seen = self._size is not None
        await super()._on_resize(event)
        if seen:
            self._painter.forget()
            self.screen.refresh()

    def _resumed(self, _: App[object]) -> None:
        """Back from the shell: the picture is gone."""
        self.repaint_all()

    def repaint_all(self) -> None:
        """Paint the whole screen again."""
        self._painter.forget()
        self.screen.refresh(layout=True)
        for widget in self.screen.walk_children():
            widget.refresh()

    def toggle_mouse(self) -> bool:
        """Mouse on or off; gives which."""
        self._mouse_on = not self._mouse_on
        if isinstance(self._driver, LinkDriver):
            self._driver.set_mouse(self._mouse_on)
        return self._mouse_on

    def leave(self, choice: str) -> None:
        """End the screen; a run that was not stopped goes on."""
        run_id = self.mirror.info.run_id if self.mirror.info else ""

        async def close() -> None:
            await self.session.let_go()
            self.exit(AppResult(choice, run_id))

        self.start_task(close())
