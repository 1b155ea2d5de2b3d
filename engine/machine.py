"""What is printed for programs: JSON with a version, in valid Unicode, with the exact bytes of names that are not.

The shapes are in ``output.schema.json`` beside this file. A name that is not UTF-8 has U+FFFD for each odd byte, and
beside its field ``x`` stands ``x_b64``: all its bytes in base64. For a list of names ``x``, ``x_b64`` is a list.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["SCHEMA", "dumps", "exact", "schema_text"]

SCHEMA = 1
"""Version of the shapes: it changes when a field goes or means something else, not when one is added."""
SUFFIX = "_b64"


def schema_text() -> str:
    """The JSON Schema of everything that is printed."""
    return (Path(__file__).parent / "output.schema.json").read_text(encoding="utf-8")


def dumps(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """One line of JSON: an object, or a list of objects, each with its ``schema``."""
    if isinstance(value, Mapping):
        return json.dumps({"schema": SCHEMA, **_object(value)})
    return json.dumps([{"schema": SCHEMA, **_object(each)} for each in value])


def exact(name: str, text: str) -> dict[str, str]:
    """A field that holds a name as the system gives it, and its bytes beside it where it is not UTF-8."""
    if text.isascii() or (shown := _shown(text)) == text:
        return {name: text}
    return {name: shown, name + SUFFIX: _bytes(text)}


def _shown(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def _bytes(text: str) -> str:
    return base64.b64encode(os.fsencode(text)).decode("ascii")


def _object(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, str):
            found |= exact(name, part)
        elif isinstance(part, list | tuple) and any(isinstance(each, str) and not _sound(each) for each in part):
            found |= {name: [_shown(each) for each in part], name + SUFFIX: [_bytes(each) for each in part]}
        else:
            found[name] = _part(part)
    return found


def _part(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _object(value)
    return [_part(each) for each in value] if isinstance(value, list | tuple) else value


def _sound(text: str) -> bool:
    return text.isascii() or _shown(text) == text
