"""What commands that delete have in common: how old is old, and whether the user agrees."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from engine.errors import PlanError
from engine.since import parse_age

__all__ = ["age", "agreed"]


def age(text: str) -> float:
    """Seconds from the value of ``--older-than``; raises PlanError."""
    try:
        return parse_age(text)
    except ValueError:
        allowed = "use hours, days or weeks such as 12h, 30d, 4w"
        raise PlanError(f"--older-than {text!r} is not allowed: {allowed}") from None


def agreed(what: str, lines: Iterable[str], question: str) -> bool:
    """Whether the user wants it, after the lines that say what would go; raises PlanError where nobody can be asked:
    deleting ``what`` must then be confirmed."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanError(f"deleting {what} must be confirmed: add --yes")
    for line in lines:
        print(f"imgopt-tui: {line}", file=sys.stderr)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
