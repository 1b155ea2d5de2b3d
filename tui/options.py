"""The command line's grammar; the options of settings are made from their schema."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import engine
from engine.layers import Options
from engine.settings import SCHEMA, Kind, Setting
from engine.stock_presets import STOCK
from tui.ctl_words import table

__all__ = ["COMMANDS", "UsageError", "dashboard_parser", "given_settings", "parse", "presets_table", "settings_table"]

PROG = "imgopt-tui"
COMMANDS = {
    "run": "optimize a tree without a screen",
    "estimate": "what a run would save and take, from a sample; nothing is written",
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
    "doctor": "look at terminal, machine and folders, and say what to do",
    "schema": "print the JSON Schema of what is printed for programs",
    "optimize": "optimize one image: IN OUT [SETTINGS as JSON], result as JSON",
    "optimize-batch": "optimize a list of tasks: JSON in, JSON out",
    "config": "show where settings come from, or an example file",
}
EPILOG = """\
exit codes: 0 all fine (kept and skipped images included), 1 some images failed, 2 wrong usage or settings,
3 nothing to do was found, 4 stopped by a limit, 130 interrupted, 143 terminated"""


LEAST_SAMPLE = 10


class UsageError(Exception):
    """The command line cannot be understood; carries the sentence to print."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}{self._meant(message)}; see {self.prog} --help")

    def _meant(self, message: str) -> str:
        """The options that come closest to those that are not known."""
        unknown = message.partition("unrecognized arguments: ")[2].split()
        given = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        return _did_you_mean(given, [name for name in self._option_string_actions if name.startswith("--")])


def _did_you_mean(given: Sequence[str], known: Iterable[str]) -> str:
    """`` (did you mean …?)`` for words that come close to known ones; else empty."""
    names = list(known)
    close = [found[0] for word in given if (found := difflib.get_close_matches(word, names, 1))]
    return f" (did you mean {' '.join(close)}?)" if close else ""


def _check_command(word: str) -> None:
    """A first word that is no path but nearly a command was meant as one; raises UsageError."""
    if word.startswith("-") or os.sep in word or os.path.lexists(word):
        return
    if meant := _did_you_mean([word], COMMANDS):
        raise UsageError(f"{word!r} is neither a command nor a file here{meant}; see {PROG} --help")


def _parser(prog: str, description: str) -> _Parser:
    return _Parser(
        prog=prog,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_settings(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    stock = ", ".join(preset.name for preset in STOCK)
    groups = {section: parser.add_argument_group(f"{section} settings") for section in sections}
    for entry in SCHEMA:
        if entry.section in groups and entry.flags:
            _add_setting(groups[entry.section], entry)
    if "encode" in groups:
        parser.add_argument("--preset", metavar="NAME", help=f"start from {stock}, or a preset of your own")
    parser.add_argument("--config", type=Path, metavar="FILE", help="read settings from FILE alone")


def _add_setting(group: argparse._ArgumentGroup, entry: Setting) -> None:
    dest = f"set_{entry.name}"
    text = entry.help.replace("%", "%%")
    if entry.kind is Kind.FLAG:
        on = [flag for flag in entry.flags if not flag.startswith("--no-")]
        off = [flag for flag in entry.flags if flag.startswith("--no-")]
        group.add_argument(*on, dest=dest, action="store_const", const=True, default=argparse.SUPPRESS, help=text)
        if off:
            group.add_argument(
                *off, dest=dest, action="store_const", const=False, default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
        return
    default = entry.show(entry.default).replace("%", "%%")
    shown = f" (default {default})" if default else ""
    several = entry.kind in (Kind.CHOICES, Kind.NUMBERS, Kind.PATTERNS)
    if several:
        shown += "; several: the option again" + ("" if entry.kind is Kind.PATTERNS else ", or with commas between")
    metavar = {Kind.WHOLE: "N", Kind.SIZE: "SIZE", Kind.SECONDS: "S", Kind.PATH: "DIR", Kind.SAVINGS: "AMOUNT"}
    metavar |= {Kind.SIZE_LIMIT: "AMOUNT", Kind.FLOOR: "AMOUNT", Kind.NUMBERS: "N,N", Kind.PATTERNS: "GLOB"}
    metavar |= {Kind.SINCE: "SINCE"}
    group.add_argument(
        *entry.flags,
        dest=dest,
        action="append" if several else "store",
        default=argparse.SUPPRESS,
        metavar=metavar.get(entry.kind) or "{" + ",".join(entry.choices) + "}",
        help=text + shown,
    )


def given_settings(arguments: argparse.Namespace) -> Options:
    """What a command line says of settings, not yet checked."""
    values = {key.removeprefix("set_"): value for key, value in vars(arguments).items() if key.startswith("set_")}
    flags = {entry.name: entry.flags[-1] for entry in SCHEMA if entry.flags}
    return Options(values, flags, getattr(arguments, "preset", None), getattr(arguments, "config", None))


def settings_table() -> str:
    """Every setting as a Markdown table, for the README."""
    lines = ["| option | key | values | default | what |", "|---|---|---|---|---|"]
    for entry in SCHEMA:
        flags = " ".join(f"`{flag}`" for flag in entry.flags)
        key = f"`{entry.key}`" if entry.in_files else "(not in files)"
        default = entry.show(entry.default) or "not set"
        lines.append(f"| {flags} | {key} | {entry.allowed} | {default} | {entry.help} |")
    return "\n".join(lines)


def presets_table() -> str:
    """The presets that come with the program as a Markdown table, for the README."""
    known = {entry.name: entry for entry in SCHEMA}
    lines = ["| `--preset` | what for | settings | why |", "|---|---|---|---|"]
    for preset in STOCK:
        shown = (f"`{name}` {known[name].show(known[name].parse(value))}" for name, value in preset.values.items())
        lines.append(f"| `{preset.name}` | {preset.help} | {', '.join(shown)} | {preset.why} |")
    return "\n".join(lines)


def dashboard_parser() -> argparse.ArgumentParser:
    """``imgopt-tui [PATH…]``."""
    listed = "\n".join(f"  {name:<15} {help}" for name, help in COMMANDS.items())
    parser = _parser(PROG, f"Make large trees of images smaller.\n\ncommands ({PROG} COMMAND --help):\n{listed}")
    parser.usage = f"{PROG} [PATH ...] [options]   open the dashboard\n       {PROG} COMMAND [options]"
    parser.add_argument("paths", nargs="*", metavar="PATH", help="folders or images (default: the current folder)")
    parser.add_argument("--version", action="version", version=f"{PROG} {engine.__version__}")
    parser.add_argument(
        "--demo", action="store_true", help="make a few hundred images in a temporary folder and optimize them"
    )
    _add_settings(parser, ("encode", "output", "scan", "run", "limits", "screen"))
    parser.set_defaults(command="")
    return parser


def _run_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} run", "Optimize a tree without a screen. Progress goes to stderr, data to stdout.")
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="folders or images; - alone: one image, stdin to stdout"
    )
    parser.add_argument(
        "--files-from",
        metavar="FILE",
        help="only the images named in FILE, one a line; -: stdin. PATH is then the folder whose tree is kept "
        "(default: the one that holds them all)",
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="names in that list end with a zero byte, as -print0 has"
    )
    parser.add_argument(
        "-n",
        "--dry-run",
        action="store_true",
        help="list what would be read and written, say what that would save, do nothing",
    )
    _add_output(parser)
    _add_settings(parser, ("encode", "output", "scan", "run", "limits"))
    return parser


def _estimate_parser() -> argparse.ArgumentParser:
    parser = _parser(
        f"{PROG} estimate",
        "Say what a run with the same options would save and how much time and memory it would take, from a sample of\n"
        "the images, with the range that the truth lies in nine times out of ten. Nothing is written anywhere.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="folders or images")
    parser.add_argument(
        "--sample",
        type=_sample,
        default=200,
        metavar="N",
        help="images to try (10 or more; default 200); more make the range narrower, a small tree is tried whole",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-Q", "--quiet", action="store_true", help="show no progress")
    _add_settings(parser, ("encode", "output", "scan", "run", "limits"))
    return parser


def _sample(text: str) -> int:
    """The number of ``--sample``; raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < LEAST_SAMPLE:
        raise argparse.ArgumentTypeError(f"must be a number of at least {LEAST_SAMPLE}, not {text!r}")
    return int(text)


def _add_output(parser: _Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object with summary and results at the end")
    form.add_argument(
        "--ndjson", action="store_true", help="print one JSON line per image as it ends, then the summary"
    )
    parser.add_argument(
        "--on-hangup",
        choices=("finish", "pause", "stop"),
        default="finish",
        help="when the terminal closes; pause: until imgopt-tui attach lets it go on (default: finish)",
    )
    parser.add_argument("--csv", metavar="FILE", help="write one line an image to FILE at the end")
    parser.add_argument(
        "-Q",
        "--quiet",
        action="count",
        default=0,
        help="only failures, and one line if anything changed; -QQ: only failures",
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="name each image that was done or kept; -vv: with details"
    )
    parser.add_argument(
        "--on-finish", metavar="CMD", help="at the end run this shell command with the summary as JSON on its stdin"
    )
    parser.add_argument("--bell", action="store_true", help="ring the terminal's bell at the end")


def _add_run(parser: _Parser, default: str = "the newest") -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help=f"its id, or the beginning of it (default: {default})")


def _attach_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} attach", "Open the dashboard on a run that is going on, or on one that is over.")
    _add_run(parser, "the newest that is going on, else the newest")
    _add_settings(parser, ("screen",))
    return parser


def _stop_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} stop", "End a running run after the images in work.")
    _add_run(parser)
    parser.add_argument("--now", action="store_true", help="do not wait for the images in work; they stay as they are")
    return parser


def _undo_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} undo", "Put the originals back that a run in place replaced; what changed since stays.")
    parser.epilog = "exit codes: 0 all back, 1 some refused (named with the reason), 2 wrong usage, 3 nothing to undo"
    parser.add_argument("run", metavar="RUN", help="its id, the beginning of it, or last")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files or folders (default: all)")
    parser.add_argument(
        "--in", dest="places", action="append", default=[], metavar="ROOT", help="look for its backups in this folder"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be put back, do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object with summary and results")
    return parser


def _backups_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} backups", "List the originals that runs in place keep, or delete them.")
    parser.add_argument("places", nargs="*", metavar="ROOT", help="only those of these folders (default: all known)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--prune", metavar="RUN", help="delete those of this run; it cannot be undone afterwards")
    which.add_argument("--older-than", metavar="AGE", help="delete those of runs older than this: 12h, 30d, 4w")
    which.add_argument("--all", action="store_true", help="delete all that are listed")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _optimize_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} optimize", "Optimize one image and print its result as JSON.")
    parser.add_argument("input", metavar="IN")
    parser.add_argument("output", metavar="OUT", help="its extension is corrected to the format written")
    parser.add_argument("settings", nargs="?", default="{}", metavar="JSON", help="quality, resize, outputFormat")
    return parser


def _batch_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} optimize-batch", "Optimize a list of tasks and print their results as JSON, in order.")
    parser.add_argument("tasks", metavar="JSON|FILE|-", help="the tasks: JSON itself, a file, or - for stdin")
    parser.add_argument("-j", "--workers", type=int, metavar="N", help="worker processes (1 to 256)")
    return parser


def _config_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} config", "Show the settings in force and the files they come from.")
    parser.add_argument("--example", action="store_true", help="print an example file with every setting")
    return parser


def _ps_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} ps", "List the runs of this user that are going on, with state, share done, time left.")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    return parser


def _ctl_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} ctl", f"Tell a running run something; it obeys within a second.\n\ncommands:\n{table()}")
    parser.usage = f"{PROG} ctl [RUN] COMMAND [VALUE ...] [options]"
    parser.add_argument(
        "words", nargs="+", metavar="[RUN] COMMAND", help="RUN: its id, or the beginning of it (default: the newest)"
    )
    parser.add_argument("--now", action="store_true", help="with stop: do not wait for the images in work")
    parser.add_argument("--json", action="store_true", help="with status: print a JSON object")
    return parser


def _runs_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} runs", "List runs, newest first: when, where, how they ended.")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    return parser


def _status_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} status", "Show how a run stands, or how it ended.")
    _add_run(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def _report_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} report", "Tell what a run saved, where, and what failed: also while it is going on.")
    _add_run(parser)
    form = parser.add_mutually_exclusive_group()
    for name, what in (
        ("text", "some dozen lines (the default)"),
        ("json", "one JSON object with everything, every image too"),
        ("csv", "one line for each image"),
        ("html", "a page in one file: tables and pictures, no network"),
    ):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=what)
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE; its ending chooses the form")
    parser.add_argument("--against", metavar="RUN", help="compare with this run")
    return parser


def _doctor_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} doctor", "Look at terminal, machine, libvips and folders: what it means, what to do.")
    parser.epilog = "exit codes: 0 everything works, with notes and warnings or without, 1 something does not"
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def _schema_parser() -> argparse.ArgumentParser:
    return _parser(f"{PROG} schema", "Print the JSON Schema of everything that --json and --ndjson print.")


def _resume_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} resume", "Go on with a run that did not come to its end, with the same settings.")
    _add_run(parser, "the newest that did not end")
    _add_output(parser)
    return parser


def _quarantine_parser() -> argparse.ArgumentParser:
    parser = _parser(f"{PROG} quarantine", "List images that crashed or hung workers twice; runs leave them out.")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.add_argument("--clear", action="store_true", help="forget them all: the next run tries them again")
    return parser


_PARSERS = {
    "run": _run_parser,
    "estimate": _estimate_parser,
    "attach": _attach_parser,
    "ps": _ps_parser,
    "ctl": _ctl_parser,
    "stop": _stop_parser,
    "undo": _undo_parser,
    "backups": _backups_parser,
    "runs": _runs_parser,
    "status": _status_parser,
    "report": _report_parser,
    "doctor": _doctor_parser,
    "schema": _schema_parser,
    "resume": _resume_parser,
    "quarantine": _quarantine_parser,
    "optimize": _optimize_parser,
    "optimize-batch": _batch_parser,
    "config": _config_parser,
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line (without the program's name); raises UsageError. ``command`` is empty for the dashboard."""
    if arguments and arguments[0] in _PARSERS:
        parser = _PARSERS[arguments[0]]()
        parsed = parser.parse_intermixed_args(arguments[1:])
        parsed.command = arguments[0]
        return parsed
    if arguments:
        _check_command(arguments[0])
    parser = dashboard_parser()
    return parser.parse_intermixed_args(arguments)
