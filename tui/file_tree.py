"""The model of the file tree: which lines are visible, what is marked. Knows no screen and no disk."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["FileTree", "Mark", "Node"]


@dataclass(slots=True, eq=False)
class Node:
    """A folder or a file."""

    path: str
    name: str
    is_folder: bool
    depth: int
    size: int = 0
    open: bool = False
    loaded: bool = False
    note: str = ""
    """Shown instead of counts: reading, or why it could not be read."""
    counted: tuple[int, int] | None = None
    """Images and bytes below a folder, once known."""
    settings: str = ""
    """Name of the file in a folder that has settings of its own; empty without one, and until that is known."""
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None
    below: int = 0
    """Lines under it while it is open."""


class Mark:
    """How a line is marked."""

    NONE = " "
    SELF = "x"
    ABOVE = "."
    """A folder above it is marked."""
    INSIDE = "-"
    """Something inside it is marked."""


class FileTree:
    """A flat list of visible nodes over the tree, and the marked ones in the order of marking."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.marked: dict[str, Node] = {}
        self.words = ""
        """Only files whose name contains this are lines; folders always are."""
        self._inside: Counter[str] = Counter()
        """Folder → how many marks lie somewhere in it."""
        self._roots: list[Node] = []
        self.rows: list[Node] = []
        self.show(roots)

    def show(self, roots: Sequence[str]) -> None:
        """Begin again with these roots; marks stay."""
        self._roots = [Node(path, path, os.path.isdir(path), 0) for path in dict.fromkeys(map(os.path.abspath, roots))]
        self.rows = list(self._roots)

    def _is_line(self, node: Node) -> bool:
        return node.is_folder or not self.words or self.words in node.name.casefold()

    def narrow(self, words: str) -> None:
        """Only files whose name contains ``words``, capitals or not; empty: all."""
        self.words = words.casefold()
        self.rows = []
        for root in self._roots:
            self._count_again(root)
            self.rows += [root, *(self._lines_under(root) if root.open else ())]

    def _count_again(self, node: Node) -> None:
        for child in node.children:
            if child.is_folder:
                self._count_again(child)
        lines = (child for child in node.children if self._is_line(child))
        node.below = sum(1 + (child.below if child.open else 0) for child in lines)

    def add(self, parent: Node, nodes: Iterable[Node]) -> None:
        """Append children to a folder; call it in portions to stay quick."""
        new = list(nodes)
        for node in new:
            node.parent = parent
        lines = [node for node in new if self._is_line(node)]
        if parent.open and parent in self.rows:
            at = self.rows.index(parent) + 1 + parent.below
            self.rows[at:at] = lines
        parent.children += new
        self._grow(parent, len(lines))

    def _grow(self, node: Node | None, lines: int) -> None:
        """So many lines more under a folder, and under those it is an open part of."""
        while node is not None:
            node.below += lines
            node = node.parent if node.open else None

    def open(self, node: Node) -> None:
        """Show what is known of a folder's children."""
        if node.is_folder and not node.open:
            at = self.rows.index(node) + 1
            self.rows[at:at] = self._lines_under(node)
            self._grow(node.parent, node.below)
            node.open = True

    def _lines_under(self, node: Node) -> Iterator[Node]:
        for child in node.children:
            if self._is_line(child):
                yield child
                if child.open:
                    yield from self._lines_under(child)

    def close(self, node: Node) -> None:
        """Hide a folder's children."""
        if node.open:
            at = self.rows.index(node) + 1
            del self.rows[at : at + node.below]
            self._grow(node.parent, -node.below)
            node.open = False

    def parent(self, row: int) -> int:
        """The line of the folder that a line is in; itself at the top."""
        above = self.rows[row].parent
        return self.rows.index(above) if above is not None else row

    def toggle(self, node: Node) -> None:
        """Mark or unmark."""
        step = -1 if node.path in self.marked else 1
        if step < 0:
            del self.marked[node.path]
        else:
            self.marked[node.path] = node
        for above in _above(node.path):
            self._inside[above] += step

    def unmark_all(self) -> None:
        """No marks."""
        self.marked.clear()
        self._inside.clear()

    def mark_matching(self, pattern: str) -> int:
        """Mark the lines below the roots whose name matches a shell pattern, or, where it has a ``/``, the end of whose
        path does; capitals or not. Returns how many were not marked before."""
        wanted = pattern.casefold()
        whole = "*/" + wanted.lstrip("/") if "/" in wanted else ""
        found = [
            node
            for node in self.rows
            if node.depth
            and node.path not in self.marked
            and fnmatch.fnmatchcase((node.path if whole else node.name).casefold(), whole or wanted)
        ]
        for node in found:
            self.toggle(node)
        return len(found)

    def mark(self, node: Node) -> str:
        """Its own mark, or that of a folder above it, or that there are some inside."""
        if node.path in self.marked:
            return Mark.SELF
        if self._covered(node.path):
            return Mark.ABOVE
        return Mark.INSIDE if self._inside.get(node.path) else Mark.NONE

    def _covered(self, path: str) -> bool:
        return bool(self.marked) and any(above in self.marked for above in _above(path))

    def roots(self) -> tuple[str, ...]:
        """The marked paths without those inside a marked folder; empty when nothing is marked."""
        return tuple(path for path in self.marked if not self._covered(path))

    def marked_size(self) -> tuple[int, int] | None:
        """Images and bytes of ``roots``; None while a folder among them is not counted."""
        images = size = 0
        for path in self.roots():
            node = self.marked[path]
            counted = node.counted if node.is_folder else (1, node.size)
            if counted is None:
                return None
            images, size = images + counted[0], size + counted[1]
        return images, size


def _above(path: str) -> Iterator[str]:
    """The folders a path lies in, from the inside out."""
    above = os.path.dirname(path)
    while above != path:
        yield above
        path, above = above, os.path.dirname(above)
