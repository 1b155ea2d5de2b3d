"""A piece of a picture as lines of text: two pixels a cell in half blocks, or brightness as characters.

Functions of values. Pixels come as ``engine.tuning.Pixels``: rows of three bytes. A role that holds two colours
(``#rrggbb #rrggbb``) is the front and back of its cells, see ``tui.look``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from engine.tuning import LARGEST_CROP, Pixels
from tui.look import Parts
from tui.parts import merge

__all__ = [
    "RAMP",
    "ZOOMS",
    "Place",
    "Preview",
    "crop_size",
    "half_block_line",
    "preview_for",
    "ramp_line",
    "zoom_words",
]

RAMP = " .:-=+*#%@"
"""From dark to bright."""
ZOOMS = (1.0, 2.0, 4.0, 0.25, 0.5)
"""What ``z`` goes through: 1:1, twice, four times as large, then a quarter and half of it to see where it lies."""
_CUBE = (0, 95, 135, 175, 215, 255)


class Preview(StrEnum):
    """How a crop is shown."""

    RAMP = "ascii"
    """Brightness as 7-bit characters: where there are no colours, or too few."""
    HALF = "half"
    """Half blocks: one pixel wide and two high in each cell."""
    KITTY = "kitty"
    SIXEL = "sixel"

    @property
    def in_text(self) -> bool:
        """Whether it is made of characters."""
        return self in (Preview.RAMP, Preview.HALF)


def preview_for(colors: str, *, ascii_only: bool) -> Preview:
    """What a terminal shows without being asked; ``colors`` as in line 1 (``true``, ``256c``, ``16c``, ``mono``)."""
    return Preview.RAMP if ascii_only or colors not in ("true", "256c") else Preview.HALF


def crop_size(cells: int, lines: int, preview: Preview, cell: tuple[int, int]) -> tuple[int, int]:
    """Pixels that fill ``cells`` × ``lines``, never more than ``LARGEST_CROP``; ``cell`` is one cell's size in pixels
    where the terminal draws them."""
    wide, high = (1, 2) if preview.in_text else cell
    return min(LARGEST_CROP[0], max(0, cells) * wide), min(LARGEST_CROP[1], max(0, lines) * high)


def zoom_words(zoom: float) -> str:
    """``1:1``, ``2:1``, ``1:4``."""
    return f"{zoom:.0f}:1" if zoom >= 1 else f"1:{1 / zoom:.0f}"


def half_block_line(pixels: Pixels, line: int, colors: str) -> Parts:
    """Line ``line`` of the crop: rows ``2 * line`` and the one below. Equal neighbours share one style."""
    top, bottom = _row(pixels, 2 * line), _row(pixels, 2 * line + 1)
    if not top:
        return []
    bottom = bottom or top
    near = _near if colors == "256c" else _same
    cells: Parts = []
    for at in range(0, len(top), 3):
        front, back = near(top[at : at + 3]), near(bottom[at : at + 3])
        cells.append(("▀", f"{front} {back}"))
    return merge(cells)


def ramp_line(pixels: Pixels, line: int) -> str:
    """Line ``line`` of the crop as characters: the brightness of two rows each."""
    top, bottom = _row(pixels, 2 * line), _row(pixels, 2 * line + 1)
    bottom = bottom or top
    # 0-1530 is two pixels' luma (BT.601 in tenths: 3 red, 6 green, 1 blue) without its division.
    steps = [
        3 * (top[at] + bottom[at]) + 6 * (top[at + 1] + bottom[at + 1]) + top[at + 2] + bottom[at + 2]
        for at in range(0, len(top), 3)
    ]
    return "".join(RAMP[step * len(RAMP) // 5101] for step in steps)


def _row(pixels: Pixels, row: int) -> bytes:
    """The bytes of a row; none below the last."""
    return pixels.rgb[row * pixels.width * 3 : (row + 1) * pixels.width * 3] if row < pixels.height else b""


def _same(rgb: bytes) -> str:
    return f"#{rgb.hex()}"


@lru_cache(maxsize=4096)
def _near(rgb: bytes) -> str:
    """The nearest of the 240 colours that every 256-colour terminal has: its cube and its greys."""
    cube = bytes(min(_CUBE, key=lambda level: abs(level - value)) for value in rgb)
    grey = bytes([8 + 10 * max(0, min(23, (sum(rgb) // 3 - 3) // 10))] * 3)
    return _same(min(cube, grey, key=lambda one: sum((a - b) ** 2 for a, b in zip(one, rgb, strict=True))))


@dataclass(slots=True)
class Place:
    """Where the crop looks, and what at."""

    x: float = 0.5
    y: float = 0.5
    """Its middle, as shares of the picture's width and height, so that it stays over a change of the crop's size."""
    zoom: float = 1.0
    result: bool = True
    """Whether it shows the result (B) or the original (A)."""
    difference: bool = False

    def corner(self, picture: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """The left upper pixel of a crop of ``size`` pixels as shown, kept inside the picture."""
        covered = [min(side, length / self.zoom) for side, length in zip(picture, size, strict=True)]
        middle = (self.x * picture[0], self.y * picture[1])
        left, top = (
            max(0.0, min(side - part, at - part / 2)) for side, part, at in zip(picture, covered, middle, strict=True)
        )
        return int(left), int(top)

    def move(self, by: tuple[int, int], picture: tuple[int, int], size: tuple[int, int]) -> None:
        """By halves of the crop."""
        left, top = self.corner(picture, size)
        start = (left, top)
        for side, (step, at) in enumerate(zip(by, start, strict=True)):
            part = min(picture[side], size[side] / self.zoom)
            middle = max(part / 2, min(picture[side] - part / 2, at + part / 2 + step * part / 2))
            if side:
                self.y = middle / picture[1]
            else:
                self.x = middle / picture[0]

    def show(self, left: int, top: int, tile: int, picture: tuple[int, int]) -> None:
        """Put the middle on that of a square of ``tile`` pixels."""
        self.x = min(1.0, (left + tile / 2) / picture[0])
        self.y = min(1.0, (top + tile / 2) / picture[1])
