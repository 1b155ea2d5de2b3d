"""What all commands have in common on the command line: their names, how they are parsed, and what a mistake says."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from engine.nearest import did_you_mean

__all__ = ["COMMANDS", "PROG", "Parser", "UsageError", "check_command", "new_parser", "see_help"]

PROG = "imgopt-tui"
COMMANDS = {
    "run": "optimize a tree without a screen",
    "watch": "optimize images as they come into a folder",
    "estimate": "what a run would save and take, from a sample; nothing is written",
    "bench": "how fast this machine is, and how many workers it wants",
    "attach": "open the dashboard on a run that is going on or over",
    "ps": "list running runs",
    "ctl": "tell a running run: pause, workers, memory, cancel an image, ...",
    "stop": "end a running run",
    "undo": "put back what a run in place replaced",
    "backups": "list the originals that runs keep, or delete them",
    "runs": "list runs, past ones too",
    "status": "how a run stands, or how it ended",
    "report": "what a run saved, where, and what failed: text, JSON, CSV or a page",
    "resume": "go on with a run that was interrupted",
    "quarantine": "list images that crashed or hung workers, and are left out",
    "service": "a systemd unit for a watch, or a run by a timer",
    "doctor": "look at terminal, machine and folders, and say what to do",
    "schema": "print the JSON Schema of what is printed for programs",
    "optimize": "optimize one image: IN OUT [SETTINGS as JSON], result as JSON",
    "optimize-batch": "optimize a list of tasks: JSON in, JSON out",
    "config": "show settings and where they come from; init, edit, check a settings file",
    "completions": "print what completes commands and options on Tab: bash, zsh, fish",
    "man": "print the manual page",
}
EPILOG = """\
exit codes: 0 all fine (kept and skipped images included), 1 some images failed, 2 wrong usage or settings,
3 nothing to do was found, 4 stopped by a limit, 130 interrupted, 143 terminated"""


class UsageError(Exception):
    """The command line cannot be understood; carries the sentence to print."""


MOST_USED = (
    *("quality", "target_quality", "format", "long_edge", "max_size", "output", "in_place", "overwrite", "exclude"),
    *("newer", "workers"),
)
"""Settings that the short help names too."""
MOST_BESIDE = 48
"""Characters of an example beside which there is room for what it is for."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of ending the program; ``-h`` is its short help, ``--help`` all of it."""

    command = ""
    """The empty one is the dashboard's."""

    def format_help(self) -> str:
        """All of it, with examples."""
        return _paragraphs(super().format_help(), self._examples())

    def short_help(self) -> str:
        """What is needed most: of the settings only those that most people use."""
        formatter = self._get_formatter()
        settings = [action for action in self._actions if action.dest.startswith("set_")]
        used = [action for action in settings if action.dest.removeprefix("set_") in MOST_USED]
        if settings and self.command:
            places = [action.metavar for action in self._actions if not action.option_strings]
            formatter.add_usage(" ".join([self.prog, "[options]", *map(str, places), "..."]), [], [])
        else:
            formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        formatter.start_section("options")
        formatter.add_arguments(action for action in self._actions if action not in settings)
        formatter.end_section()
        if used:
            formatter.start_section("settings used most")
            formatter.add_arguments(used)
            formatter.end_section()
        more = f"all {len(settings)} settings: {self.prog} --help" if len(settings) > len(used) else ""
        return _paragraphs(formatter.format_help(), more, self._examples())

    def _examples(self) -> str:
        from tui.examples import EXAMPLES

        command, _, action = self.command.partition(" ")
        mine = [(words, what) for words, what in EXAMPLES.get(command, ()) if words.startswith(action)]
        lines = [(" ".join([PROG, *command.split(), *words.split()]), what) for words, what in mine]
        if not lines:
            return ""
        width = max(len(line) for line, _ in lines)
        between = "  " if width <= MOST_BESIDE else "\n      "
        shown = [f"  {f'{line:<{width}}' if between == '  ' else line}{between}{what}" for line, what in lines]
        return "\n".join(["examples:", *shown])

    def error(self, message: str) -> NoReturn:
        """The sentence, with what may have been meant."""
        raise UsageError(f"{message}{self._meant(message)}; see {self.prog} --help")

    def _meant(self, message: str) -> str:
        """The options that come closest to those that are not known."""
        unknown = message.partition("unrecognized arguments: ")[2].split()
        given = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        return did_you_mean(given, [name for name in self._option_string_actions if name.startswith("--")])


def check_command(word: str) -> None:
    """A first word that is no path but nearly a command was meant as one; raises UsageError."""
    if word.startswith("-") or os.sep in word or os.path.lexists(word):
        return
    if meant := did_you_mean([word], COMMANDS):
        see_help(f"{word!r} is neither a command nor a file here{meant}")


def see_help(sentence: str, command: str = "") -> NoReturn:
    """Raise UsageError with where more is said."""
    raise UsageError(f"{sentence}; see {f'{PROG} {command}'.rstrip()} --help")


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


class _Help(argparse.Action):
    """Prints help and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        short = option_string == "-h" and isinstance(parser, Parser)
        print(parser.short_help() if short and isinstance(parser, Parser) else parser.format_help(), end="")
        parser.exit()


def new_parser(command: str, description: str) -> Parser:
    """One for a command; the empty one is the dashboard's."""
    parser = Parser(
        prog=f"{PROG} {command}".rstrip(),
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.command = command
    words = "-h: what is needed most; --help: all of it"
    parser.add_argument("-h", "--help", action=_Help, nargs=0, default=argparse.SUPPRESS, help=words)
    return parser
