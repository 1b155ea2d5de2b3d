"""Opening a run, whether it is going on or over, and doing the failed images of one that is over again."""

from __future__ import annotations

import asyncio
import os

from engine import history
from engine.errors import RunnerError, RunnerGone
from engine.past import PastView
from engine.remote import RemoteRun
from engine.runner import attach, launch
from engine.settings import Settings
from engine.view import RunView

__all__ = ["open_run", "retry_failed"]


async def open_run(run_id: str | None = None) -> RunView:
    """The run whose id begins with ``run_id``: at work, or as the journal has it. None: the newest that is going on,
    else the newest. Raises RunnerError."""
    try:
        return await attach(run_id)
    except RunnerGone:
        return await PastView.open(run_id)


async def retry_failed(run_id: str | None = None) -> RemoteRun:
    """Start a run on just the images that failed in one that is over, with its settings; raises RunnerError."""
    past = history.choose(await history.known_runs(), run_id)
    if past.phase == history.RUNNING:
        raise RunnerError(f"run {past.id} is going on; imgopt-tui ctl {past.id} retry-failed")
    failed = await asyncio.to_thread(
        history.ask_journal,
        lambda file: [os.fsdecode(row.path) for row in file.results(past.number) if row.status == "failed"],
    )
    if not failed:
        raise RunnerError(f"no image of run {past.id} failed")
    try:
        settings = Settings().with_values(past.settings)
    except (ValueError, KeyError) as error:
        raise RunnerError(f"the settings of run {past.id} are of another version: {error}") from None
    return await launch(past.paths, settings, past.own, failed)
