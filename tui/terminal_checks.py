"""What ``doctor`` says of the terminal, the link to it, and what happens to a run when the user logs out."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.finding import Finding, Level
from tui.terminal import colour_depth, is_utf8

__all__ = ["colours", "kills_user_processes", "link", "locale", "logout", "terminal", "terminal_findings"]

LEAST = (80, 24)
_DEPTHS = {"none": "none", "16": "16", "256": "256", "true": "16 million"}


def terminal(environ: Mapping[str, str], size: tuple[int, int] | None) -> Finding:
    """``size``: columns and lines; None: stdin or stdout is no terminal."""
    term = environ.get("TERM", "")
    if size is None:
        meaning = "the dashboard cannot be drawn; run, report and all other commands work"
        return Finding("terminal", Level.NOTE, "none here", meaning, "over SSH give ssh -t")
    value = f"{term or 'TERM not set'}, {size[0]} columns, {size[1]} lines"
    if term in ("", "dumb", "unknown"):
        meaning = "the dashboard cannot be drawn; run, report and all other commands work, in plain lines"
        return Finding("terminal", Level.NOTE, value, meaning, "set TERM to what it is, such as xterm-256color")
    if size[0] < LEAST[0] or size[1] < LEAST[1]:
        meaning = f"the dashboard is made for {LEAST[0]} x {LEAST[1]} and shows less here"
        return Finding("terminal", Level.NOTE, value, meaning, "make the window larger")
    return Finding("terminal", Level.OK, value)


def colours(environ: Mapping[str, str]) -> Finding:
    """How many."""
    depth = colour_depth(environ)
    if depth == "none":
        why = "NO_COLOR is set" if environ.get("NO_COLOR") else "by what TERM says"
        meaning = "states are told apart by characters, and bold"
        return Finding("colours", Level.NOTE, f"none: {why}", meaning, "--colors 16 or 256 if it has more")
    return Finding("colours", Level.OK, _DEPTHS[depth])


def locale(environ: Mapping[str, str]) -> Finding:
    """The characters of the terminal, by the locale."""
    name = next((environ[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(key)), "not set")
    if is_utf8(environ):
        return Finding("locale", Level.OK, name)
    meaning = "everything is drawn with 7-bit characters, other letters of names show as ?; files are not affected"
    return Finding("locale", Level.NOTE, name, meaning, "export LANG=C.UTF-8")


def link(environ: Mapping[str, str]) -> Finding:
    """How the terminal is reached."""
    inside = "tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else ""
    far = environ.get("SSH_CONNECTION", "").split(" ")[0]
    value = " ".join([f"SSH from {far}" if far else "local", *([f"inside {inside}"] if inside else [])])
    if far:
        meaning = "the dashboard measures the link and redraws less where it is slow; a run goes on when it drops"
        return Finding("link", Level.OK, value, meaning)
    return Finding("link", Level.OK, value)


def kills_user_processes(root: Path = Path("/")) -> bool | None:
    """What logind is told to do at the last logout, by its files; None: there is no logind here."""
    if not (root / "run/systemd/seats").is_dir():
        return None
    folders = [root / part / "systemd" for part in ("usr/lib", "usr/local/lib", "run", "etc")]
    files = [folder / "logind.conf" for folder in folders]
    dropped = {path.name: path for folder in folders for path in sorted((folder / "logind.conf.d").glob("*.conf"))}
    found = False
    for path in (*files, *(dropped[name] for name in sorted(dropped))):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
            found = parser.getboolean("Login", "KillUserProcesses", fallback=found)
        except (configparser.Error, ValueError, UnicodeDecodeError, OSError):
            continue
    return found


def logout(kills: bool | None) -> Finding:
    """``kills``: as ``kills_user_processes`` says."""
    if kills is None:
        return Finding("logout", Level.OK, "no logind here: a run goes on when you log out")
    if not kills:
        return Finding("logout", Level.OK, "KillUserProcesses=no: a run goes on when you log out")
    meaning = "systemd ends your runs when your last session ends; resume goes on with them"
    action = "loginctl enable-linger, then systemd-run --user --scope imgopt-tui ..."
    return Finding("logout", Level.WARN, "KillUserProcesses=yes", meaning, action)


def terminal_findings() -> Iterator[Finding]:
    """Look."""
    there = os.get_terminal_size(1) if os.isatty(0) and os.isatty(1) else None
    yield terminal(os.environ, (there.columns, there.lines) if there is not None else None)
    yield colours(os.environ)
    yield locale(os.environ)
    yield link(os.environ)
    yield logout(kills_user_processes())
