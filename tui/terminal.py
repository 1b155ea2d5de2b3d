"""What the environment says about the terminal: is there one, how many colours, which characters, light or dark."""

from __future__ import annotations

import sys
from collections.abc import Mapping

__all__ = ["AUTO", "colour_depth", "is_utf8", "usable"]

AUTO = "auto"
_FEW = ("linux", "xterm", "screen", "tmux", "rxvt", "ansi", "cygwin", "putty", "eterm", "konsole")
"""Terminals of at least 16 colours; with ``-256color`` or ``-direct`` behind the name they have more."""


def usable(environ: Mapping[str, str]) -> bool:
    """Whether there is a terminal that a dashboard can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def colour_depth(environ: Mapping[str, str], asked: str = AUTO) -> str:
    """``none``, ``16``, ``256`` or ``true``: what was asked for, else NO_COLOR, else what TERM and COLORTERM say."""
    if asked != AUTO:
        return asked
    term = environ.get("TERM", "").lower()
    if environ.get("NO_COLOR"):
        return "none"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return "true"
    if "256color" in term:
        return "256"
    if term.split("-")[0] in _FEW or "color" in term:
        return "16"
    # Terminals that go by their own name (alacritty, foot, xterm-kitty, ghostty …) are younger than 256 colours.
    return "none" if term.startswith(("vt", "dumb", "sun", "wy")) else "256"


def is_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the user's locale says so. Python itself may have set LC_CTYPE for the C locale, so that one counts only
    where LANG does not say C; nothing set at all counts as C."""
    everything, kind, language = (environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    plain = language in ("", "C", "POSIX")
    named = everything or (kind if kind and not (plain and kind == "C.UTF-8") else language)
    return "utf" in named.lower()
