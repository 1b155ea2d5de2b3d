"""The program's modules compiled, as pip leaves them when it installs the package."""

from __future__ import annotations

import compileall
import os
from pathlib import Path

__all__ = ["compile_modules"]

REPOSITORY = Path(__file__).resolve().parents[1]


def compile_modules() -> None:
    """Compile them, and let no process started from here leave its own uncompiled: each start would compile all of
    them again, which takes longer than the rest of the start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("engine", "tui"):
        compileall.compile_dir(REPOSITORY / package, quiet=2)
