"""``imgopt-tui report``: what a run came to, as text, JSON, CSV or a page, at any time."""

from __future__ import annotations

import argparse
import io
import os
import sys

from engine import machine
from engine.past_report import RunReport, load
from tui.saved import saved

__all__ = ["report"]

ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv"}


def report(arguments: argparse.Namespace) -> int:
    """Make it and print or write it; returns the exit code. Raises RunnerError, PlanError."""
    found = load(arguments.run, arguments.against)
    form = arguments.form or ENDINGS.get(os.path.splitext(arguments.output or "")[1].lower(), "text")
    if arguments.output in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(_made(found, form).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    else:
        with saved(arguments.output, "report") as file:
            file.write(_made(found, form))
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
