"""Colours by name: dark and light, for 256 and more colours and for 16, and the user's own on top of them.

Those for 256 are exact members of the 256-colour cube, so that nothing shifts where a terminal has no more. With 16 the
terminal's own background stays, and what stands on another one is shown in reverse.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ConfigError, Problem

__all__ = [
    "COLOURS",
    "DARK",
    "DARK_FEW",
    "LIGHT",
    "LIGHT_FEW",
    "Palette",
    "Theme",
    "chosen_theme",
    "is_light",
    "read_theme",
]

COLOURS = {
    # name: (dark, light, 16 on dark, 16 on light); empty: as the terminal has it
    "ground": ("#121212", "#eeeeee", "", ""),
    "ink": ("#bcbcbc", "#303030", "", ""),
    "strong": ("#eeeeee", "#000000", "", ""),
    "dim": ("#767676", "#6c6c6c", "bright_black", "bright_black"),
    "soft": ("#8a8a8a", "#585858", "", ""),
    "line": ("#3a3a3a", "#bcbcbc", "bright_black", "bright_black"),
    "title": ("#87afd7", "#005f87", "cyan", "blue"),
    "key": ("#d7af87", "#875f00", "yellow", "magenta"),
    "cursor": ("#444444", "#afd7ff", "", ""),
    "field": ("#262626", "#d0d0d0", "", ""),
    "edge": ("#5f87af", "#005f87", "cyan", "blue"),
    "hot": ("#d7875f", "#af0000", "red", "red"),
    "waiting": ("#585858", "#8a8a8a", "bright_black", "bright_black"),
    "held": ("#af87d7", "#5f5faf", "magenta", "magenta"),
    "running": ("#d7af5f", "#875f00", "yellow", "blue"),
    "done": ("#87af87", "#005f00", "green", "green"),
    "kept": ("#5f8787", "#005f5f", "cyan", "cyan"),
    "failed": ("#ff8787", "#af0000", "red", "red"),
}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour for each name of ``COLOURS``: ``#rrggbb``, one of the terminal's 16, or empty for its default."""

    colours: Mapping[str, str] = field(default_factory=dict)
    few: bool = False
    """Whether the terminal has 16 colours only, so that a background is shown in reverse."""
    light: bool = False


def _column(number: int) -> dict[str, str]:
    return {name: row[number] for name, row in COLOURS.items()}


DARK, LIGHT = Palette(_column(0)), Palette(_column(1), light=True)
DARK_FEW, LIGHT_FEW = Palette(_column(2), few=True), Palette(_column(3), few=True, light=True)


@dataclass(frozen=True, slots=True)
class Theme:
    """What the user wants, or what is known of the terminal."""

    light: bool | None = None
    """None: not known; the terminal is asked, and dark until it answers."""
    own: Mapping[str, str] = field(default_factory=dict)
    """The user's colours by name; they need more than 16."""

    def palette(self, *, few: bool) -> Palette:
        """The palette of a terminal with 16 colours or more."""
        if few:
            return LIGHT_FEW if self.light else DARK_FEW
        below = LIGHT if self.light else DARK
        return Palette({**below.colours, **self.own}, light=bool(self.light))


def chosen_theme(asked: str, environ: Mapping[str, str], path: Path) -> Theme:
    """The theme for ``--theme`` (``auto``, ``dark``, ``light``), the environment and the user's theme file; raises
    ConfigError."""
    base, own = read_theme(path)
    if asked != "auto" or base:
        return Theme((asked if asked != "auto" else base) == "light", own)
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return Theme(background in ("7", "15") if background.isdecimal() else None, own)


def read_theme(path: Path) -> tuple[str, dict[str, str]]:
    """The user's theme file: ``base`` (``dark``, ``light`` or empty) and colours by name; raises ConfigError.

    A file that does not exist says nothing.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError) as error:
        raise ConfigError((Problem(str(path), "theme", f"cannot be read: {error}"),)) from None
    base, colours = data.pop("base", ""), data.pop("colors", {})
    problems = [Problem(str(path), name, "is not known; there are base and [colors]") for name in data]
    if base not in ("", "dark", "light"):
        problems.append(Problem(str(path), "base", "must be dark or light"))
    for name, value in (colours if isinstance(colours, dict) else {}).items():
        if name not in COLOURS:
            problems.append(Problem(str(path), f"colors.{name}", f"is not known; there are {', '.join(COLOURS)}"))
        elif not isinstance(value, str) or not _COLOUR.fullmatch(value):
            problems.append(Problem(str(path), f"colors.{name}", "must be a colour such as #87afd7"))
    if problems:
        raise ConfigError(tuple(problems))
    return base, colours


def is_light(answer: str) -> bool | None:
    """What a terminal says of its background (``rgb:ffff/ffff/ffff``): light or not; None where it says nothing."""
    parts = answer.removeprefix("rgba:").removeprefix("rgb:").split("/")[:3]
    try:
        red, green, blue = (int(part, 16) / int("f" * len(part), 16) for part in parts)
    except (ValueError, ZeroDivisionError):
        return None
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
