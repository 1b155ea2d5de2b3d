"""A file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TextIO

from engine.errors import PlanError, system_reason

__all__ = ["saved"]


@contextlib.contextmanager
def saved(path: str, what: str) -> Iterator[TextIO]:
    """A text file in UTF-8 that takes the place of ``path`` at the end; made at once, so that a wrong path is known
    before the work. ``what`` it holds, for the sentence of the PlanError."""
    temp = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temp, "x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        os.replace(temp, path)
    except OSError as error:
        raise PlanError(f"{path}: the {what} cannot be written: {system_reason(error)}; choose another file") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temp)
