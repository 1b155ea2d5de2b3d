"""The file tree on the screen: listings come from a thread and are added in portions, so that nothing waits."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui import text
from tui.actions import Where, action, here
from tui.canvas import Listing, bindings
from tui.file_tree import FileTree, Mark, Node
from tui.look import Parts
from tui.parts import spread

if TYPE_CHECKING:
    from engine.listing import Entry

__all__ = ["FilesPane"]

PORTION = 1000
"""Entries added before the screen gets its turn: about 2 ms."""


def missing(path: str) -> str:
    """What is wrong with a path that somebody typed; empty when it is there."""
    path = os.path.abspath(os.path.expanduser(path))
    return "" if os.path.exists(path) else f"there is no {path}"


class FilesPane(Listing):
    """Folders and images; Space marks them for the next run."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(here(Where.FILES))]

    def __init__(self, roots: tuple[str, ...], *, id: str) -> None:
        super().__init__(id=id)
        self.model = FileTree(roots)
        self.hidden = False
        self._stop = False
        self._counting = False

    def on_mount(self) -> None:
        """Paint first, read after."""
        self.call_after_refresh(self._open_roots)

    def on_unmount(self) -> None:
        """Counting ends with the screen."""
        self._stop = True

    def _open_roots(self) -> None:
        for node in list(self.model.rows):
            if node.is_folder:
                self._open(node)

    @property
    def total(self) -> int:
        """Visible lines."""
        return len(self.model.rows)

    @property
    def chosen(self) -> Node | None:
        """The line under the cursor."""
        return self.model.rows[self.cursor] if self.model.rows else None

    def draw_row(self, row: int, width: int, *, chosen: bool) -> Parts:
        """Mark, icon, name, counts."""
        node, glyphs = self.model.rows[row], self.look.glyphs
        mark = self.model.mark(node)
        icon = (glyphs.opened if node.open else glyphs.closed) if node.is_folder else glyphs.leaf
        right = self._figures(node).lstrip()
        name = self.look.safe(node.name)
        read = node.settings if self.host.own.project_files else ""
        tuned = "  ".join(filter(None, (self.host.tuned.words(node.path), read)))
        room = width - len(right) - 9 - 2 * node.depth - (len(tuned) + 2 if tuned else 0)
        name = text.cut_left(name, room, glyphs.dots) if not node.depth else text.cut(name, room, glyphs.dots)
        left: Parts = [
            (f" [{mark}] ", "mark" if mark == Mark.SELF else "dim"),
            (f"{'  ' * node.depth}{icon} ", "accent"),
            (name, "strong" if node.is_folder else ""),
            (f"  {tuned}" if tuned else "", "mark"),
        ]
        return spread(left, [(right + " ", "failed" if node.note and node.loaded else "dim")], width)

    def _figures(self, node: Node) -> str:
        if node.note:
            return self.look.safe(node.note)[:40]
        if not node.is_folder:
            return f"{text.size(node.size):>6}"
        if node.counted is None:
            return self.look.glyphs.dots
        return f"{node.counted[0]:>7} {text.size(node.counted[1]):>6}"

    @property
    def foot(self) -> int:
        """What the next run would take."""
        return 1

    def draw_foot(self, y: int, width: int) -> Parts:
        """What the next run would take."""
        roots = self.model.roots()
        key = action("run").first
        long, short = (
            f"nothing is marked (Space marks): {key} takes the folders given at the start",
            f"no marks: {key} takes the roots",
        )
        if roots:
            counted = self.model.marked_size()
            much = f", {text.count(counted[0], 'image')}, {text.size(counted[1])}" if counted else ""
            long, short = (
                f"{text.count(len(roots), 'mark')}{much}: {key} runs what is marked",
                f"{key} takes {len(roots)} marked",
            )
        return [(f" {long if width > len(long) else short}", "mark" if roots else "dim")]

    def redraw(self) -> None:
        """Paint, and count the folders that are visible."""
        super().redraw()
        if self.size and not self._counting and self.is_on_screen:
            self._counting = True
            self.host.start_task(self._count())

    async def _count(self) -> None:
        try:
            while not self._stop:
                rows = self.model.rows[self.top : self.top + self.page]
                node = next((row for row in rows if row.is_folder and row.counted is None and not row.note), None)
                if node is None:
                    return
                node.counted, node.settings = await asyncio.to_thread(self._count_one, node.path)
                super().redraw()
        finally:
            self._counting = False

    def _count_one(self, path: str) -> tuple[tuple[int, int], str]:
        """Images and bytes below, and the file with settings of its own."""
        disk = self.host.disk
        try:
            counted = disk.count_tree(path, hidden=self.hidden, stop=lambda: self._stop)
        except OSError:
            counted = 0, 0
        return counted, disk.project_file(path)

    def _open(self, node: Node) -> None:
        self.model.open(node)
        if not node.loaded:
            node.loaded, node.note = True, "reading" + self.look.glyphs.dots
            self.host.start_task(self._load(node))
        self.redraw()

    async def _load(self, node: Node) -> None:
        """Read a folder in a thread, add what it holds in portions."""
        hidden = self.hidden
        try:
            nodes = await asyncio.to_thread(self._read, node, hidden)
        except OSError as error:
            node.note, node.counted = error.strerror or "cannot be read", (0, 0)
            self.redraw()
            return
        node.note = "" if nodes else "no images here"
        for start in range(0, len(nodes), PORTION):
            if hidden != self.hidden:
                return
            self.model.add(node, nodes[start : start + PORTION])
            await asyncio.sleep(0)
            self.redraw()
        self.redraw()
        self.host.main.row_arrived()

    def _read(self, parent: Node, hidden: bool) -> list[Node]:
        entries: list[Entry] = self.host.disk.list_folder(parent.path, hidden=hidden)
        depth = parent.depth + 1
        return [
            Node(os.path.join(parent.path, entry.name), entry.name, entry.is_folder, depth, entry.size)
            for entry in entries
        ]

    def show_path(self, path: str) -> str:
        """Make a folder the root of the tree; gives what is wrong with the path, or nothing."""
        if wrong := missing(path):
            return wrong
        path = os.path.abspath(os.path.expanduser(path))
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        self.model.show([folder])
        self.cursor = self.top = 0
        self._open_roots()
        self.redraw()
        return ""

    def moved(self) -> None:
        """Another line: the place beside the tabs."""
        self.host.main.row_arrived()

    def do_mark(self) -> None:
        """Mark or unmark, and go on to the next line."""
        if self.chosen:
            self.model.toggle(self.chosen)
            self.move(self.cursor + 1)

    def do_unmark(self) -> None:
        """No marks."""
        self.model.unmark_all()
        self.redraw()

    def do_mark_matching(self) -> None:
        """Mark lines by a pattern."""
        from tui.dialogs import TypeDialog

        def mark(pattern: str | None) -> None:
            if pattern:
                found = text.count(self.model.mark_matching(pattern), "line")
                self.host.main.say(f"{found} marked by {pattern}, of those that are listed here")
                self.redraw()

        hint = "*.png, img_00??.jpg, raw/*: among the lines of open folders"
        self.host.push_screen(TypeDialog("Mark by pattern", "*", hint=hint), mark)

    def do_go_to(self) -> None:
        """Another folder becomes the root of the tree."""
        from tui.dialogs import TypeDialog

        def go(path: str | None) -> None:
            if path is not None:
                self.show_path(path)

        start = self.chosen.path if self.chosen else os.getcwd()
        hint = "a folder, or a file in it; ~ is your home"
        self.host.push_screen(TypeDialog("Go to", start, hint=hint, check=missing), go)

    @property
    def words(self) -> str:
        """What file names must contain."""
        return self.model.words

    def filter_words(self) -> str:
        """The filter in words; empty when all files are shown."""
        return f"/{self.words}" if self.words else ""

    def narrow(self, words: str) -> None:
        """Only files whose name contains ``words``."""
        self.model.narrow(words)
        self.cursor = self.top = 0
        self.redraw()
        self.host.main.row_arrived()

    def do_hidden(self) -> None:
        """Show or hide names that start with a dot."""
        self.hidden = not self.hidden
        self.host.main.say("hidden files are shown" if self.hidden else "hidden files are left out")
        self.model.show([node.path for node in self.model.rows if not node.depth])
        self._open_roots()

    def do_parent(self) -> None:
        """The folder above becomes the root."""
        roots = [node.path for node in self.model.rows if not node.depth]
        if roots:
            self.show_path(os.path.dirname(roots[0]))

    def do_choose(self) -> None:
        """Open or close a folder; mark a file."""
        node = self.chosen
        if node is None:
            return
        if not node.is_folder:
            self.do_mark()
        elif node.open:
            self.do_left()
        else:
            self._open(node)

    def do_right(self) -> None:
        """Open the folder, or go into it."""
        node = self.chosen
        if node and node.is_folder:
            if node.open:
                self.move(self.cursor + 1)
            else:
                self._open(node)

    def do_left(self) -> None:
        """Close the folder, or go to the one it is in."""
        node = self.chosen
        if node and node.open:
            self.model.close(node)
            self.redraw()
        elif node:
            self.move(self.model.parent(self.cursor))
