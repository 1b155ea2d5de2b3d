"""How child processes of our own are started: with which interpreter, module path and environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import engine

__all__ = [
    "LEAST_WORKERS",
    "MODULE_OPTION",
    "command",
    "environment",
    "keep_ahead",
    "start_worker",
    "start_workers_ahead",
]

MODULE_OPTION = "--run-module"
"""What the program in one file is started with to be one of our modules instead of the command line."""
_PACKAGE_PARENT = Path(engine.__file__).resolve().parent.parent
_PIXEL_ENVIRONMENT = {
    "VIPS_CONCURRENCY": "1",
    "MALLOC_ARENA_MAX": "2",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_DISC_THRESHOLD": "1000000g",  # pictures stay in the memory they were admitted to: never a file in TMPDIR
    "RAYON_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def command(module: str) -> list[str]:
    """The command line that runs one of our modules; ``-P`` keeps the working directory off the module path. The
    program in one file has no interpreter beside it: it starts itself (``tui.packaged``)."""
    if packaged():
        return [sys.executable, MODULE_OPTION, module]
    return [sys.executable, "-P", "-m", module]


def packaged() -> bool:
    """Whether this is the program in one file."""
    return bool(getattr(sys, "frozen", False))


def environment(*, pixels: bool = False) -> dict[str, str]:
    """The child's environment; with ``pixels`` also what libvips, the allocator and oxipng's
    thread pool must know before they start.

    Relative entries of PYTHONPATH are dropped, because the child runs in another folder and must never import from
    a folder of pictures. When this package runs from a checkout, its folder is added.
    """
    result = dict(os.environ)
    entries = [entry for entry in result.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    if _PACKAGE_PARENT not in installed and not packaged():
        entries.insert(0, str(_PACKAGE_PARENT))
    result["PYTHONPATH"] = os.pathsep.join(entries)
    result["IMGOPT_PARENT"] = str(os.getpid())
    if pixels:
        result.update(_PIXEL_ENVIRONMENT)
    return result


LEAST_WORKERS = 2
"""Workers of a pool that is not told how many, on the smallest machine."""
_ahead: list[subprocess.Popen[bytes]] = []


def start_workers_ahead(count: int) -> None:
    """Start ``count`` workers before there is a pool, so that they load libvips while this process still loads its own
    modules. The next pool takes them over; without one they end with this process. A refusal comes again there."""
    for _ in range(count):
        try:
            _ahead.append(_start("engine.worker"))
        except OSError:
            return


def keep_ahead(count: int) -> None:
    """End those of the workers started ahead that are more than ``count``."""
    while len(_ahead) > count:
        with _ahead.pop() as process:  # leaving it waits, and closes the pipes
            process.kill()


def start_worker(module: str) -> subprocess.Popen[bytes]:
    """A worker process with three pipes: one started ahead, or a new one. Raises OSError when the system refuses it."""
    while _ahead and module == "engine.worker":
        process = _ahead.pop(0)
        if process.poll() is None:
            return process
        with process:
            pass
    return _start(module)


def _start(module: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(module), bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, cwd="/", env=environment(pixels=True)
    )
