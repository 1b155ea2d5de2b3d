"""The command line of each command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from engine.states import Hangup
from tui import VERSION
from tui.grammar import COMMANDS, PROG, Parser, check_command, new_parser
from tui.setting_options import add_settings
from tui.trial_options import bench_parser, estimate_parser

__all__ = ["dashboard_parser", "parse", "parser_of"]


def dashboard_parser() -> argparse.ArgumentParser:
    """``imgopt-tui [PATH…]``."""
    listed = "\n".join(f"  {name:<15} {help}" for name, help in COMMANDS.items())
    parser = new_parser("", f"Make large trees of images smaller.\n\ncommands ({PROG} COMMAND --help):\n{listed}")
    parser.usage = f"{PROG} [PATH ...] [options]   open the dashboard\n       {PROG} COMMAND [options]"
    parser.add_argument(
        "paths", nargs="*", default=[], metavar="PATH", help="folders or images (default: the current folder)"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument(
        "--demo", action="store_true", help="make a few hundred images in a temporary folder and optimize them"
    )
    add_settings(parser, ("encode", "output", "scan", "run", "limits", "screen"))
    parser.set_defaults(command="")
    return parser


def _run_parser() -> argparse.ArgumentParser:
    parser = new_parser("run", "Optimize a tree without a screen. Progress goes to stderr, data to stdout.")
    parser.add_argument(
        "paths", nargs="*", default=[], metavar="PATH", help="folders or images; - alone: one image, stdin to stdout"
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
    add_settings(parser, ("encode", "output", "scan", "run", "limits"))
    return parser


def _number(text: str) -> int:
    """A whole number from 0; raises ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def _add_output(parser: Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object with summary and results at the end")
    form.add_argument(
        "--ndjson", action="store_true", help="print one JSON line per image as it ends, then the summary"
    )
    _add_words(parser)
    parser.add_argument("--csv", metavar="FILE", help="write one line an image to FILE at the end")
    parser.add_argument(
        "--on-finish", metavar="CMD", help="at the end run this shell command with the summary as JSON on its stdin"
    )
    parser.add_argument("--bell", action="store_true", help="ring the terminal's bell at the end")


def _add_words(parser: Parser) -> None:
    """How much is said."""
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


def _watch_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "watch",
        "Do images as they come into folders, until it is ended. It is a run as any other: ps, attach, ctl and report\n"
        "know it. New and changed images are done once they lie still, also those that came while it was away.",
    )
    parser.epilog = (
        "exit codes: 0 ended by SIGTERM or imgopt-tui stop, 2 wrong usage or settings, 4 stopped by a limit or as a\n"
        "folder is gone, 130 interrupted. Images that fail do not end it, and are not tried again until they change."
    )
    parser.add_argument("paths", nargs="+", metavar="DIR", help="folders to watch, with all below")
    parser.add_argument(
        "--ndjson", "--json", action="store_true", help="print one JSON line per image as it ends, then the summary"
    )
    _add_words(parser)
    add_settings(parser, ("watch", "encode", "output", "scan", "run", "limits"))
    return parser


def _service_parser() -> argparse.ArgumentParser:
    from tui.service_options import service_parser

    return service_parser()


def _add_run(parser: Parser, default: str = "the newest") -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help=f"its id, or the beginning of it (default: {default})")


def _attach_parser() -> argparse.ArgumentParser:
    parser = new_parser("attach", "Open the dashboard on a run that is going on, or on one that is over.")
    _add_run(parser, "the newest that is going on, else the newest")
    add_settings(parser, ("screen",))
    return parser


def _stop_parser() -> argparse.ArgumentParser:
    parser = new_parser("stop", "End a running run after the images in work.")
    _add_run(parser)
    parser.add_argument("--now", action="store_true", help="do not wait for the images in work; they stay as they are")
    return parser


def _undo_parser() -> argparse.ArgumentParser:
    parser = new_parser("undo", "Put the originals back that a run in place replaced; what changed since stays.")
    parser.epilog = "exit codes: 0 all back, 1 some refused (named with the reason), 2 wrong usage, 3 nothing to undo"
    parser.add_argument("run", metavar="RUN", help="its id, the beginning of it, or last")
    parser.add_argument(
        "paths", nargs="*", default=[], metavar="PATH", help="only these files or folders (default: all)"
    )
    parser.add_argument(
        "--in", dest="places", action="append", default=[], metavar="ROOT", help="look for its backups in this folder"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be put back, do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object with summary and results")
    return parser


def _backups_parser() -> argparse.ArgumentParser:
    parser = new_parser("backups", "List the originals that runs in place keep, or delete them.")
    parser.add_argument(
        "places", nargs="*", default=[], metavar="ROOT", help="only those of these folders (default: all known)"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--prune", metavar="RUN", help="delete those of this run; it cannot be undone afterwards")
    which.add_argument("--older-than", metavar="AGE", help="delete those of runs older than this: 12h, 30d, 4w")
    which.add_argument("--all", action="store_true", help="delete all that are listed")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _optimize_parser() -> argparse.ArgumentParser:
    parser = new_parser("optimize", "Optimize one image and print its result as JSON.")
    parser.add_argument("input", metavar="IN")
    parser.add_argument("output", metavar="OUT", help="its extension is corrected to the format written")
    parser.add_argument("settings", nargs="?", default="{}", metavar="JSON", help="quality, resize, outputFormat")
    return parser


def _batch_parser() -> argparse.ArgumentParser:
    parser = new_parser("optimize-batch", "Optimize a list of tasks and print their results as JSON, in order.")
    parser.add_argument("tasks", metavar="JSON|FILE|-", help="the tasks: JSON itself, a file, or - for stdin")
    parser.add_argument("-j", "--workers", type=int, metavar="N", help="worker processes (1 to 256)")
    parser.add_argument("-Q", "--quiet", action="store_true", help="no lines of progress on stderr")
    return parser


def _config_parser() -> argparse.ArgumentParser:
    from tui.config_options import config_parser

    return config_parser()


def _parse(command: str, rest: Sequence[str]) -> argparse.Namespace:
    if command == "config":
        from tui.config_options import parse_config

        return parse_config(rest)
    if command == "service":
        from tui.service_options import parse_service

        return parse_service(rest, parse)
    return parser_of(command).parse_intermixed_args(rest)


def _ps_parser() -> argparse.ArgumentParser:
    parser = new_parser("ps", "List the runs of this user that are going on, with state, share done, time left.")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    return parser


def _ctl_parser() -> argparse.ArgumentParser:
    from tui.ctl_words import table

    parser = new_parser("ctl", f"Tell a running run something; it obeys within a second.\n\ncommands:\n{table()}")
    parser.usage = f"{PROG} ctl [RUN] COMMAND [VALUE ...] [options]"
    parser.add_argument(
        "words", nargs="+", metavar="[RUN] COMMAND", help="RUN: its id, or the beginning of it (default: the newest)"
    )
    parser.add_argument("--now", action="store_true", help="with stop: do not wait for the images in work")
    parser.add_argument("--json", action="store_true", help="with status: print a JSON object")
    return parser


def _runs_parser() -> argparse.ArgumentParser:
    parser = new_parser("runs", "List runs, newest first: when, where, how they ended; or take old ones off the list.")
    parser.add_argument("--json", action="store_true", help="print a JSON list; with --prune an object")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="take runs off the list, with reports and logs; what is done stays known, and a run whose originals are "
        "kept stays listed (see backups)",
    )
    parser.add_argument("--older-than", metavar="AGE", help="with --prune: runs older than this: 12h, 30d, 4w")
    parser.add_argument("--keep", type=_number, metavar="N", help="with --prune: not the newest N runs")
    parser.add_argument("--yes", action="store_true", help="with --prune: do not ask")
    return parser


def _status_parser() -> argparse.ArgumentParser:
    parser = new_parser("status", "Show how a run stands, or how it ended.")
    _add_run(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def _report_parser() -> argparse.ArgumentParser:
    parser = new_parser("report", "Tell what a run saved, where, and what failed: also while it is going on.")
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
    parser = new_parser("doctor", "Look at terminal, machine, libvips and folders: what it means, what to do.")
    parser.epilog = "exit codes: 0 everything works, with notes and warnings or without, 1 something does not"
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def _schema_parser() -> argparse.ArgumentParser:
    return new_parser("schema", "Print the JSON Schema of everything that --json and --ndjson print.")


def _resume_parser() -> argparse.ArgumentParser:
    parser = new_parser("resume", "Go on with a run that did not come to its end, with the same settings.")
    _add_run(parser, "the newest that did not end")
    _add_output(parser)
    parser.add_argument("--on-hangup", choices=tuple(Hangup), help="when its terminal closes (default: as before)")
    return parser


def _quarantine_parser() -> argparse.ArgumentParser:
    parser = new_parser("quarantine", "List images that crashed or hung workers twice; runs leave them out.")
    parser.add_argument(
        "paths", nargs="*", default=[], metavar="PATH", help="only these images and folders (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.add_argument("--clear", action="store_true", help="hold nothing against them: the next run tries them again")
    return parser


def _completions_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "completions",
        "Print a script that completes commands, options, their values and runs on Tab.\n\n"
        f'bash:  eval "$({PROG} completions bash)" in ~/.bashrc\n'
        f"zsh:   {PROG} completions zsh > a folder of $fpath/_{PROG}\n"
        f"fish:  {PROG} completions fish > ~/.config/fish/completions/{PROG}.fish",
    )
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
    return parser


def _man_parser() -> argparse.ArgumentParser:
    return new_parser("man", f"Print the manual as a man page; to read it: {PROG} man | man -l -")


_PARSERS = {
    "run": _run_parser,
    "watch": _watch_parser,
    "estimate": estimate_parser,
    "bench": bench_parser,
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
    "service": _service_parser,
    "schema": _schema_parser,
    "resume": _resume_parser,
    "quarantine": _quarantine_parser,
    "optimize": _optimize_parser,
    "optimize-batch": _batch_parser,
    "config": _config_parser,
    "completions": _completions_parser,
    "man": _man_parser,
}


def parser_of(command: str) -> argparse.ArgumentParser:
    """That of a command; the empty one is the dashboard's."""
    return _PARSERS[command]() if command else dashboard_parser()


def _plain(arguments: Sequence[str]) -> Sequence[str]:
    """What follows ``--`` are paths whatever they begin with: they are made to look like it."""
    if "--" not in arguments:
        return arguments
    at = list(arguments).index("--")
    return [*arguments[:at], *(f"./{word}" if word[:1] == "-" != word else word for word in arguments[at + 1 :])]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line (without the program's name); raises UsageError. ``command`` is empty for the dashboard."""
    arguments = _plain(_with_suffix(arguments))
    if arguments and arguments[0] in _PARSERS:
        parsed = _parse(arguments[0], arguments[1:])
        parsed.command = arguments[0]
        return parsed
    if arguments:
        check_command(arguments[0])
    return parser_of("").parse_intermixed_args(arguments)


def _with_suffix(arguments: Sequence[str]) -> list[str]:
    """``--suffix -small`` as one word: a value that begins with a dash would be taken for an option."""
    words = list(arguments)
    for at in range(len(words) - 1, 0, -1):
        if words[at - 1] == "--suffix" and words[at].startswith("-") and not words[at].startswith("--"):
            words[at - 1 : at + 1] = [f"--suffix={words[at]}"]
    return words
