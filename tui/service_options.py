"""The command line of ``imgopt-tui service``: its own options, then the command that the service starts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tui.grammar import PROG, Parser, new_parser

__all__ = ["parse_service", "service_parser"]

STARTED = ("run", "watch")


def service_parser() -> Parser:
    """What comes before the command."""
    parser = new_parser(
        "service",
        "Print a systemd unit for a watch, or a unit and a timer for a run. It may change nothing but the folders of\n"
        "results (with --in-place: of images), and leaves CPU, disk and memory to others first.",
    )
    parser.usage = f"{PROG} service [options] watch DIR ... [options of watch]\n" + (
        f"       {PROG} service [options] run PATH ... [options of run]"
    )
    parser.add_argument(
        "started", nargs="*", default=[], metavar="COMMAND", help="watch or run, with its folders and options"
    )
    parser.add_argument("--write", metavar="DIR", help="write the units there, such as /etc/systemd/system")
    parser.add_argument("--name", help="of the units (default: imgopt-watch or imgopt-run)")
    parser.add_argument("--user", help="whose rights it has (default: yours)")
    when = "when a run is started, as systemd says it (default: daily)"
    parser.add_argument("--on-calendar", metavar="WHEN", default="daily", help=when)
    return parser


def parse_service(arguments: Sequence[str], parse: Callable[[Sequence[str]], argparse.Namespace]) -> argparse.Namespace:
    """Parse what follows ``service``; raises UsageError. ``words`` are the command that is started, ``inner`` is what
    ``parse`` makes of it."""
    parser = service_parser()
    begins = [at for at, word in enumerate(arguments) if word in STARTED and not _is_value(arguments, at)]
    at = begins[0] if begins else len(arguments)
    parsed = parser.parse_intermixed_args(arguments[:at])
    if not begins or parsed.started:
        parser.error("what is it to start? watch or run, with folders and options")
    parsed.words = list(arguments[at:])
    parsed.inner = parse(parsed.words)
    return parsed


def _is_value(arguments: Sequence[str], at: int) -> bool:
    """Whether a word belongs to the option before it, as all of them have a value."""
    return at > 0 and arguments[at - 1].startswith("--") and "=" not in arguments[at - 1]
