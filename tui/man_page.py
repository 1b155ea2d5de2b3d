"""The man page, made of the command line as it is parsed: ``imgopt-tui.1`` in the troff language (``man`` macros)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import engine
from tui.examples import EXAMPLES
from tui.grammar import EPILOG, PROG
from tui.spoken import Command, Option

__all__ = ["man_page"]

_INTRODUCTION = """\
{prog} makes large trees of images smaller. Without a command it opens a dashboard in the terminal; the commands do the
same for scripts. Results go into a folder of their own unless told otherwise; originals are replaced only with
--in-place, and {prog} undo puts them back.

A first word that is one of the commands is the command; write ./run for a folder of that name."""
_FILES = (
    ("$XDG_CONFIG_HOME/imgopt-tui/config.toml", "your settings (~/.config where XDG_CONFIG_HOME is not set)"),
    ("$XDG_CONFIG_HOME/imgopt-tui/theme.toml", "your colours"),
    ("imgopt-tui.toml", "settings of a project, in the working directory"),
    ("$XDG_STATE_HOME/imgopt-tui/", "journal of runs, log, sockets of running runs (~/.local/state)"),
    (".imgopt-backups", "in a folder worked on in place: the originals"),
    (".imgoptignore", "what to leave out, in the syntax of .gitignore"),
)
_ENVIRONMENT = (
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "where settings and state lie"),
    ("TERM, COLORTERM, NO_COLOR", "which colours the dashboard uses"),
    ("LANG, LC_ALL, LC_CTYPE", "whether it draws with more than 7-bit characters"),
)

_ABOVE = {("--preset",), ("--config",)}
"""Options that some commands share with the dashboard, beside those of settings."""


def man_page(commands: Sequence[Command]) -> str:
    """All of it; ends with a line break."""
    dashboard = commands[0]
    # Options of settings are the same for all commands that have them: told once, below.
    settings = [option for option in dashboard.options if option.group.endswith("settings")]
    lines = [
        f'.TH {PROG.upper()} 1 "" "{PROG} {engine.__version__}" "User Commands"',
        ".SH NAME",
        f"{PROG} \\- make large trees of images smaller",
        ".SH SYNOPSIS",
        ".nf",
        *(_escaped(line.strip()) for line in dashboard.usage.splitlines()),
        ".fi",
        ".SH DESCRIPTION",
        *_text(_INTRODUCTION.format(prog=PROG)),
        ".SH OPTIONS",
        *_options(option for option in dashboard.options if option not in settings),
        ".SH COMMANDS",
    ]
    for command in commands[1:]:
        lines += _command(command, dashboard)
    lines += [".SH SETTINGS", *_text(f"Options of the dashboard and of the commands that say so ({PROG} COMMAND -h).")]
    for group in dict.fromkeys(option.group for option in settings):
        lines += [f".SS {_escaped(group.capitalize())}", *_options(each for each in settings if each.group == group)]
    examples = (line for command in commands for line in _examples(command.name))
    lines += [".SH EXAMPLES", ".nh", *examples, ".hy"]  # no hyphens where there are none
    lines += [".SH EXIT STATUS", *_text(EPILOG.removeprefix("exit codes: "))]
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        lines.append(f".SH {title}")
        lines += [line for name, what in entries for line in (".TP", _bold(name), *_text(what))]
    return "\n".join(lines) + "\n"


def _command(command: Command, dashboard: Command) -> Iterator[str]:
    """Its section: how it is written, what it does, and the options that the dashboard does not have."""
    yield f".SS {_escaped(command.name)}"
    places = [f"{place.values.name}{' ...' if place.several else ''}" for place in command.places]
    shown = [f"[{name}]" if place.optional else name for name, place in zip(places, command.places, strict=True)]
    yield f"{_bold(f'{PROG} {command.name}')} {_escaped(' '.join(['[options]', *shown]))}"
    yield ".PP"
    yield from _text(command.description)
    for name, place in zip(places, command.places, strict=True):
        if place.help:
            yield from (".TP", f"\\fI{_escaped(name)}\\fR", *_text(place.help))
    told = {(option.names, option.help) for option in dashboard.options}
    sections = {option.group for option in dashboard.options if option.group.endswith("settings")}
    yield from _options(option for option in command.options if (option.names, option.help) not in told)
    names = [max(option.names, key=len) for option in command.options if option.names in _ABOVE]
    groups = dict.fromkeys(option.group for option in command.options if option.group in sections)
    if also := [*names, *(f"the {group}" for group in groups)]:
        yield ".PP"
        yield from _text(f"Also {', '.join(also)}.")


def _examples(command: str) -> Iterator[str]:
    for words, what in EXAMPLES.get(command, ()):
        yield from (".TP", _bold(" ".join(f"{PROG} {command} {words}".split())), *_text(what))


def _options(options: Iterable[Option]) -> Iterator[str]:
    """A paragraph for each; the reverse of one (``--no-…``) has none."""
    for option in options:
        if option.help:
            value = f" \\fI{_escaped(option.values.name)}\\fR" if option.values else ""
            yield ".TP"
            yield ", ".join(f"{_bold(name)}{value}" for name in option.names)
            yield from _text(option.help)


def _text(text: str) -> Iterator[str]:
    """Text as it is, one paragraph after the other; lines that are indented stay lines of their own."""
    for place, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        if place:
            yield ".PP"
        kept = bool(re.search(r"^  |\S   *\S", paragraph, re.MULTILINE))
        if kept:
            yield ".nf"
        yield from map(_escaped, paragraph.splitlines())
        if kept:
            yield ".fi"


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _escaped(text: str) -> str:
    r"""Text that troff prints as it is, so that commands can be copied: ``\``, ``-``, ``'``, ``~``, and what a line
    must not begin with."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("~", "\\(ti")
    shown = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in shown)
    return f"\\&{shown}" if shown.startswith(".") else shown
