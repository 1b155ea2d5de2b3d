"""``imgopt-tui report``: what a run came to, as text, JSON, CSV or a page, at any time."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys

from engine import machine
from engine.errors import RunnerError, system_reason
from engine.past_report import RunReport, load

__all__ = ["report"]

ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv"}


def report(arguments: argparse.Namespace) -> int:
    """Make it and print or write it; returns the exit code. Raises RunnerError."""
    found = load(arguments.run, arguments.against)
    form = arguments.form or ENDINGS.get(os.path.splitext(arguments.output or "")[1].lower(), "text")
    data = _made(found, form).encode("utf-8", "backslashreplace")
    if arguments.output in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        _write(arguments.output, data)
    return 0


def _made(found: RunReport, form: str) -> str:
    if form == "html":
        from engine.report_page import page

        return page(found)
    if form == "json":
        return machine.dumps({**found.to_json(), "results": list(found.records())}) + "\n"
    if form == "csv":
        from engine.image_record import write_csv

        file = io.StringIO()
        write_csv(found.records(), file)
        return file.getvalue()
    from engine.report_text import text

    return text(found) + "\n"


def _write(path: str, data: bytes) -> None:
    """Whole or not at all; raises RunnerError."""
    temp = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temp, "xb") as file:
            file.write(data)
        os.replace(temp, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temp)
        raise RunnerError(f"{path}: the report cannot be written: {system_reason(error)}; choose another -o") from None
