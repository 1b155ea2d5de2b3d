"""How things look: the characters of each mode, and one style for each role a piece of text can play.

Colours are those of a palette; every state is also a character or a word, and without colour there are only bold and
reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

from engine.states import STATE_MARKS
from tui.palettes import DARK, Palette
from tui.text import escape

__all__ = ["ASCII", "UNICODE", "Glyphs", "Look", "Part", "Parts"]

Part = tuple[str, str]
"""Text and its role."""
Parts = list[Part]

_ROLES = {
    # role: (colour, colour behind it, attributes, attributes without colour); colours are those of palettes.py
    "": ("ink", "", "", ""),
    "dim": ("dim", "", "", ""),
    "rule": ("line", "", "", ""),
    "strong": ("strong", "", "bold", "bold"),
    "title": ("title", "", "bold", "bold"),
    "accent": ("title", "", "", ""),
    "key": ("key", "", "", "bold"),
    "tab": ("soft", "", "", ""),
    "tab on": ("ground", "title", "bold", "reverse"),
    "cursor": ("strong", "cursor", "bold", "reverse"),
    "cursor idle": ("ink", "field", "", "bold"),
    "cell": ("ground", "strong", "bold", "reverse"),
    "bar": ("title", "", "", "bold"),
    "bar hot": ("hot", "", "", "bold"),
    "bar rest": ("line", "", "", ""),
    "waiting": ("waiting", "", "", ""),
    "held": ("held", "", "", "bold"),
    "running": ("running", "", "bold", "bold"),
    "done": ("done", "", "", ""),
    "kept": ("kept", "", "", ""),
    "skipped": ("soft", "", "", ""),
    "failed": ("failed", "", "bold", "bold reverse"),
    "good": ("done", "", "", ""),
    "warn": ("running", "", "", "bold"),
    "mark": ("running", "", "bold", "bold"),
}
STATE_ROLES = ("waiting", "held", "running", "done", "kept", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of one mode."""

    full: str
    rest: str
    peak: str
    stop: str
    ends: tuple[str, str]
    """What stands before and after a bar."""
    rule: str
    wall: str
    dots: str
    pointer: str
    opened: str
    closed: str
    leaf: str
    marks: str
    """One character for each image state."""
    arrow: str
    minus: str
    levels: str
    """Heights of a column, from nothing to full."""


UNICODE = Glyphs("━", "─", "┃", "╏", ("", ""), "─", "│", "…", "›", "▾", "▸", " ", "·~>■=-!", "→", "−", "▁▂▃▄▅▆▇█")
ASCII = Glyphs("#", ".", ":", "|", ("[", "]"), "-", "|", "~", ">", "-", "+", " ", STATE_MARKS, "->", "-", "_.:-=+*#")


@lru_cache(maxsize=2048)
def _pair(role: str) -> Style:
    front, back = role.split(" ")
    return Style(color=front, bgcolor=back)


class Look:
    """The glyphs and styles of this terminal."""

    def __init__(self, *, ascii_only: bool, plain: bool, palette: Palette = DARK) -> None:
        self.ascii_only = ascii_only
        self.plain = plain
        self.glyphs = ASCII if ascii_only else UNICODE
        self.take(palette)

    def take(self, palette: Palette) -> None:
        """Draw with these colours from now on."""
        self.palette = palette
        self._styles = {role: self._style(role) for role in _ROLES}

    def _style(self, role: str) -> Style:
        front, back, attributes, plain = _ROLES[role]
        if self.plain or (self.palette.few and back):
            return Style.parse(plain or "none")
        colours = self.palette.colours
        return Style.parse(f"{attributes} {colours[front] or 'default'} on {colours[back or 'ground'] or 'default'}")

    @property
    def variables(self) -> dict[str, str]:
        """The colours that the stylesheet speaks of."""
        names = ("ground", "ink", "strong", "line", "edge", "field")
        if self.plain:
            return dict.fromkeys(names, "ansi_default")
        own = self.palette.colours
        return {name: own[name] if own[name].startswith("#") else f"ansi_{own[name] or 'default'}" for name in names}

    def style(self, role: str) -> Style:
        """The style of a role, or of two colours: ``#rrggbb #rrggbb``, front and back."""
        return _pair(role) if role.startswith("#") else self._styles[role]

    def safe(self, text: str) -> str:
        """``text`` from outside the program, fit for this terminal."""
        return escape(text, ascii_only=self.ascii_only)

    def bar(
        self, share: float, width: int, *, mark: float | None = None, stop: float | None = None, hot: bool = False
    ) -> Parts:
        """A bar of ``width`` cells, ends included; ``share``, ``mark`` (where to draw the peak) and ``stop`` (the line
        it does not go beyond) from 0 to 1."""
        glyphs = self.glyphs
        inner = max(1, width - len(glyphs.ends[0]) - len(glyphs.ends[1]))
        filled = min(inner, max(0, round(min(1.0, max(0.0, share)) * inner)))
        if share > 0 and not filled:
            filled = 1
        cells = [(glyphs.full, "bar hot" if hot else "bar")] * filled + [(glyphs.rest, "bar rest")] * (inner - filled)
        for place, glyph, least in ((mark, glyphs.peak, filled), (stop, glyphs.stop, 0)):
            if place is not None and 0 < place <= 1 and (at := max(least, round(place * inner) - 1)) < inner:
                cells[at] = (glyph, "warn")
        return merge([(glyphs.ends[0], "dim"), *cells, (glyphs.ends[1], "dim")])


def merge(parts: Parts) -> Parts:
    """Neighbours of one role as one part."""
    out: Parts = []
    for text, role in parts:
        if not text:
            continue
        if out and out[-1][1] == role:
            out[-1] = (out[-1][0] + text, role)
        else:
            out.append((text, role))
    return out
