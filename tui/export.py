"""Writing the report of a run to a file that the user names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

__all__ = ["proposed", "refused", "write_report"]


def proposed(run_id: str) -> str:
    """A path to offer: in the present folder, or at home where nothing can be written there."""
    folder = os.getcwd()
    if not os.access(folder, os.W_OK):
        folder = os.path.expanduser("~")
    return os.path.join(folder, f"imgopt-{run_id}.txt")


def _full(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def refused(path: str) -> str:
    """Why nothing is written to a path that somebody typed; empty when it may be tried."""
    path = _full(path)
    if os.path.lexists(path):
        return "that is there already: choose another name"
    folder = os.path.dirname(path)
    return "" if os.path.isdir(folder) else f"there is no folder {folder}"


def write_report(report: Mapping[str, Any], path: str) -> str:
    """Write it, as JSON where the name ends so and as text elsewhere; returns the full path. Never over a file that is
    there; raises OSError."""
    from engine.report import report_text

    path = _full(path)
    json_wanted = path.lower().endswith(".json")
    content = json.dumps(dict(report), indent=2) if json_wanted else report_text(report)
    with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content + "\n")
    return path
