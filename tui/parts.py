"""Lines as lists of (text, role): measured, joined and cut without knowing any colour."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from tui.look import Part, Parts, merge

__all__ = ["clip", "merge", "pad", "runs", "spread", "text_of", "width"]


def width(parts: Parts) -> int:
    """Cells."""
    return sum(cell_len(text) for text, _ in parts)


def text_of(parts: Parts) -> str:
    """The line without its roles."""
    return "".join(text for text, _ in parts)


def clip(parts: Parts, cells: int) -> Parts:
    """The first ``cells`` cells."""
    out: Parts = []
    for text, role in parts:
        long = cell_len(text)
        if long > cells:
            out.append((set_cell_size(text, cells), role))
            return out
        out.append((text, role))
        cells -= long
    return out


def pad(parts: Parts, cells: int, role: str = "") -> Parts:
    """Exactly ``cells`` cells."""
    missing = cells - width(parts)
    return [*parts, (" " * missing, role)] if missing > 0 else clip(parts, cells)


def spread(left: Parts, right: Parts, cells: int) -> Parts:
    """``left`` and ``right`` at the two ends of a line; the right end gives way where both do not fit."""
    room = cells - width(right)
    if room < width(left):
        return clip([*left, (" ", ""), *right], cells)
    return [*pad(left, room), *right]


def runs(marks: str, roles: list[str]) -> Parts:
    """Neighbouring cells of one role as one part: each change of style costs more bytes than its characters."""
    out: list[Part] = []
    start = 0
    for at in range(1, len(marks) + 1):
        if at == len(marks) or roles[at] != roles[start]:
            out.append((marks[start:at], roles[start]))
            start = at
    return out
