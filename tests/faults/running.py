"""Runs over a tree with worker processes of the caller's choosing, and whole runs as processes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import child
from engine.report import image_result
from engine.run import Run
from engine.settings import Settings

REAL = "engine.worker"
RUN_SECONDS = 60.0
TOOL = (sys.executable, "-P", "-m", "tui.__main__")
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run came to."""

    results: list[dict[str, Any]]
    lines: list[str]
    """What it said: its log, or its stderr."""
    code: int = 0
    """Exit code; of a run inside this process 0 for finished, 1 for anything else."""
    output: str = ""


@contextlib.contextmanager
def worker_commands(
    first: Sequence[str] = (), module: str = REAL, on_next: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Start the first worker process behind the words ``first``; ``on_next`` is called before each further one starts,
    while nobody writes. Random parts of names repeat from run to run, so that what strace is to look for is known."""
    numbers, started = itertools.count(1), itertools.count()
    before = child.command, secrets.token_hex
    worker = module

    def command(module: str) -> list[str]:
        if next(started):
            on_next()
            return [sys.executable, "-P", "-m", worker]
        return [*first, sys.executable, "-P", "-m", worker]

    child.command = command
    secrets.token_hex = lambda nbytes=None: f"{next(numbers):0{2 * (nbytes or 8)}x}"
    try:
        yield
    finally:
        child.command, secrets.token_hex = before


def run_tree(roots: Sequence[str], settings: Settings) -> Ran:
    """A run inside this process, with real workers."""
    return asyncio.run(_run(roots, settings))


async def _run(roots: Sequence[str], settings: Settings) -> Ran:
    async with asyncio.timeout(RUN_SECONDS), Run(roots, settings) as run:
        await run.wait()
        catalog = run.state.catalog
        results = [image_result(catalog, index) for index in range(len(catalog))]
        lines = [line.text for line in await run.log(0, 1_000_000)]
        return Ran(results, lines, 0 if run.phase.value == "finished" else 1)


def environment(state: Path) -> dict[str, str]:
    """For a whole run whose state is kept below ``state``."""
    return {
        **os.environ,
        "XDG_STATE_HOME": str(state),
        "XDG_CONFIG_HOME": str(state / "config"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@dataclass
class Whole:
    """A run as a process with a session of its own, so that all it starts can be found."""

    words: Sequence[str]
    state: Path
    before: Sequence[str] = ()
    """What to put in front of the command (strace, setpriv)."""
    tool: Sequence[str] = TOOL
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*self.before, *self.tool, *self.words],
            cwd="/",
            env=environment(self.state),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )

    def finish(self, seconds: float = RUN_SECONDS) -> Ran:
        """Wait for its end; raises TimeoutExpired when it hangs, with everything of it killed."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            raise
        text = out.decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            data = json.loads(text)
            lines = err.decode("utf-8", "replace").splitlines()
            _restore(data["results"])
            return Ran(data["results"], lines, self.process.returncode, text)
        return Ran([], err.decode("utf-8", "replace").splitlines(), self.process.returncode, text)

    def gone_after(self, limit: float) -> float | None:
        """Seconds until no process of its session is left; None when some are after ``limit``."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            if not session_members(self.process.pid):
                return time.monotonic() - began
            time.sleep(0.005)  # nothing tells of the end of processes that are no children of ours
        return None


def session_members(session: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                if int(fields[3]) == session and fields[0] not in (b"Z", b"X"):
                    found.append(int(name))
    return found


def run_whole(words: Sequence[str], state: Path, *, seconds: float = RUN_SECONDS, **how: Any) -> Ran:
    """A whole run, to its end; raises TimeoutExpired when that has not come after ``seconds``."""
    return Whole(words, state, **how).finish(seconds)


def _restore(value: object) -> None:
    """Put names that are not text back from the bytes that stand beside them."""
    if isinstance(value, list):
        for each in value:
            _restore(each)
    elif isinstance(value, dict):
        for key, raw in list(value.items()):
            if not key.endswith("_b64"):
                _restore(raw)
            elif isinstance(raw, str):
                value[key[:-4]] = os.fsdecode(base64.b64decode(raw))
            else:
                value[key[:-4]] = [os.fsdecode(base64.b64decode(one)) for one in raw]
