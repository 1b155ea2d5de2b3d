"""The command line as plain data, read from its parsers: what completions and the man page are made of."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from enum import StrEnum

from engine.stock_presets import STOCK
from tui.ctl_words import WORDS
from tui.grammar import COMMANDS
from tui.options import parser_of

__all__ = ["Command", "Kind", "Option", "Place", "Values", "spoken"]


class Kind(StrEnum):
    """What the values of an option or a place are."""

    TEXT = "text"
    FILE = "file"
    FOLDER = "folder"
    RUN = "run"
    WORDS = "words"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Values:
    """What may be written at one place."""

    name: str
    """As help calls it, such as ``N`` or ``FILE``."""
    kind: Kind = Kind.TEXT
    words: tuple[str, ...] = ()
    """What may be written; with ``RUN`` also beside the ids of runs, with ``LIST`` several with commas between."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option; its names are one and the same."""

    names: tuple[str, ...]
    help: str
    """Empty for the reverse of another option."""
    values: Values | None
    """None: it takes no value."""
    several: bool
    """Whether it may be given again."""
    group: str
    """Title of its group in the help."""

    @property
    def short_help(self) -> str:
        """The part before details."""
        return self.help.partition(";")[0].partition(" (")[0]


@dataclass(frozen=True, slots=True)
class Place:
    """What is written without an option, in this order."""

    values: Values
    help: str
    several: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command; the empty name is the dashboard."""

    name: str
    help: str
    description: str
    usage: str
    options: tuple[Option, ...]
    places: tuple[Place, ...]


_KINDS = {
    "DIR": Kind.FOLDER,
    "ROOT": Kind.FOLDER,
    "PATH": Kind.FILE,
    "FILE": Kind.FILE,
    "SINCE": Kind.FILE,
    "IN": Kind.FILE,
    "OUT": Kind.FILE,
    "JSON|FILE|-": Kind.FILE,
    "RUN": Kind.RUN,
}
"""By the names that help uses; every other one is text that nobody can complete."""

_KNOWN = {
    "words": (Kind.RUN, tuple(WORDS)),
    "preset": (Kind.WORDS, tuple(preset.name for preset in STOCK)),
}
"""What is known of some places by the name they are parsed into."""


def spoken() -> tuple[Command, ...]:
    """The dashboard and every command."""
    return tuple(_command(name, help) for name, help in {"": "open the dashboard", **COMMANDS}.items())


def _command(name: str, help: str) -> Command:
    parser = parser_of(name)
    options, places = [], []
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.option_strings:
                options.append(_option(action, parser, group.title or ""))
            else:
                places.append(_place(action))
    usage = parser.format_usage().removeprefix("usage: ").strip()
    return Command(name, help, parser.description or "", usage, tuple(options), tuple(places))


def _option(action: argparse.Action, parser: argparse.ArgumentParser, group: str) -> Option:
    told = "" if action.help == argparse.SUPPRESS else _help(action, parser.prog)
    several = isinstance(action, argparse._AppendAction | argparse._CountAction)
    return Option(tuple(action.option_strings), told, _values(action), several, group)


def _place(action: argparse.Action) -> Place:
    values = _values(action)
    assert values is not None  # a place is nothing but its value
    nargs = action.nargs or ""
    return Place(values, _help(action, ""), several=nargs in ("*", "+"), optional=nargs in ("*", "?"))


def _help(action: argparse.Action, prog: str) -> str:
    return (action.help or "") % {**vars(action), "prog": prog}


def _values(action: argparse.Action) -> Values | None:
    if action.option_strings and action.nargs == 0:
        return None
    words = tuple(map(str, action.choices or ()))
    name = str(action.metavar or ("{" + ",".join(words) + "}" if words else action.dest.upper()))
    if name.startswith("{"):
        words = words or tuple(name.strip("{}").split(","))
    if action.dest in _KNOWN:
        return Values(name, *_KNOWN[action.dest])
    if words:
        return Values(name, Kind.LIST if isinstance(action, argparse._AppendAction) else Kind.WORDS, words)
    return Values(name, _KINDS.get(name, Kind.TEXT))
