"""Changing some keys of a TOML text and leaving the rest of it, comments and order included, as it is.

The text is cut into lines of tables; a statement that spans lines is one piece. What comes out is read again and
compared with what it should hold, so a form that this does not understand (inline tables, dotted keys) is found out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

__all__ = ["Changes", "changed_document", "edited"]

Changes = Mapping[tuple[str, ...], Mapping[str, Any] | None]
"""Path of a table, ``()`` for the top → its keys to set, or to remove where the value is None; None for the whole table
removes it."""
_HEADER = re.compile(r"\s*\[\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*\]\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
LONGEST = 20_000
"""Characters of one statement; a text with a longer one is not changed in place."""
_COMMENTED = re.compile(r"#\s?([A-Za-z0-9_-]+)\s*=")


class _Table:
    """A header and the pieces of text below it."""

    def __init__(self, path: tuple[str, ...], header: str) -> None:
        self.path = path
        self.header = header
        self.pieces: list[str] = []

    def change(self, values: Mapping[str, Any]) -> None:
        """Set keys, and remove those whose value is None."""
        for key, value in values.items():
            if value is not None:
                self._set(key, value)
            elif (at := self._find(_KEY, key)) is not None:
                del self.pieces[at]

    def _set(self, key: str, value: Any) -> None:
        import tomli_w

        line = tomli_w.dumps({key: value})
        if (at := self._find(_KEY, key)) is not None:
            comment = _trailing_comment(self.pieces[at])
            self.pieces[at] = f"{line.rstrip()}{comment}\n"
            return
        at = self._place(key)
        if at and not self.pieces[at - 1].endswith("\n"):
            self.pieces[at - 1] += "\n"
        self.pieces.insert(at, line)

    def _place(self, key: str) -> int:
        """Where a new key goes: below its commented-out sample, else below the last key."""
        if (sample := self._find(_COMMENTED, key)) is not None:
            return sample + 1
        last = max((number for number, piece in enumerate(self.pieces) if _KEY.match(piece)), default=None)
        if last is not None:
            return last + 1
        blank = (number for number, piece in enumerate(self.pieces) if not piece.strip())
        return 0 if self.path else next(blank, len(self.pieces))

    def _find(self, pattern: re.Pattern[str], key: str) -> int | None:
        named = (number for number, piece in enumerate(self.pieces) if (m := pattern.match(piece)) and m[1] == key)
        return next(named, None)

    @property
    def text(self) -> str:
        return self.header + "".join(self.pieces)


def edited(text: str, changes: Changes) -> str | None:
    """``text``, a valid TOML document, with ``changes``; None when it cannot be changed without being written anew."""
    tables = _tables(text)
    if tables is None:
        return None
    for path, values in changes.items():
        if values is None:
            tables = [table for table in tables if table.path[: len(path)] != path or not path]
            continue
        table = next((each for each in tables if each.path == path), None)
        if table is None and any(value is not None for value in values.values()):
            table = _new_table(tables, path)
        if table is not None:
            table.change(values)
    result = "".join(table.text for table in tables)
    try:
        same = tomllib.loads(result) == changed_document(tomllib.loads(text), changes)
    except ValueError:
        return None
    return result if same else None


def _new_table(tables: list[_Table], path: tuple[str, ...]) -> _Table:
    text = tables[-1].text
    if text and not text.endswith("\n"):
        tables[-1].pieces.append("\n")
    gap = "\n" if any(table.text for table in tables) else ""
    table = _Table(path, f"{gap}[{'.'.join(path)}]\n")
    tables.append(table)
    return table


def _tables(text: str) -> list[_Table] | None:
    tables = [_Table((), "")]
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if len(statement) > LONGEST:
            return None
        if not _complete(statement):
            continue
        header = _HEADER.fullmatch(statement.rstrip("\r\n"))
        if header:
            tables.append(_Table(tuple(part.strip() for part in header[1].split(".")), statement))
        else:
            tables[-1].pieces.append(statement)
        statement = ""
    tables[-1].pieces.append(statement)
    return tables


def _complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except ValueError:
        return False
    return True


def _trailing_comment(piece: str) -> str:
    """The comment behind a value that takes one line, with the room before it."""
    line = piece.rstrip("\r\n")
    if "\n" in line:
        return ""
    for at in (number for number, char in enumerate(line) if char == "#"):
        if _complete(line[:at]):
            return line[len(line[:at].rstrip()) :]
    return ""


def changed_document(document: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """What a document holds after ``changes``; tables left empty stay where they were written before."""
    result = deepcopy(dict(document))
    for path, values in changes.items():
        if values is None:
            _drop(result, path)
        elif any(value is not None for value in values.values()) or _at(result, path) is not None:
            table = result
            for part in path:
                table = table.setdefault(part, {})
            for key, value in values.items():
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = value
    return result


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = document
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _drop(document: dict[str, Any], path: tuple[str, ...]) -> None:
    holder = _at(document, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
        if not holder and len(path) > 1:
            document.pop(path[0], None)
