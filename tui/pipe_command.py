"""``imgopt-tui run -``: one image from stdin to stdout."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace

from engine.errors import PlanError
from engine.events import Event, Finished
from engine.job import Outcome
from engine.run import Run
from engine.settings import Settings
from tui.run_output import tell
from tui.text import escape

__all__ = ["pipe"]


def pipe(paths: Sequence[str], settings: Settings, *, dry_run: bool = False) -> int:
    """The image as the settings make it, or as it came where that is the better file; 1 where there is none to give.
    Raises PlanError for what makes no sense here."""
    if len(paths) > 1 or dry_run or settings.in_place or settings.output is not None or settings.variants:
        raise PlanError("- means one image from stdin to stdout: it goes with no other path, no folder, no siblings")
    if sys.stdout.isatty():
        raise PlanError("an image is not written to a terminal: send stdout to a file or a program")
    with tempfile.TemporaryDirectory(prefix="imgopt-tui-") as folder:
        source = os.path.join(folder, "stdin")
        with open(source, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        own = replace(settings, output=os.path.join(folder, "out"), workers=1, remember="none")
        outcome = asyncio.run(_made(source, own))
        if outcome is None or not outcome.status.written:
            tell(f"stdin: {escape(outcome.reason)}" if outcome is not None else "stdin: the run could not be made")
            return 1
        with open(outcome.target, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return 0


async def _made(source: str, settings: Settings) -> Outcome | None:
    """What came of it; None when it was not begun."""
    found: list[Outcome] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Finished):
            found.append(event.outcome)

    async with Run([source], settings, on_event=on_event) as run:
        await run.wait()
        for line in await run.log(0, 1000):
            if line.level in ("error", "warning"):
                tell(escape(line.text))
    return found[-1] if found else None
