"""How things look: the characters of each mode, and one style for each role a piece of text can play.

Colours are exact members of the 256-colour cube, so that nothing shifts where a terminal has no more. Every state is
also a character or a word; the plain palette uses only bold, dim and reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

from engine.view import STATE_MARKS
from tui.text import escape

__all__ = ["ASCII", "BACKGROUND", "UNICODE", "Glyphs", "Look", "Part", "Parts"]

Part = tuple[str, str]
"""Text and its role."""
Parts = list[Part]

BACKGROUND = "#121212"
_ROLES = {
    # role: (foreground, background, attributes, attributes without colour)
    "": ("#bcbcbc", "", "", ""),
    "dim": ("#767676", "", "", ""),
    "rule": ("#3a3a3a", "", "", ""),
    "strong": ("#eeeeee", "", "bold", "bold"),
    "title": ("#87afd7", "", "bold", "bold"),
    "accent": ("#87afd7", "", "", ""),
    "key": ("#d7af87", "", "", "bold"),
    "tab": ("#8a8a8a", "", "", ""),
    "tab on": ("#121212", "#87afd7", "bold", "reverse"),
    "cursor": ("#eeeeee", "#303a4f", "bold", "reverse"),
    "cursor idle": ("#bcbcbc", "#262626", "", "bold"),
    "cell": ("#121212", "#eeeeee", "bold", "reverse"),
    "bar": ("#87afd7", "", "", "bold"),
    "bar hot": ("#d7875f", "", "", "bold"),
    "bar rest": ("#3a3a3a", "", "", ""),
    "waiting": ("#585858", "", "", ""),
    "held": ("#af87d7", "", "", "bold"),
    "running": ("#d7af5f", "", "bold", "bold"),
    "done": ("#87af87", "", "", ""),
    "kept": ("#5f8787", "", "", ""),
    "skipped": ("#8a8a8a", "", "", ""),
    "failed": ("#ff8787", "", "bold", "bold reverse"),
    "good": ("#87af87", "", "", ""),
    "warn": ("#d7af5f", "", "", "bold"),
    "mark": ("#d7af5f", "", "bold", "bold"),
}
STATE_ROLES = ("waiting", "held", "running", "done", "kept", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of one mode."""

    full: str
    rest: str
    peak: str
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


UNICODE = Glyphs("━", "─", "┃", ("", ""), "─", "│", "…", "›", "▾", "▸", " ", "·~>■=-!", "→", "−")
ASCII = Glyphs("#", ".", ":", ("[", "]"), "-", "|", "~", ">", "-", "+", " ", STATE_MARKS, "->", "-")


@lru_cache(maxsize=2048)
def _pair(role: str) -> Style:
    front, back = role.split(" ")
    return Style(color=front, bgcolor=back)


class Look:
    """The glyphs and styles of this terminal."""

    def __init__(self, *, ascii_only: bool, plain: bool) -> None:
        self.ascii_only = ascii_only
        self.plain = plain
        self.glyphs = ASCII if ascii_only else UNICODE
        self._styles = {role: self._style(role) for role in _ROLES}

    def _style(self, role: str) -> Style:
        front, back, attributes, plain = _ROLES[role]
        if self.plain:
            return Style.parse(plain or "none")
        return Style.parse(f"{attributes} {front} on {back or BACKGROUND}".strip())

    def style(self, role: str) -> Style:
        """The style of a role, or of two colours: ``#rrggbb #rrggbb``, front and back."""
        return _pair(role) if role.startswith("#") else self._styles[role]

    def safe(self, text: str) -> str:
        """``text`` from outside the program, fit for this terminal."""
        return escape(text, ascii_only=self.ascii_only)

    def bar(self, share: float, width: int, *, mark: float | None = None, hot: bool = False) -> Parts:
        """A bar of ``width`` cells, ends included; ``share`` and ``mark`` (where to draw the peak) from 0 to 1."""
        glyphs = self.glyphs
        inner = max(1, width - len(glyphs.ends[0]) - len(glyphs.ends[1]))
        filled = min(inner, max(0, round(min(1.0, max(0.0, share)) * inner)))
        if share > 0 and not filled:
            filled = 1
        line = glyphs.full * filled + glyphs.rest * (inner - filled)
        role = "bar hot" if hot else "bar"
        parts: Parts = [(glyphs.ends[0], "dim"), (line[:filled], role), (line[filled:], "bar rest")]
        if mark is not None and 0 < mark <= 1:
            at = min(inner - 1, max(filled, round(mark * inner) - 1))
            if at >= filled:
                parts[2:] = [
                    (line[filled:at], "bar rest"),
                    (glyphs.peak, "warn"),
                    (line[at + 1 :], "bar rest"),
                ]
        return [*parts, (glyphs.ends[1], "dim")]
