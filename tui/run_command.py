"""``imgopt-tui run``: a Run in this process, served on its socket as well, without a screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TextIO

from engine.errors import RunnerError
from engine.events import Event, Finished
from engine.job import Status
from engine.report import human_bytes, human_seconds, image_result, report_text
from engine.run import Run
from engine.server import RunServer
from engine.settings import Settings
from engine.signals import GRACE_SECONDS, RunSignals
from engine.view import Hangup, Phase, Update
from engine.why import Why
from tui.text import escape

__all__ = ["Output", "dry_run", "run"]

EXIT_FAILED = 1
EXIT_NOTHING = 3
EXIT_LIMIT = 4


@dataclass(frozen=True, slots=True)
class Output:
    """What is printed."""

    as_json: bool = False
    as_ndjson: bool = False
    quiet: bool = False

    @property
    def data(self) -> bool:
        """Whether stdout is for programs."""
        return self.as_json or self.as_ndjson


class _Progress:
    """One line on a terminal's stderr, rewritten in place; nothing elsewhere."""

    def __init__(self, output: Output) -> None:
        self.on = not output.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, update: Update) -> None:
        if not self.on:
            return
        totals = update.totals
        found = f"{totals.found}{'+' if totals.scanning else ''}"
        share = f"{totals.through * 100 // totals.found:3}%" if totals.found else "  0%"
        eta = f"  ETA {human_seconds(update.eta)}" if update.eta is not None else ""
        line = (
            f"{share}  {totals.through}/{found} images  {update.rate:.1f}/s  saved {human_bytes(totals.saved)}"
            f"  failed {totals.failed}  {update.phase.value}{eta}"
        )
        width = 79
        with contextlib.suppress(OSError):  # the terminal may be gone
            width = os.get_terminal_size(2).columns - 1
        _say(f"\r\x1b[K{line[:width]}", sys.stderr)

    def clear(self) -> None:
        if self.on:
            _say("\r\x1b[K", sys.stderr)


def _tell(line: str) -> None:
    _say(f"imgopt-tui: {line}\n", sys.stderr)


def _print(text: str) -> None:
    """A line of data."""
    _say(f"{text}\n", sys.stdout)


def _say(text: str, stream: TextIO) -> None:
    """When nobody reads any more (closed pipe or terminal) the images matter more than the words: they go nowhere."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def run(
    paths: Sequence[str], settings: Settings, output: Output, *, on_hangup: str = "finish", resumes: str = ""
) -> int:
    """Run to the end and print what was asked for; returns the exit code. ``resumes``: the run this one continues."""
    if settings.on_full == "auto" and not sys.stderr.isatty():
        settings = replace(settings, on_full="stop")  # nobody would see that it waits
    return asyncio.run(_run(paths, settings, output, on_hangup, resumes))


async def _run(paths: Sequence[str], settings: Settings, output: Output, on_hangup: str, resumes: str) -> int:
    progress = _Progress(output)

    def on_event(event: Event) -> None:
        if isinstance(event, Finished):
            if output.as_ndjson:
                _print(json.dumps(image_result(work.state.catalog, event.index)))
            if event.outcome.status in (Status.FAILED, Status.SKIPPED) and not output.data:
                _name(work, event, progress, output)

    work = Run(paths, settings, resumes=resumes, on_event=on_event)
    work.on_hangup = Hangup(on_hangup)
    signals = RunSignals(work, stopping=lambda number: _stopping(number, progress))
    signals.install()
    waits_for = ""
    async with work, contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(RunServer(work))
        except (OSError, RunnerError) as error:
            _tell(f"this run cannot be attached to: {error}")
        async for update in work.updates():
            if update.waits_for and not waits_for:
                progress.clear()
                _tell(escape(update.waits_for))
            waits_for = update.waits_for
            progress.show(update)
    progress.clear()
    return await _conclude(work, output, signals.code)


def _stopping(number: int, progress: _Progress) -> None:
    if number == signal.SIGINT:
        progress.clear()
        _tell(f"stopping: the images in work have {GRACE_SECONDS:g} s; once more to stop now")


def _name(work: Run, event: Finished, progress: _Progress, output: Output) -> None:
    """One line for an image that was not done."""
    if event.outcome.status is Status.SKIPPED and (output.quiet or event.outcome.why is Why.DONE_ALREADY):
        return
    progress.clear()
    path = escape(work.state.catalog.path(event.index))
    _tell(f"{path}: {event.outcome.status.value}: {escape(event.outcome.reason)}")


async def _conclude(work: Run, output: Output, code: int) -> int:
    report = await work.report()
    if output.as_json:
        catalog = work.state.catalog
        results = [image_result(catalog, index) for index in range(len(catalog)) if catalog.status(index)]
        _print(json.dumps({"summary": report, "results": results}))
    elif output.as_ndjson:
        _print(json.dumps({"summary": report}))
    elif not output.quiet and report["found"]:
        _print(report_text(report))
    for line in await work.log(0, 1_000_000):
        if line.level == "error" or (line.level == "warning" and not output.quiet):
            _tell(escape(line.text))
    if code:
        return code
    if work.limit:
        return EXIT_LIMIT
    if work.phase is Phase.STOPPED:
        return 130
    if work.phase is Phase.FAILED or report["failed"]:
        return EXIT_FAILED
    if not report["found"]:
        _tell("no images were found")
        return EXIT_NOTHING
    return 0


def dry_run(paths: Sequence[str], settings: Settings, output: Output) -> int:
    """List what a run would read and write; touches nothing."""
    from engine.plan import make_plan

    plan = make_plan(paths, settings)
    results: list[dict[str, object]] = []
    size = skipped = 0
    for folder, found in plan.scan(_tell):
        for entry in found:
            source, target = os.path.join(folder.source, entry.name), os.path.join(folder.target, entry.target_name)
            size += 0 if entry.skip else entry.size
            skipped += bool(entry.skip)
            status = "skipped" if entry.skip else "planned"
            record = {"original_path": source, "optimized_path": "" if entry.skip else target}
            results.append({**record, "original_size": entry.size, "status": status, "reason": entry.skip})
    summary = {"dryRun": True, "found": len(results), "skipped": skipped, "bytesFound": size, "output": plan.output}
    if output.as_json:
        print(json.dumps({"summary": summary, "results": results}))
    else:
        for result in results:
            source, target = escape(str(result["original_path"])), escape(str(result["optimized_path"]))
            print(json.dumps(result) if output.as_ndjson else f"{source} -> {target or result['reason']}")
        if output.as_ndjson:
            print(json.dumps({"summary": summary}))
        else:
            _tell(f"{len(results)} images, {human_bytes(size)}; nothing was written")
    return 0 if results else EXIT_NOTHING
