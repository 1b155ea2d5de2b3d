"""``imgopt-tui report``: what a run came to, as text, JSON, CSV or a page, at any time."""

from __future__ import annotations

import argparse
import io
import os
import sys

from engine import machine
from engine.past_report import RunReport, load
from tui.named_file import write_file

__all__ = ["form_of", "made", "report"]

ENDINGS = {".html": "html", ".htm": "html", ".json": "json", ".csv": "csv"}


def report(arguments: argparse.Namespace) -> int:
    """Make it and print or write it; returns the exit code. Raises RunnerError, PlanError."""
    found = load(arguments.run, arguments.against)
    form = arguments.form or form_of(arguments.output or "")
    if arguments.output in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(made(found, form).encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    else:
        write_file(arguments.output, "report", made(found, form))
    return 0


def form_of(path: str) -> str:
    """The form that a file's name asks for; text where it asks for none."""
    return ENDINGS.get(os.path.splitext(path)[1].lower(), "text")


def made(found: RunReport, form: str) -> str:
    """The report as ``text``, ``json``, ``csv`` or ``html``."""
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
