"""The command line of ``imgopt-tui config`` and its actions."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from engine.nearest import did_you_mean
from tui.grammar import Parser, new_parser, see_help
from tui.setting_options import add_settings

__all__ = ["ACTIONS", "config_parser", "parse_config"]

SECTIONS = ("encode", "output", "scan", "run", "limits", "screen")
ACTIONS = {
    "show": "every setting as it holds, and where it comes from (also without a word)",
    "init": "write a file with every setting, commented out",
    "path": "print where your settings file is",
    "edit": "open it in your editor; what comes of that is checked before it counts",
    "check": "list what is wrong with the settings files",
}


def config_parser() -> Parser:
    """All actions at once, for help, manual and completions; what is parsed is one of them."""
    listed = "\n".join(f"  {name:<6} {help}" for name, help in ACTIONS.items())
    parser = new_parser("config", f"Show, write, edit and check settings files.\n\nactions:\n{listed}")
    parser.usage = "imgopt-tui config [ACTION] [PATH] [options]"
    parser.add_argument("action", nargs="?", choices=ACTIONS, help="what to do (default: show)")
    _add_project(parser, "init, path, edit:")
    return _with_show(parser)  # its settings have a --force, which is an option of init too


def _show_parser() -> Parser:
    return _with_show(new_parser("config show", "Show every setting as it holds, and where it comes from."))


def _with_show(parser: Parser) -> Parser:
    parser.add_argument("path", nargs="?", metavar="PATH", help="for this image, or for the images in this folder")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--example", action="store_true", help="print what init writes, and do nothing else")
    add_settings(parser, SECTIONS)
    return parser


def _add_project(parser: Parser, what: str) -> None:
    parser.add_argument("--project", action="store_true", help=f"{what} imgopt-tui.toml in the working directory")


def _init_parser() -> Parser:
    parser = new_parser("config init", "Write a settings file with every setting, commented out at its default.")
    _add_project(parser, "write")
    parser.add_argument("--force", action="store_true", help="also where a file is, which is kept beside it as .bak")
    return parser


def _path_parser() -> Parser:
    parser = new_parser("config path", "Print where your settings file is, or would be.")
    _add_project(parser, "print that of")
    return parser


def _edit_parser() -> Parser:
    parser = new_parser(
        "config edit",
        "Open your settings file with $VISUAL, $EDITOR or vi. A result with mistakes does not take its place.",
    )
    _add_project(parser, "edit")
    return parser


def _check_parser() -> Parser:
    parser = new_parser("config check", "List everything that is wrong with the settings files; exit code 2 if any is.")
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="a settings file (.toml), or an image or folder: the files that hold for it "
        "(default: yours, and that of the working directory)",
    )
    return parser


_PARSERS: dict[str, Callable[[], Parser]] = {
    "show": _show_parser,
    "init": _init_parser,
    "path": _path_parser,
    "edit": _edit_parser,
    "check": _check_parser,
}


def parse_config(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``config``; raises UsageError. ``action`` is one of ``ACTIONS``."""
    first = arguments[0] if arguments else ""
    if first in _PARSERS:
        parsed = _PARSERS[first]().parse_intermixed_args(arguments[1:])
        parsed.action = first
        return parsed
    if first and not first.startswith("-") and os.sep not in first and not os.path.lexists(first):
        see_help(f"{first!r} is neither an action of config nor a file here{did_you_mean([first], ACTIONS)}", "config")
    helps = {"-h", "--help"} & set(arguments)
    parsed = (config_parser() if helps else _show_parser()).parse_intermixed_args(arguments)
    parsed.action = "show"
    return parsed
