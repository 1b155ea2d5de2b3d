"""From a style to the codes a terminal of some colour depth takes, and from one such pen to the next in few bytes."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from rich._palettes import EIGHT_BIT_PALETTE
from rich.color import Color, ColorSystem
from rich.style import Style

__all__ = ["PLAIN", "Depth", "Pen", "Pens", "change"]


class Depth(StrEnum):
    """How many colours a terminal has."""

    NONE = "none"
    SIXTEEN = "16"
    MANY = "256"
    TRUE = "true"


_SYSTEMS = {Depth.SIXTEEN: ColorSystem.STANDARD, Depth.MANY: ColorSystem.EIGHT_BIT, Depth.TRUE: ColorSystem.TRUECOLOR}
_ATTRIBUTES = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("underline", "4"),
    ("blink", "5"),
    ("reverse", "7"),
    ("strike", "9"),
)


_NUMBERS = {EIGHT_BIT_PALETTE[number]: number for number in range(255, 15, -1)}
"""The colours that have a number on every terminal with 256; those below 16 are the user's own."""


MOST_PENS = 8192


class Pen(NamedTuple):
    """How a cell is drawn, as parts of an SGR sequence; empty parts are the terminal's defaults."""

    attributes: str = ""
    front: str = ""
    back: str = ""


PLAIN = Pen()


@lru_cache(maxsize=4096)
def change(old: Pen | None, new: Pen) -> str:
    """The shortest sequence from one pen to another; ``old`` is None where the terminal's state is not known."""
    if old == new:
        return ""
    whole = ";".join(part for part in new if part)
    fresh = f"\x1b[0;{whole}m" if whole else "\x1b[m"
    if old is None or old.attributes != new.attributes:
        return fresh
    parts = []
    if old.front != new.front:
        parts.append(new.front or "39")
    if old.back != new.back:
        parts.append(new.back or "49")
    step = f"\x1b[{';'.join(parts)}m"
    return min(fresh, step, key=len)


class Pens:
    """The pens of one depth."""

    def __init__(self, depth: Depth) -> None:
        self.depth = depth
        self._system = _SYSTEMS.get(depth)
        self._known: dict[tuple[Color | None, Color | None, int], Pen] = {}

    def of(self, style: Style | None) -> Pen:
        """The pen of a style; links and meta data play no part."""
        if style is None:
            return PLAIN
        key = (style.color, style.bgcolor, style._attributes & style._set_attributes)
        pen = self._known.get(key)
        if pen is None:
            if len(self._known) >= MOST_PENS:
                self._known.clear()  # the pixels of crops have no end of colours
            attributes = ";".join(code for name, code in _ATTRIBUTES if getattr(style, name))
            pen = Pen(attributes, self._color(style.color, front=True), self._color(style.bgcolor, front=False))
            self._known[key] = pen
        return pen

    def _color(self, color: Color | None, *, front: bool) -> str:
        if color is None or self._system is None or color.is_default:
            return ""
        if self.depth is not Depth.SIXTEEN and color.triplet in _NUMBERS:
            # Two thirds of what is sent are colour codes, and the same colour by its number takes half the bytes.
            color = Color.from_ansi(_NUMBERS[color.triplet])
        return ";".join(color.downgrade(self._system).get_ansi_codes(foreground=front))
