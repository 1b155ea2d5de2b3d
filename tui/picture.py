"""The picture that a terminal draws over a crop's cells: encoded once, sent when it changed, removed when hidden."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from engine.errors import ImgoptError
from engine.tuning import Pixels
from tui.crop import Preview
from tui.graphics import at, kitty, kitty_gone, sixel

__all__ = ["Picture"]

KEPT = 8
"""Encoded pictures kept for flipping, up to 300 KB each."""


class Picture:
    """At most one is on the screen. ``send`` takes what goes to the terminal beside the frames."""

    def __init__(
        self,
        send: Callable[[str], object],
        start: Callable[[Awaitable[None]], object],
        *,
        changed: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.price = 0
        """Bytes of the picture that was sent last."""
        self._send, self._start = send, start
        self._changed, self._failed = changed, failed
        self._texts: OrderedDict[tuple[object, Preview], str] = OrderedDict()
        self._making: set[tuple[object, Preview]] = set()
        self._shown: tuple[object, Preview, int, int] | None = None

    def show(self, name: object, pixels: Pixels, preview: Preview, column: int, line: int) -> None:
        """Have a picture on the screen, its left upper corner at a cell; ``name`` tells pictures apart."""
        if self._shown == (name, preview, column, line):
            return
        encoded = self._texts.get((name, preview))
        if encoded is None:
            if (name, preview) not in self._making:
                self._making.add((name, preview))
                self._start(self._make(name, pixels, preview))
            return
        self._shown = name, preview, column, line
        self.price = len(encoded)
        self._send(at(column, line, encoded))
        self._changed()

    async def _make(self, name: object, pixels: Pixels, preview: Preview) -> None:
        try:
            encoded = kitty(pixels) if preview is Preview.KITTY else await sixel(pixels)
        except (ImgoptError, OSError) as error:
            self._failed(str(error) or type(error).__name__)
            return
        finally:
            self._making.discard((name, preview))
        self._texts[name, preview] = encoded
        if len(self._texts) > KEPT:
            self._texts.popitem(last=False)
        self._changed()

    def forget(self) -> None:
        """The terminal's lines were painted anew: what lay over them is gone or out of date."""
        self._shown = None

    def hide(self) -> None:
        """Take the picture away; Sixel goes with the text that is painted there next."""
        if self._shown and self._shown[1] is Preview.KITTY:
            self._send(kitty_gone())
        self._shown = None
