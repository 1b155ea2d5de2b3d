"""While the dashboard is up nothing else may write on the terminal: what libraries say goes to the log file."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from engine.errors import RunnerError

__all__ = ["diverted"]

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
STDERR = 2


@contextlib.contextmanager
def diverted() -> Iterator[None]:
    """Standard error and Python's logging go to the log file, or nowhere where there can be none."""
    from engine.places import open_log

    try:
        with open_log() as file:
            log = os.dup(file.fileno())
    except (RunnerError, OSError):
        log = os.open(os.devnull, os.O_WRONLY)
    before = os.dup(STDERR)
    os.dup2(log, STDERR)
    with os.fdopen(log, "w", encoding="utf-8", errors="backslashreplace", buffering=1) as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter(FORMAT))
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            os.dup2(before, STDERR)
            os.close(before)
