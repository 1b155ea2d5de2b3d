"""The crop beside a ladder: which piece of the picture is shown, and the keys that move, flip and compare it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Self

from textual.geometry import Region
from textual.timer import Timer

from engine.tuning import Pixels, Rung
from tui import text
from tui.canvas import Listing
from tui.crop import ZOOMS, Place, Preview, crop_size, half_block_line, preview_for, ramp_line, zoom_words
from tui.look import Parts
from tui.picture import Picture
from tui.tuning_lines import columns
from tui.tuning_state import Tuning
from tui.tuning_work import Piece, TuningWork

__all__ = ["CropListing"]

_FLIPS = 16
"""Flips of one flicker; it ends by itself."""
_FLIPS_A_SECOND = 4
"""At most; the redraw rate may allow fewer."""
_DRAWN = 4
"""Pieces whose lines are kept."""
_TILE = 64
"""Side in pixels of the places that are scored on their own."""


class CropListing(Listing):
    """A list of rungs with a piece of the picture at its right; A is the original, B the rung under the cursor."""

    tuning: Tuning
    work: TuningWork

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.place = Place()
        self.preview = Preview.RAMP
        self.previews: tuple[Preview, ...] = (Preview.RAMP,)
        self.picture_over = Picture(
            self._send, self._begin_task, changed=lambda: self.host.paint_soon(), failed=lambda why: self._refused(why)
        )
        self._drawn_lines: dict[tuple[Piece, Preview], list[Parts]] = {}
        self._flicker: Timer | None = None
        self._flips = 0

    def on_mount(self) -> None:
        """How this terminal shows a crop."""
        in_text = preview_for(self.host.link.colors, ascii_only=self.look.ascii_only)
        self.previews = self.host.graphics.modes(in_text)
        self.preview = self.previews[-1] if self.host.graphics.at_once else in_text

    def on_hide(self) -> None:
        """Another tab."""
        self.picture_over.hide()

    def _begin_task(self, work: Awaitable[None]) -> None:
        self.host.start_task(work)

    def _send(self, data: str) -> None:
        if self.app._driver:
            self.app._driver.write(data)

    def _refused(self, why: str) -> None:
        """The picture cannot be made: back to text."""
        self.host.main.say(why)
        self.previews = self.previews[:1]
        self.preview = self.previews[0]
        self.redraw()

    @property
    def rung(self) -> Rung | None:
        """B: the rung under the cursor, once it is measured."""
        row = self.tuning.row
        return row.rung if row and row.rung and row.rung.made else None

    @property
    def _shown(self) -> Rung | None:
        """B as pixels: None where it has the original's own."""
        return None if self.rung is None or self.rung.lossless else self.rung

    @property
    def picture(self) -> tuple[int, int]:
        """Width and height in pixels of what is compared."""
        subject = self.tuning.subject
        return (subject.result_width, subject.result_height) if subject else (0, 0)

    def crop_line(self, row: int, cells: int) -> Parts:
        """Line ``row`` of the crop; −1 is its title."""
        piece = self._piece(cells)
        if piece is None:
            return []
        if row < 0:
            title = f" CROP {zoom_words(piece.zoom)}  x{piece.left} y{piece.top}"
            return [(text.cut(title, cells, self.look.glyphs.dots), "dim")]
        pixels = self.work.want(piece, self._other(piece))
        lines = self._picture(piece, pixels) if pixels else []
        return lines[row] if row < len(lines) else []

    def _picture(self, piece: Piece, pixels: Pixels) -> list[Parts]:
        """All lines of the crop; those of the last few pieces are kept, because repaints are many and flips few."""
        key = piece, self.preview
        lines = self._drawn_lines.get(key)
        if lines is None:
            lines = [self._shown_line(pixels, row) for row in range(self.page)]
            self._drawn_lines[key] = lines
            while len(self._drawn_lines) > _DRAWN:
                del self._drawn_lines[next(iter(self._drawn_lines))]
        return lines

    def _shown_line(self, pixels: Pixels, row: int) -> Parts:
        if self.preview is Preview.HALF:
            return half_block_line(pixels, row, self.host.link.colors)
        if self.preview is Preview.RAMP:
            return [(ramp_line(pixels, row), "")]
        wide, high = (-(-side // cell) for side, cell in zip((pixels.width, pixels.height), self._cell, strict=True))
        # Cells under a picture hold something, so that whatever comes after it is painted and wipes it out.
        return [("." * wide, "rule")] if row < high else []

    @property
    def _cell(self) -> tuple[int, int]:
        return self.host.graphics.cell

    @property
    def price(self) -> int:
        """Bytes that painting the crop takes; of a picture in text about that."""
        if not self.preview.in_text:
            return self.picture_over.price
        piece = self._piece(columns(self.drawn.width).crop)
        pixels = self.work.pieces.get(piece) if piece else None
        if piece is None or pixels is None:
            return 0
        lines = self._picture(piece, pixels)
        pair = {"true": 38, "256c": 22}.get(self.host.link.colors, 0)
        return sum(len(words.encode()) + (pair if role else 0) for line in lines for words, role in line)

    def redraw(self) -> None:
        """Lines first, then the picture over them."""
        super().redraw()
        if self.is_on_screen and not self.preview.in_text:
            self.call_after_refresh(self._draw_over)

    def _draw_over(self) -> None:
        room = columns(self.drawn.width)
        piece = self._piece(room.crop)
        pixels = self.work.pieces.get(piece) if piece else None
        if pixels is None or not self.is_on_screen or not self.screen.is_current or self.preview.in_text:
            return
        if not self.host.may_paint():
            self.host.paint_soon()
        else:
            left, top = self.region.x + room.ladder + 1, self.region.y + self.head
            self.picture_over.show(piece, pixels, self.preview, left, top)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """All of it is painted: the picture too."""
        if not regions:
            self.picture_over.forget()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _crop_size(self, cells: int) -> tuple[int, int]:
        return crop_size(cells, self.page, self.preview, self._cell)

    def _piece(self, cells: int) -> Piece | None:
        """What the crop shows now; B that is not measured shows the original."""
        subject, size = self.tuning.subject, self._crop_size(cells)
        if subject is None or not min(size):
            return None
        rung = self._shown if self.place.result or self.place.difference else None
        difference = self.place.difference and rung is not None
        return Piece(subject.path, rung, difference, *self.place.corner(self.picture, size), *size, self.place.zoom)

    def _other(self, piece: Piece) -> Piece | None:
        """What the next flip shows, so that it is here by then."""
        if piece.difference or self._shown is None:
            return None
        return piece.of(None if piece.rung else self._shown)

    def do_flip(self) -> None:
        """Original or result."""
        self.stop_flicker()
        self._flip()

    def _flip(self) -> None:
        self.place.result, self.place.difference = not self.place.result, False
        self.redraw()

    def do_flicker(self) -> None:
        """Flip by itself, no faster than the redraw rate, and stop by itself."""
        if self._flicker:
            self.stop_flicker()
        else:
            self._flips = _FLIPS
            self._flicker = self.set_interval(1 / min(self.host.rate, _FLIPS_A_SECOND), self._flick)

    def _flick(self) -> None:
        if self.host.may_paint():  # else what was flipped before has not left yet
            self._flips -= 1
            self._flip()
        if self._flips <= 0:
            self.stop_flicker()

    @property
    def flickers(self) -> bool:
        """Whether the crop flips by itself."""
        return self._flicker is not None

    def stop_flicker(self) -> None:
        """Leave what is shown as it is."""
        if self._flicker:
            self._flicker.stop()
            self._flicker = None

    def do_difference(self) -> None:
        """What the result changed, or the result."""
        self.stop_flicker()
        self.place.difference = not self.place.difference
        self.redraw()

    def do_worst(self) -> None:
        """The crop on the worst place of the result."""
        rung = self.rung
        if rung is None or rung.worst is None:
            self.host.main.say("the worst place is known once this row is measured")
            return
        self.place.show(rung.left, rung.top, _TILE, self.picture)
        self.redraw()

    def do_preview(self) -> None:
        """The next way of showing the crop."""
        if len(self.previews) == 1:
            asked = self.host.graphics.asked
            why = "this terminal draws no pictures" if asked else "--preview auto asks the terminal for more"
            self.host.main.say(f"the crop is shown as text: {why}")
            return
        self.picture_over.hide()
        self.preview = self.previews[(self.previews.index(self.preview) + 1) % len(self.previews)]
        self.redraw()
        self.host.main.say(f"preview: {self.preview}")

    def do_zoom(self) -> None:
        """The next scale."""
        self.place.zoom = ZOOMS[(ZOOMS.index(self.place.zoom) + 1) % len(ZOOMS)]
        self.redraw()

    def do_crop_left(self) -> None:
        """Half a crop to the left."""
        self._shift(-1, 0)

    def do_crop_right(self) -> None:
        """Half a crop to the right."""
        self._shift(1, 0)

    def do_crop_up(self) -> None:
        """Half a crop up."""
        self._shift(0, -1)

    def do_crop_down(self) -> None:
        """Half a crop down."""
        self._shift(0, 1)

    def _shift(self, x: int, y: int) -> None:
        if self.tuning.subject:
            self.place.move((x, y), self.picture, self._crop_size(columns(self.drawn.width).crop))
            self.redraw()
