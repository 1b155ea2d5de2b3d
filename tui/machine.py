"""The machine in a box: every gauge, on screens that have no panel for them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.dialogs import Dialog, Title
from tui.side import SidePane

__all__ = ["MachineDialog"]

EVERY = 0.5
"""Seconds between two looks: the gauges are not sampled more often."""


class MachineDialog(Dialog[None]):
    """The panel of wide screens. Escape, Enter and q close it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,enter", "leave", "Close", show=False)]

    def __init__(self) -> None:
        super().__init__(wide=46, high=40)

    def content(self) -> ComposeResult:
        """Gauges, how to close."""
        yield SidePane()
        yield Title("Esc closes", "dim")

    def on_mount(self) -> None:
        """Painted again where the figures changed."""
        super().on_mount()
        self.set_interval(EVERY, self.query_one(SidePane).redraw)
