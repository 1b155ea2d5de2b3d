"""Patterns in the syntax of ``.gitignore`` (gitignore(5)): which paths below a folder they match.

``*.gif`` matches at any depth, ``/raw`` and ``a/b`` from the folder on, ``thumbs/`` only folders, ``**`` any number of
folders, ``!keep.gif`` takes back. The last pattern that matches decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Rules", "glob"]

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern without ``!`` and without a slash at its end, as an expression for whole relative paths."""
    try:
        return re.compile(_expression(pattern), re.DOTALL)
    except (re.error, ValueError):
        return re.compile(r"(?!)")  # what is not closed, or no range, matches nothing


def _expression(pattern: str) -> str:
    anchored = "/" in pattern
    parts = pattern.removeprefix("/").split("/")
    out = "" if anchored else "(?:.*/)?"
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**" and anchored:
            out += ".+" if last else "(?:.*/)?"
        else:
            out += _segment(part) + ("" if last else "/")
    return out


def _segment(text: str) -> str:
    """What lies between two slashes; raises ValueError."""
    out, at = "", 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "\\":
            out += re.escape(text[at : at + 1] or _open())
            at += 1
        elif char == "[":
            end = _end_of_class(text, at) or len(_open())
            out += _class(text[at:end])
            at = end + 1
        else:
            out += re.escape(char)
    return out


def _open() -> str:
    raise ValueError("not closed")


def _end_of_class(text: str, at: int) -> int:
    """Where the ``]`` is that closes a class whose content begins at ``at``; 0: nowhere."""
    at += text[at : at + 1] in ("!", "^")
    at += text[at : at + 1] == "]"
    while at < len(text):
        if text.startswith("[:", at) and (end := text.find(":]", at)) > 0:
            at = end + 2
        elif text[at] == "\\":
            at += 2
        elif text[at] == "]":
            return at
        else:
            at += 1
    return 0


def _class(content: str) -> str:
    negated = content[:1] in ("!", "^")
    content = content[negated:]
    inner = re.sub(r"\[:([a-z]+):\]", lambda found: f"\0{found[1]}\0", content)
    inner = re.sub(r"\\(.)", lambda found: found[1] if found[1] not in "\\]^-" else "\\" + found[1], inner)
    inner = re.sub(r"(\\.)|([\[\]\\&~|])", lambda found: found[1] or "\\" + found[2], inner)
    inner = re.sub("\0([a-z]+)\0", lambda found: _CLASSES.get(found[1], ""), inner)
    return f"(?!/)[{'^' if negated else ''}{inner}]"


@dataclass(frozen=True, slots=True)
class _Rule:
    expression: re.Pattern[str]
    negated: bool
    folders_only: bool


class Rules:
    """Some patterns, in their order."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def verdict(self, path: str, *, folder: bool = False) -> bool | None:
        """Whether a relative path is matched; False: taken back by ``!``; None: no pattern speaks of it."""
        for rule in reversed(self._rules):
            if (folder or not rule.folders_only) and rule.expression.fullmatch(path):
                return not rule.negated
        return None


def _rule(line: str) -> _Rule | None:
    """None for a comment and for an empty line."""
    line = line.rstrip("\r\n")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    line = line[negated:]
    folders_only = line.endswith("/")
    line = line.rstrip("/") if folders_only else line
    return _Rule(glob(line), negated, folders_only) if line else None
