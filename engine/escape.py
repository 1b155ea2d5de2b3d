"""Text from outside the program made harmless: names from a disk, reasons of libraries, words of the system."""

from __future__ import annotations

import unicodedata

__all__ = ["escape"]

_MARKS = 2
"""Combining characters allowed on one letter: enough for real scripts, too few to climb over the lines above."""
_PLAIN = str.maketrans({"⁄": "/", "×": "x", "−": "-", "–": "-", "—": "-", "’": "'", "…": "..."})
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escape(text: str, *, ascii_only: bool = False) -> str:
    """``text`` on one line without controls, direction overrides, invisible or undecodable characters.

    What is taken out is shown as ``\\x1b`` or ``\\u202e``; surrogates that stand for a byte show that byte.
    """
    if text.isascii() and text.isprintable():
        return text
    if ascii_only:
        text = _without_accents(text)
    out: list[str] = []
    stacked = _MARKS
    for char in text:
        combining = unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me")
        stacked = stacked + 1 if combining else 0
        if (combining and stacked > _MARKS) or unicodedata.category(char) in _UNSAFE or _selector(char):
            out.append(_code(char))
        elif char == " " or not char.isspace():
            out.append("?" if ascii_only and not char.isascii() else char)
        else:
            out.append(" ")
    return "".join(out)


def _selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or char == "\u3164" or char == "\u115f" or char == "\u1160"


def _code(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)).translate(
        _PLAIN
    )
