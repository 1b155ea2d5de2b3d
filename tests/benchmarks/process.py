"""Children of a benchmark: whole processes timed from start to end, and a world of their own for our program."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.child import environment
from tests.benchmarks.pairing import Sample
from tests.compiled import compile_modules

__all__ = ["REPOSITORY", "children_cpu", "isolate", "module", "size_of", "timed"]

REPOSITORY = Path(__file__).resolve().parents[2]


def isolate(folder: Path) -> None:
    """Let this process and its children find no settings and no runs of the user (ours lie in ``folder``), and our
    modules compiled, as pip leaves them when it installs the package."""
    compile_modules()
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")


def module(name: str, *arguments: object) -> list[str]:
    """The command line of a module of this folder; it must be run in REPOSITORY."""
    return [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, arguments)]


def timed(command: Sequence[str], *, cwd: Path, pixels: bool = False, stdin: str = "") -> Sample:
    """Run one process to its end; raises RuntimeError with what it wrote to stderr when it fails.

    ``pixels``: one libvips thread and the allocator settings of our own workers.
    """
    os.sync()  # what the one before has left to be written is not this one's work
    before = children_cpu()
    began = time.perf_counter()
    child = subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd, env=environment(pixels=pixels), check=False
    )
    seconds = time.perf_counter() - began
    if child.returncode:
        raise RuntimeError(f"{' '.join(command[:6])} … ended with {child.returncode}: {child.stderr.strip()[-2000:]}")
    return Sample(seconds, children_cpu() - before)


def children_cpu() -> float:
    """CPU seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of all of them."""
    return sum(path.stat().st_size for path in paths)
