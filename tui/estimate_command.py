"""``imgopt-tui estimate``: what a run would come to, without a run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial

from engine.candidates import Listed
from engine.estimate import Estimate, Sample, estimate
from engine.estimate_report import estimate_line, estimate_record, estimate_text
from engine.folder_settings import FolderSettings
from engine.settings import Settings
from tui.run_line import run_line
from tui.run_output import StatusLine, put, put_json, tell
from tui.text import count, escape

__all__ = ["predict", "show_estimate"]

EXIT_NOTHING = 3
EXIT_INTERRUPTED = 130


def predict(
    paths: Sequence[str],
    settings: Settings,
    own: FolderSettings,
    sample: Sample,
    listed: Listed,
    *,
    quiet: bool,
    only: Collection[str] = (),
) -> Estimate:
    """Try a sample with a line of progress on a terminal's stderr. Ctrl+C ends it with what is known by then; a second
    one ends the program. Raises PlanError and PoolError."""
    ask = partial(estimate, paths, settings, own=own, only=only, sample=sample, listed=listed)
    return asyncio.run(_predict(ask, StatusLine(on=not quiet)))


async def _predict(ask: Callable[..., Awaitable[Estimate]], line: StatusLine) -> Estimate:
    loop, cancel = asyncio.get_running_loop(), asyncio.Event()

    def interrupted() -> None:
        cancel.set()
        loop.remove_signal_handler(signal.SIGINT)

    def note(level: str, text: str) -> None:
        if level != "info":
            line.clear()
            tell(escape(text))

    def progress(one: Estimate) -> None:
        line.show(f"{one.sampled} of {one.planned} tried: {estimate_line(one)}")

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        return await ask(progress=progress, cancel=cancel, note=note)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        line.clear()


def show_estimate(
    paths: Sequence[str],
    settings: Settings,
    own: FolderSettings,
    sample: Sample,
    *,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Print the estimate and the command line of the run it speaks of; returns the exit code."""
    found = predict(paths, settings, own, sample, lambda folder, file, what: None, quiet=quiet)
    command = run_line(paths, settings)
    if as_json:
        put_json({**estimate_record(found), "command": command})
    elif found.images:
        put(f"{estimate_text(found)}\n\n{escape(command)}")
    if not found.images:
        why = f": {count(found.already, 'image')} done already" if found.already else ""
        tell(f"nothing to do{why}")
        return 0 if found.already else EXIT_NOTHING
    return 0 if found.complete else EXIT_INTERRUPTED
