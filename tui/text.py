"""Text for the terminal: names from the disk made harmless, and numbers made short.

Nothing that comes from a file system, a run or an error reaches the terminal except through ``escape``. Markup is never
parsed anywhere on the screen, so brackets need no escaping: they are shown as they are.
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from engine.escape import escape
from engine.plural import count

__all__ = ["change", "clock", "count", "cut", "cut_left", "escape", "percent", "size"]


def cut(text: str, width: int, dots: str = "…") -> str:
    """At most ``width`` cells, the end replaced by ``dots`` where it does not fit."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - len(dots))) + dots if width >= len(dots) else ""


def cut_left(text: str, width: int, dots: str = "…") -> str:
    """At most ``width`` cells, the beginning replaced: the end of a path says more."""
    if cell_len(text) <= width:
        return text
    if width < len(dots):
        return ""
    kept = text[len(text) - min(len(text), width) :]
    while cell_len(kept) > width - len(dots):
        kept = kept[1:]
    return dots + kept


def size(number: float, *, precise: bool = False) -> str:
    """Bytes in at most five characters (``8.1M``, `` 188M``), or as ``1.42 GiB`` when ``precise``."""
    sign, number = ("-", -number) if number < 0 else ("", number)
    for power, letter in enumerate("BKMGTP"):
        scaled = number / 1024**power
        if scaled < 999.5 or letter == "P":
            break
    if precise:
        unit = letter if letter == "B" else f"{letter}iB"
        return f"{sign}{scaled:.0f} {unit}" if letter == "B" or scaled >= 99.95 else f"{sign}{scaled:.2f} {unit}"
    return f"{sign}{scaled:.0f}{letter}" if letter == "B" or scaled >= 9.95 else f"{sign}{scaled:.1f}{letter}"


def clock(seconds: float | None) -> str:
    """``04:12``, ``3:04:12`` or ``2d 03h``; dashes for None."""
    if seconds is None:
        return "--:--"
    whole = max(0, int(seconds))
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600:02}h"
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def percent(part: float, whole: float) -> float:
    """0–100; 0 where there is no whole."""
    return 100 * part / whole if whole else 0.0


def change(before: int, after: int, *, digits: int = 0) -> str:
    """``-52%`` or ``+6%``; empty where nothing was measured."""
    if not before:
        return ""
    value = round(100 * (after - before) / before, digits)
    return f"{value:+.{digits}f}%" if value else f"{0:.{digits}f}%"
