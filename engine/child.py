"""How child processes of our own are started: with which interpreter, module path and environment."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import engine

__all__ = ["command", "environment"]

_PACKAGE_PARENT = Path(engine.__file__).resolve().parent.parent
_VIPS_ENVIRONMENT = {
    "VIPS_CONCURRENCY": "1",
    "MALLOC_ARENA_MAX": "2",
    "VIPS_BLOCK_UNTRUSTED": "1",
}


def command(module: str) -> list[str]:
    """The command line that runs one of our modules; ``-P`` keeps the working directory off the module path."""
    return [sys.executable, "-P", "-m", module]


def environment(*, pixels: bool = False) -> dict[str, str]:
    """The child's environment; with ``pixels`` also what libvips and the allocator must know before they start.

    Relative entries of PYTHONPATH are dropped, because the child runs in another folder and must never import from
    a folder of pictures. When this package runs from a checkout, its folder is added.
    """
    result = dict(os.environ)
    entries = [entry for entry in result.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    if _PACKAGE_PARENT not in installed:
        entries.insert(0, str(_PACKAGE_PARENT))
    result["PYTHONPATH"] = os.pathsep.join(entries)
    result["IMGOPT_PARENT"] = str(os.getpid())
    if pixels:
        result.update(_VIPS_ENVIRONMENT)
    return result
