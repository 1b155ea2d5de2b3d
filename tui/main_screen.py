"""The one screen everything happens on: which panes are visible, and what the lines around them say."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from tui.actions import MAIN, Where, action, here
from tui.canvas import Canvas, bindings
from tui.frame import TABS, KeyLine, MessageLine, Rule, Tabs, TinyLine
from tui.header import Header
from tui.look import Parts
from tui.paced import Paced
from tui.panes import Panes

if TYPE_CHECKING:
    from engine.view import ImageRow, RunView
    from tui.commands import Commands

__all__ = ["MainScreen", "visible"]

WIDE = (148, 36)
TINY = (60, 16)
LOW = 20
"""Below this many lines the gauges go."""
SAID = 5.0
"""Seconds a message stays; after that the line says again what the cursor is on."""
_TITLES = {
    "files": "Files",
    "batches": "Batches",
    "images": "Images",
    "side": "Machine",
    "details": "Chosen image",
    "tune": "Tune",
    "log": "Log",
}
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
        super().__init__()
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


class MainScreen(Panes, Paced[None], inherit_bindings=False):
    """Header, tabs, panes, message, keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(*MAIN))]
    AUTO_FOCUS = None

    def __init__(self, roots: tuple[str, ...], active: str) -> None:
        super().__init__(roots)
        self.active = active
        self.is_alone = False
        self._said = ("", -SAID)
        self._heeded = ""
        """The run's message that was there when a key was pressed: it is not shown any more."""
        self._about: list[Canvas] = [MessageLine(), Tabs()]
        """Lines that speak of what the cursor is on."""
        self._header: list[Canvas] = [Header(id="header"), Rule()]
        self._frame: list[Canvas] = [self._about[1], Rule(), self._about[0], KeyLine()]
        """All other lines around the panes."""
        self._tiny = TinyLine()
        self._boxes = {name: Vertical(id=f"{name}-box", classes="pane" if name in TABS else "") for name in _TITLES}
        self._body, self._middle, self._bottom = Horizontal(id="body"), Vertical(id="middle"), Horizontal(id="bottom")
        self._titles: list[PaneTitle] = []
        self._walls = (Wall(), Wall(), Wall())
        """Mounted when there is room for several panes; the last one stands in the lower row."""
        self._others: list[Canvas] = []
        """What is drawn with every update and fetches nothing itself."""

    @cached_property
    def commands(self) -> Commands:
        """What the keys do that work everywhere."""
        from tui.commands import Commands

        return Commands(self)

    def action_act(self, id: str) -> None:
        """Run an action of the registry."""
        self.heed()
        getattr(self.commands, f"do_{id}")()

    def compose(self) -> ComposeResult:
        """Places for all panes; a size decides which are shown, and ``place_panes`` fills them."""
        yield self._tiny
        yield from self._header
        yield self._frame[0]
        with self._body:
            yield self._boxes["files"]
            with self._middle:
                yield self._boxes["batches"]
                yield self._boxes["images"]
            yield self._boxes["side"]
        with self._bottom:
            yield self._boxes["details"]
            yield self._boxes["tune"]
            yield self._boxes["log"]
        yield from self._frame[1:]

    def on_mount(self) -> None:
        """The panes of this size."""
        self.set_class(self.host.look.ascii_only, "-ascii7")
        self.place_panes()

    def on_resize(self) -> None:
        """Another size may show other panes."""
        self.place_panes()

    def on_screen_suspend(self) -> None:
        """A box opened over the panes."""
        if "tune" in vars(self):
            self.tune.picture_over.hide()

    def on_screen_resume(self) -> None:
        """A box closed: what it changed was not painted while it was open."""
        self.call_after_refresh(self.repaint)

    def place_panes(self) -> None:
        """Show what this size has room for, focus the active pane."""
        width, height = self.app.size
        shown = visible(width, height, self.active, alone=self.is_alone)
        wide, tuning = len(shown) > 1, self.active == "tune"
        self.set_class(wide, "-wide")
        self.set_class(height < LOW, "-low")
        self.set_class(tuning and wide, "-tuning")
        self._fill(shown, wide=wide)
        self._tiny.display = not shown
        for line in self._frame:
            line.display = bool(shown)
        for line in self._header:
            line.display = bool(shown) and (wide or not tuning)
        for line in (*self._titles, *self._walls):
            line.display = wide
        self._walls[-1].display = "details" in shown
        for name, box in self._boxes.items():
            box.display = name in shown
        self._middle.display = bool({"batches", "images"} & shown)
        self._body.display = bool({"files", "batches", "images"} & shown)
        self._bottom.display = bool({"log", "tune"} & shown)
        if shown:
            self.pane(self.active).focus()
        else:
            self.set_focus(None)
        self.call_after_refresh(self.repaint)

    def _fill(self, shown: set[str], *, wide: bool) -> None:
        """Make and mount what is shown for the first time."""
        for name in shown:
            part = self.part(name)
            if part.parent is None:
                title = PaneTitle(_TITLES[name], name if name in TABS else "")
                self._boxes[name].mount(title, part)
                self._titles.append(title)
        if wide and self._walls[0].parent is None:
            for wall, after in zip(self._walls, (self._middle, self._boxes["side"], self._boxes["tune"]), strict=True):
                (self._bottom if after is self._boxes["tune"] else self._body).mount(wall, before=after)
        of_the_run = self.of_the_run
        self._others = [canvas for canvas in self.walk_children(Canvas) if canvas not in of_the_run]

    def show_pane(self, name: str) -> None:
        """Make a pane the active one."""
        self.active = name
        self.place_panes()

    def repaint(self) -> None:
        """Draw everything that changed; called at most as often as the redraw rate says."""
        for pane in self.of_the_run:
            pane.refresh_data()
        for canvas in self._others:
            canvas.redraw()

    def forget(self) -> None:
        """Another run begins."""
        self._heeded = ""
        for pane in self.of_the_run:
            pane.forget()

    def heed(self) -> None:
        """A key was pressed: what the run said until now is let go."""
        said = self.host.mirror.update.message if self.host.mirror.update else ""
        if said != self._heeded:
            self._heeded = said
            self.row_arrived()

    def row_arrived(self) -> None:
        """Cursor or facts under it changed: the lines that speak of them."""
        if self.is_mounted:
            details = [self.details] if "details" in vars(self) else []
            for canvas in (*self._about, *details):
                canvas.redraw()

    def say(self, words: str) -> None:
        """Show a message for a few seconds."""
        self._said = (words, self.host.clock())
        self.row_arrived()

    def message(self) -> tuple[str, str]:
        """Text and role of the message line: what is wrong, what was just said, what the cursor is on, what the run
        said since the last key."""
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
        said = mirror.update.message if mirror.update else ""
        return (f"from the run: {said}" if said and said != self._heeded else ""), "warn"

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
        words = self.host.look.safe(pane.filter_words())
        before = f"{words}  " if words else ""
        return before + f"{min(pane.cursor + 1, pane.total)} of {pane.total}" if pane.total else ""

    def chosen_row(self) -> ImageRow | None:
        """The image that details are shown of; None in a list that a filter leaves empty."""
        if self.active == "images":
            return self.images.chosen
        return self.grid.row if "grid" in vars(self) else None

    def show_row(self, row: ImageRow) -> None:
        """All facts of an image in a box."""
        from tui.details import ImageDialog, image_lines

        mirror, width = self.host.mirror, min(78, self.app.size.width) - 2
        lines = image_lines(row, self.host.look, width, mirror.gauges, mirror.batch_size)
        self.app.push_screen(ImageDialog(row, lines))

    def show_image(self, index: int) -> None:
        """The same for an image that may not be here yet."""
        from engine.view import Window

        async def show(view: RunView) -> None:
            page = await view.rows(Window(offset=index, count=1))
            if page.rows:
                self.show_row(page.rows[0])

        self.host.start_task(self.host.session.tell(show))

    def read(self, title: str, paragraphs: list[str]) -> None:
        """Text in a box."""
        from tui.dialogs import ReadDialog, plain_lines

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
