"""The command line that does the same without the dashboard."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from engine.schema import Kind, Setting
from engine.settings import SCHEMA, Settings

__all__ = ["run_line"]


def run_line(roots: Sequence[str], settings: Settings, *, command: str = "run") -> str:
    """``imgopt-tui run ROOTS`` with an option for each setting that differs from its default, ready for a shell.

    Settings of the screen and of watching are left out: they change nothing of a run.
    """
    words = ["imgopt-tui", command, *(root if not root.startswith("-") else f"./{root}" for root in roots)]
    for entry in SCHEMA:
        value = getattr(settings, entry.name)
        if entry.section not in ("screen", "watch") and entry.flags and value != entry.default:
            words += _option(entry, value)
    return shlex.join(words)


def _option(entry: Setting, value: object) -> list[str]:
    if entry.kind is Kind.FLAG:
        return [next((flag for flag in entry.flags if flag.startswith("--no-") is not bool(value)), entry.flags[0])]
    long = next((flag for flag in entry.flags if flag.startswith("--")), entry.flags[0])
    if entry.kind is Kind.PATTERNS and isinstance(value, tuple):
        return [
            word
            for pattern in value
            for word in ([f"{long}={pattern}"] if pattern.startswith("-") else [long, pattern])
        ]
    text = entry.show(value).replace(", ", ",") if entry.kind in (Kind.CHOICES, Kind.NUMBERS) else entry.show(value)
    return [f"{long}={text}"] if text.startswith("-") else [long, text]
