"""Screens that paint only when the link takes a frame; what changes meanwhile is painted once, as it is then."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from tui.app import ImgoptApp

__all__ = ["Paced"]

R = TypeVar("R")


class Paced(Screen[R]):
    """A screen of ours."""

    @property
    def host(self) -> ImgoptApp:
        """The application, with its own type."""
        return cast("ImgoptApp", self.app)

    def _on_timer_update(self) -> None:
        """Textual would lay out and paint now. While a frame is under way it waits; what was to be called after the
        next painting does not."""
        if self.host.may_paint():
            super()._on_timer_update()
            return
        self._update_timer.pause()
        if self._callbacks:
            self.call_next(self._invoke_and_clear_callbacks)
