"""Writing something to a file that the user names: the report of a run, the page of what was tuned."""

from __future__ import annotations

import os

from tui.named_file import write_file

__all__ = ["proposed", "refused", "write_new", "write_report"]


def proposed(name: str) -> str:
    """A path to offer for a new HTML file: in the present folder, or at home where nothing can be written there; with a
    number where the name is taken."""
    folder = os.getcwd()
    if not os.access(folder, os.W_OK):
        folder = os.path.expanduser("~")
    stem = os.path.join(folder, name)
    paths = (f"{stem}{f'-{number}' if number else ''}.html" for number in range(1000))
    return next((path for path in paths if not os.path.lexists(path)), f"{stem}.html")


def _full(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def refused(path: str) -> str:
    """Why nothing is written to a path that somebody typed; empty when it may be tried."""
    path = _full(path)
    if os.path.lexists(path):
        return "that is there already: choose another name"
    folder = os.path.dirname(path)
    return "" if os.path.isdir(folder) else f"there is no folder {folder}"


def write_report(run_id: str, path: str) -> str:
    """Write it in the form that the name asks for; returns the full path. Never over a file that is there; raises
    PlanError, and RunnerError when the journal does not know the run."""
    from engine.past_report import load
    from tui.report_command import form_of, made

    return write_new(path, "report", made(load(run_id, None), form_of(path)))


def write_new(path: str, what: str, content: str) -> str:
    """Write a new file and return its full path. Never over one that is there; raises PlanError."""
    return write_file(_full(path), what, content, over=False)
