"""Writing the report of a run to a file that the user names."""

from __future__ import annotations

import os

__all__ = ["proposed", "refused", "write_report"]


def proposed(run_id: str) -> str:
    """A path to offer: in the present folder, or at home where nothing can be written there."""
    folder = os.getcwd()
    if not os.access(folder, os.W_OK):
        folder = os.path.expanduser("~")
    return os.path.join(folder, f"imgopt-{run_id}.html")


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
    OSError, and RunnerError when the journal does not know the run."""
    from engine.past_report import load
    from tui.report_command import form_of, made

    path = _full(path)
    content = made(load(run_id, None), form_of(path))
    with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
        file.write(content)
    return path
