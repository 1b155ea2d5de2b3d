"""The list of images that runs leave out because they crashed or hung workers, and another try for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from engine.errors import ImgoptError
from tui import text
from tui.actions import Where, action, here
from tui.canvas import Listing, bindings
from tui.details import fact_lines
from tui.dialogs import Dialog, Title
from tui.look import Parts
from tui.parts import spread

if TYPE_CHECKING:
    from engine.quarantine import SetAside

__all__ = ["SetAsideDialog"]

FOOT = 7
"""Lines that say all about the image under the cursor."""


def read() -> list[SetAside]:
    """All of them; raises RunnerError."""
    from engine import quarantine

    return quarantine.set_aside()


def release(images: Sequence[SetAside]) -> int:
    """The next run tries these again; returns how many. Raises RunnerError."""
    from engine import quarantine

    return quarantine.release(images)


class SetAsideList(Listing):
    """Images under a cursor: when, workers they cost, bytes, path; below them all about the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings([*here(Where.ASIDE), action("copy")])]
    head = 1

    def __init__(self) -> None:
        super().__init__()
        self.images: Sequence[SetAside] = ()
        self.words = "reading the journal"

    @property
    def total(self) -> int:
        """Images."""
        return len(self.images)

    @property
    def foot(self) -> int:
        """Where that leaves some room for the list."""
        return FOOT if self.images and self.drawn.height >= FOOT + 4 else 0

    def draw_head(self, y: int, width: int) -> Parts:
        """Titles, or why there is nothing below them."""
        if not self.images:
            return [(f" {text.cut(self.look.safe(self.words), width - 2)}", "dim")]
        return [("   LAST TRY          WORKERS   SIZE  FILE", "dim")]

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """One image; the end of its path says more than the beginning."""
        image = self.images[row]
        pointer = self.look.glyphs.pointer if chosen else " "
        left: Parts = [
            (f" {pointer} {time.strftime('%Y-%m-%d %H:%M', time.localtime(image.at))}  ", "strong"),
            (f"{image.deaths:>7}", "failed"),
            (f"  {text.size(image.size):>5}  ", ""),
        ]
        room = max(8, width - sum(len(part) for part, _ in left) - 1)
        return spread([*left, (text.cut_left(self.look.safe(image.path), room, self.look.glyphs.dots), "")], [], width)

    def draw_foot(self, y: int, width: int) -> Parts:
        """Why the one under the cursor was set aside, and what to do."""
        if y == 0:
            return [(self.look.glyphs.rule * width, "rule")]
        image = self.images[min(self.cursor, self.total - 1)]
        facts = [
            ("file", image.path, "strong"),
            ("why", f"{image.reason}, {text.count(image.deaths, 'time')}, last in run {image.run}", "failed"),
            ("so", "runs leave it out; the original is untouched", ""),
            ("to do", f"{image.advice}; Enter takes it off this list, and the next run tries it", "strong"),
        ]
        lines = fact_lines(facts, self.look, width)
        return lines[y - 1] if y <= len(lines) else []

    def moved(self) -> None:
        """The lines at the bottom are about another image."""
        self.redraw()

    def do_choose(self) -> None:
        """Try the one under the cursor again."""
        if self.images:
            self._again([self.images[self.cursor]])

    def do_again_all(self) -> None:
        """Try all again."""
        self._again(self.images)

    def do_copy(self) -> None:
        """The path of the one under the cursor."""
        if self.images:
            self._title(self.host.copy(self.images[self.cursor].path))

    def _again(self, images: Sequence[SetAside]) -> None:
        if images:
            self.host.start_task(self._release(images))

    async def _release(self, images: Sequence[SetAside]) -> None:
        """Hold nothing against them, and tell a run at work that left them out."""
        commands = self.host.main.commands
        try:
            await asyncio.to_thread(release, images)
            now = await commands.retry_set_aside([image.path for image in images])
        except (ImgoptError, OSError) as error:
            self.host.failed(str(error))
            return
        when = f"; the run at work tries {text.count(now, 'image')} now" if now else ""
        self._title(f"the next run tries {text.count(len(images), 'image')} again{when}")
        await self.read()

    def _title(self, words: str) -> None:
        title = self.screen.query(Title).first()
        title.words = words
        title.redraw()

    async def read(self) -> None:
        """Look at the journal."""
        try:
            self.images = await asyncio.to_thread(read)
            self.words = "no image is set aside: none crashed or hung workers twice"
        except ImgoptError as error:
            self.words = str(error)
        self.redraw()


class SetAsideDialog(Dialog[None]):
    """The list, with its keys below it."""

    def __init__(self) -> None:
        super().__init__(wide=120, high=28)

    def content(self) -> ComposeResult:
        """Title, images, keys."""
        yield Title("Set aside: images that crashed or hung workers")
        yield SetAsideList()
        again, copy = action("again_all"), action("copy")
        yield Title(f"Enter tries it again, {again.first} all, {copy.first} copies its path, Esc goes back", "dim")

    def on_mount(self) -> None:
        """Read beside the screen."""
        super().on_mount()
        self.host.start_task(self.query_one(SetAsideList).read())
