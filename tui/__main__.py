"""Entry point: parse, dispatch, turn errors into one sentence and an exit code. No textual but for the dashboard."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

EXIT_USAGE = 2
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``imgopt-tui``; returns the exit code."""
    _open_missing_streams()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:
        return _version()
    gc.set_threshold(10_000)  # what is loaded stays: looking through it every 700 objects takes a tenth of the start
    from engine.errors import ImgoptError
    from tui.grammar import UsageError
    from tui.options import parse

    try:
        parsed = parse(given)
    except UsageError as error:
        return _say(error, EXIT_USAGE)
    from tui import cli

    try:
        return cli.COMMANDS[parsed.command](parsed)
    except UsageError as error:
        return _say(error, EXIT_USAGE)
    except ImgoptError as error:
        return _say(error, cli.exit_code(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; nothing more can be said there.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED


def _version() -> int:
    """Before anything is loaded that parsing needs: scripts ask this often."""
    from tui import VERSION

    print(VERSION)
    return 0


def _open_missing_streams() -> None:
    """Closed standard streams lead to /dev/null: no file of ours gets their numbers, and what is said goes nowhere."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _say(error: Exception, code: int) -> int:
    from tui.text import escape

    for line in str(error).splitlines():
        print(f"imgopt-tui: {escape(line)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
