"""One thing that ``doctor`` looked at: what it is, what that means for a run, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level"]


class Level(StrEnum):
    """How it stands."""

    OK = "ok"
    NOTE = "note"
    """Good to know; nothing is wrong."""
    WARN = "warn"
    """Works, but worse or less safely than it could."""
    BAD = "bad"
    """Does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line, and what belongs to it."""

    name: str
    """One word or two."""
    level: Level
    value: str
    """What was found."""
    meaning: str = ""
    """What it means for a run; empty where the value says it."""
    action: str = ""
    """What to do; empty where there is nothing to be done."""
