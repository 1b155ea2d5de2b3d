"""The model of the file tree: which lines are visible, what is marked. Knows no screen and no disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
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
    children: list[Node] = field(default_factory=list)


class Mark:
    """How a line is marked."""

    NONE = " "
    SELF = "x"
    ABOVE = "."
    """A folder above it is marked."""


class FileTree:
    """A flat list of visible nodes over the tree, and the marked paths in the order of marking."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.marked: dict[str, None] = {}
        self.rows: list[Node] = []
        self.show(roots)

    def show(self, roots: Sequence[str]) -> None:
        """Begin again with these roots; marks stay."""
        self.rows = [Node(path, path, os.path.isdir(path), 0) for path in dict.fromkeys(map(os.path.abspath, roots))]

    def add(self, parent: Node, nodes: Iterable[Node]) -> None:
        """Append children to an open folder; call it in portions to stay quick."""
        new = list(nodes)
        if parent.open and parent in self.rows:
            at = self.rows.index(parent) + 1 + self._below(parent)
            self.rows[at:at] = new
        parent.children += new

    def _below(self, parent: Node) -> int:
        """How many visible lines stand under a node."""
        return sum(1 + (self._below(child) if child.open else 0) for child in parent.children)

    def open(self, node: Node) -> None:
        """Show what is known of a folder's children."""
        if node.is_folder and not node.open:
            node.open = True
            at = self.rows.index(node) + 1
            self.rows[at:at] = self._visible(node)

    def _visible(self, node: Node) -> list[Node]:
        out: list[Node] = []
        for child in node.children:
            out.append(child)
            if child.open:
                out += self._visible(child)
        return out

    def close(self, node: Node) -> None:
        """Hide a folder's children."""
        if node.open:
            at = self.rows.index(node) + 1
            del self.rows[at : at + self._below(node)]
            node.open = False

    def parent(self, row: int) -> int:
        """The line of the folder that a line is in; itself at the top."""
        depth = self.rows[row].depth
        return next((at for at in range(row, -1, -1) if self.rows[at].depth < depth), row)

    def toggle(self, node: Node) -> None:
        """Mark or unmark."""
        if node.path in self.marked:
            del self.marked[node.path]
        else:
            self.marked[node.path] = None

    def mark(self, node: Node) -> str:
        """Its own mark, or that of a folder above it."""
        if node.path in self.marked:
            return Mark.SELF
        return Mark.ABOVE if self._covered(node.path) else Mark.NONE

    def _covered(self, path: str) -> bool:
        if not self.marked:
            return False
        above = os.path.dirname(path)
        while above != path:
            if above in self.marked:
                return True
            path, above = above, os.path.dirname(above)
        return False

    def roots(self) -> tuple[str, ...]:
        """The marked paths without those inside a marked folder; empty when nothing is marked."""
        return tuple(path for path in self.marked if not self._covered(path))
