"""The command lines of what tries images without a run: ``estimate`` and ``bench``."""

from __future__ import annotations

import argparse

from tui.grammar import new_parser
from tui.setting_options import add_settings

__all__ = ["bench_parser", "estimate_parser"]

LEAST_SAMPLE = 10


def estimate_parser() -> argparse.ArgumentParser:
    """``imgopt-tui estimate PATH…``."""
    parser = new_parser(
        "estimate",
        "Say what a run with the same options would save and how much time and memory it would take, from a sample of\n"
        "the images, with the range that the truth lies in nine times out of ten. Nothing is written anywhere.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="folders or images")
    parser.add_argument(
        "--sample",
        type=_sample,
        default=200,
        metavar="N",
        help="images to try (10 or more; default 200), at least 3 of each format; more make the range narrower, "
        "a small tree is tried whole",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-Q", "--quiet", action="store_true", help="show no progress")
    add_settings(parser, ("encode", "output", "scan", "run", "limits"))
    return parser


def bench_parser() -> argparse.ArgumentParser:
    """``imgopt-tui bench [PATH…]``."""
    parser = new_parser(
        "bench",
        "Say how many images and megapixels a second this machine does, by format and effort, how that grows with the\n"
        "workers, and how many it wants. Real workers do all but the write; nothing is written.",
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="images of yours, done as the settings say (default: our own photos)"
    )
    parser.add_argument("--seconds", type=_seconds, default=1.5, metavar="S", help="for each line (default 1.5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-Q", "--quiet", action="store_true", help="show no progress")
    add_settings(parser, ("encode", "scan", "run", "limits"))
    return parser


def _seconds(text: str) -> float:
    """The value of ``--seconds``; raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0.1 to 3600, not {text!r}")
    return value


def _sample(text: str) -> int:
    """The number of ``--sample``; raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < LEAST_SAMPLE:
        raise argparse.ArgumentTypeError(f"must be a number of at least {LEAST_SAMPLE}, not {text!r}")
    return int(text)
