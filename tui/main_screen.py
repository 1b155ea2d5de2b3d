"""The one screen everything happens on: which panes are visible, and what the lines around them say."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from engine.view import ImageRow, RunView, Window
from tui.actions import MAIN, Where, action, here
from tui.canvas import Canvas, Listing, bindings
from tui.commands import Commands
from tui.details import DetailsPane, ImageDialog, image_lines
from tui.dialogs import ReadDialog, plain_lines
from tui.files_pane import FilesPane
from tui.frame import TABS, KeyLine, MessageLine, Rule, Tabs, TinyLine
from tui.grid import BatchGrid
from tui.header import Header
from tui.images_pane import ImagesPane
from tui.log_pane import LogPane
from tui.look import Parts
from tui.paced import Paced
from tui.side import SidePane
from tui.tune_pane import TunePane

__all__ = ["MainScreen", "visible"]

WIDE = (148, 36)
TINY = (60, 16)
LOW = 20
"""Below this many lines the gauges go."""
SAID = 5.0
"""Seconds a message stays; after that the line says again what the cursor is on."""
_OWNERS = {
    Where.FILES: "files",
    Where.BATCHES: "batches",
    Where.IMAGES: "images",
    Where.TUNING: "tune",
    Where.LOG: "log",
}


def visible(width: int, height: int, active: str, *, alone: bool) -> set[str]:
    """Which panes a screen of that size shows: nothing but a line, the active pane, or all."""
    if width < TINY[0] or height < TINY[1]:
        return set()
    if width >= WIDE[0] and height >= WIDE[1] and not alone:
        return {*TABS, "side", "details"} - ({"log", "details"} if active == "tune" else {"tune"})
    return {active}


class PaneTitle(Canvas):
    """The name of a pane where several are visible."""

    def __init__(self, name: str, pane: str = "") -> None:
        super().__init__(classes="pane-title")
        self._title, self._pane = name, pane

    def draw(self, y: int, width: int) -> Parts:
        """A rule with the name in it."""
        rule = self.look.glyphs.rule
        on = self._pane and self._pane == self.host.main.active
        label = f"[{self._title}]" if on else f" {self._title} "
        return [(rule, "rule"), (label, "title" if on else "dim"), (rule * max(0, width - len(label) - 1), "rule")]


class Wall(Canvas):
    """A vertical line between panes."""

    def draw(self, y: int, width: int) -> Parts:
        """One cell."""
        return [(self.look.glyphs.wall, "rule")]


class MainScreen(Paced[None], inherit_bindings=False):
    """Header, tabs, panes, message, keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(*MAIN))]
    AUTO_FOCUS = None

    def __init__(self, roots: tuple[str, ...], active: str) -> None:
        super().__init__()
        self.active = active
        self.is_alone = False
        self.commands = Commands(self)
        self._said = ("", -SAID)
        self.files = FilesPane(roots, id="files")
        self.grid = BatchGrid(id="batches")
        self.images = ImagesPane(id="images")
        self.tune = TunePane(id="tune")
        self.log_pane = LogPane(id="log")
        self._details = DetailsPane()
        self._about: list[Canvas] = [MessageLine(classes="frame"), Tabs(classes="frame"), self._details]
        self._others: list[Canvas] = []

    def action_act(self, id: str) -> None:
        """Run an action of the registry."""
        getattr(self.commands, f"do_{id}")()

    def compose(self) -> ComposeResult:
        """All panes are always there; a size decides which are shown."""
        yield TinyLine(id="tiny")
        yield Header(id="header")
        yield Rule(id="header-rule", classes="frame")
        yield self._about[1]
        with Horizontal(id="body"):
            with Vertical(id="files-box", classes="pane"):
                yield PaneTitle("Files", "files")
                yield self.files
            yield Wall(classes="wall")
            with Vertical(id="middle"):
                with Vertical(id="batches-box", classes="pane"):
                    yield PaneTitle("Batches", "batches")
                    yield self.grid
                with Vertical(id="images-box", classes="pane"):
                    yield PaneTitle("Images", "images")
                    yield self.images
            yield Wall(classes="wall")
            with Vertical(id="side"):
                yield PaneTitle("Machine")
                yield SidePane()
        with Horizontal(id="bottom"):
            with Vertical(id="details-box"):
                yield PaneTitle("Chosen image")
                yield self._details
            yield Wall(classes="wall bottom-wall")
            with Vertical(id="tune-box", classes="pane"):
                yield PaneTitle("Tune", "tune")
                yield self.tune
            with Vertical(id="log-box", classes="pane"):
                yield PaneTitle("Log", "log")
                yield self.log_pane
        yield Rule(classes="frame")
        yield self._about[0]
        yield KeyLine(classes="frame")

    def on_mount(self) -> None:
        """The panes of this size."""
        self.set_class(self.host.look.ascii_only, "-ascii7")
        self._others = [canvas for canvas in self.query(Canvas) if canvas not in (self.grid, self.log_pane)]
        self.place_panes()

    def on_resize(self) -> None:
        """Another size may show other panes."""
        self.place_panes()

    def on_screen_suspend(self) -> None:
        """A box opened over the panes."""
        self.tune.picture_over.hide()

    def on_screen_resume(self) -> None:
        """A box closed: what it changed was not painted while it was open."""
        self.call_after_refresh(self.repaint)

    def place_panes(self) -> None:
        """Show what this size has room for, focus the active pane."""
        width, height = self.app.size
        shown = visible(width, height, self.active, alone=self.is_alone)
        wide = len(shown) > 1
        self.set_class(wide, "-wide")
        self.set_class(height < LOW, "-low")
        tuning = self.active == "tune"
        self.set_class(tuning and wide, "-tuning")
        self.query_one("#tiny").display = not shown
        for frame in self.query(".frame"):
            frame.display = bool(shown)
        for header in self.query("#header, #header-rule"):
            header.display = bool(shown) and (wide or not tuning)
        for box in self.query(".pane-title, .wall, #side, #details-box"):
            box.display = wide
        for box in self.query("#details-box, .bottom-wall"):
            box.display = "details" in shown
        for name in TABS:
            self.query_one(f"#{name}-box").display = name in shown
        self.query_one("#middle").display = bool({"batches", "images"} & shown)
        self.query_one("#body").display = bool({"files", "batches", "images"} & shown)
        self.query_one("#bottom").display = bool({"log", "tune"} & shown)
        if shown:
            self.pane(self.active).focus()
        else:
            self.set_focus(None)
        self.call_after_refresh(self.repaint)

    def pane(self, name: str) -> Listing:
        """One of the panes by its name."""
        panes: dict[str, Listing] = {
            "files": self.files,
            "batches": self.grid,
            "images": self.images,
            "tune": self.tune,
            "log": self.log_pane,
        }
        return panes[name]

    def show_pane(self, name: str) -> None:
        """Make a pane the active one."""
        self.active = name
        self.place_panes()

    def repaint(self) -> None:
        """Draw everything that changed; called at most as often as the redraw rate says."""
        self.grid.refresh_data()
        self.images.refresh_data()
        self.log_pane.refresh_data()
        for canvas in self._others:
            canvas.redraw()

    def forget(self) -> None:
        """Another run begins."""
        self.grid.forget()
        self.images.forget()
        self.log_pane.forget()

    def row_arrived(self) -> None:
        """Cursor or facts under it changed: the lines that speak of them."""
        if self.is_mounted:
            for canvas in self._about:
                canvas.redraw()

    def say(self, words: str) -> None:
        """Show a message for a few seconds."""
        self._said = (words, self.host.clock())
        self.row_arrived()

    def message(self) -> tuple[str, str]:
        """Text and role of the message line: what is wrong, what was just said, what the cursor is on."""
        mirror = self.host.mirror
        if mirror.lost:
            return mirror.lost, "failed"
        if mirror.update and mirror.update.waits_for:
            return mirror.update.waits_for, "failed"
        words, at = self._said
        if words and self.host.clock() - at < SAID:
            return words, "warn"
        about: tuple[str, str] = ("", "")
        if self.active == "images":
            about = self.images.describe()
        elif self.active == "tune":
            about = self.tune.describe()
        elif self.active == "batches" and not (self.grid.following and mirror.working):
            about = self.grid.describe()
        if about[0]:
            return about
        return (mirror.update.message if mirror.update else ""), "warn"

    def place(self) -> str:
        """Where in the active pane the cursor is."""
        mirror = self.host.mirror
        if self.active == "batches":
            follow = "follow  " if self.grid.following and mirror.working and self.size.width >= 72 else ""
            return f"{follow}batch {self.grid.batch_number + 1} of {mirror.batches}" if mirror.batches else ""
        if self.active == "images":
            images = self.images
            words = self.host.look.safe(images.filter_words())
            sort = "" if images.window.sort == "index" else f"by {images.window.sort}  "
            return f"{words + '  ' if words else ''}{sort}{min(images.cursor + 1, images.total)} of {images.total}"
        pane = self.pane(self.active)
        narrowed = {"log": self.log_pane.filter_words(), "files": self.files.filter_words()}.get(self.active, "")
        before = f"{self.host.look.safe(narrowed)}  " if narrowed else ""
        return before + f"{min(pane.cursor + 1, pane.total)} of {pane.total}" if pane.total else ""

    def chosen_row(self) -> ImageRow | None:
        """The image that details are shown of."""
        if self.active == "images" and self.images.chosen:
            return self.images.chosen
        return self.grid.row

    def show_row(self, row: ImageRow) -> None:
        """All facts of an image in a box."""
        mirror, width = self.host.mirror, min(78, self.app.size.width) - 2
        lines = image_lines(row, self.host.look, width, mirror.gauges, mirror.batch_size)
        self.app.push_screen(ImageDialog(row, lines))

    def show_image(self, index: int) -> None:
        """The same for an image that may not be here yet."""

        async def show(view: RunView) -> None:
            page = await view.rows(Window(offset=index, count=1))
            if page.rows:
                self.show_row(page.rows[0])

        self.host.start_task(self.host.session.tell(show))

    def read(self, title: str, paragraphs: list[str]) -> None:
        """Text in a box."""
        width = min(78, self.app.size.width) - 4
        self.app.push_screen(ReadDialog(title, plain_lines(paragraphs, self.host.look.safe, width)))

    def perform(self, id: str) -> None:
        """Run any action by its id, in the pane it belongs to."""
        where = action(id).where
        owner = _OWNERS.get(where)
        if owner:
            self.show_pane(owner)
            self.pane(owner).action_act(id)
        else:
            self.action_act(id)
