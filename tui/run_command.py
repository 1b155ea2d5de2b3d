"""``imgopt-tui run``: a Run in this process, served on its socket as well, without a screen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine import machine
from engine.errors import PlanError, RunnerError
from engine.events import Event, Finished
from engine.folder_settings import FolderSettings
from engine.image_record import write_csv
from engine.report import human_bytes, image_result, report_text
from engine.run import Run
from engine.server import RunServer
from engine.settings import Settings
from engine.signals import GRACE_SECONDS, RunSignals
from engine.view import Phase
from tui.named_file import NamedFile
from tui.run_output import Output, Progress, image_line, put, put_json, tell
from tui.text import escape

__all__ = ["Output", "at_work", "run"]

EXIT_FAILED = 1
EXIT_NOTHING = 3
EXIT_LIMIT = 4


def run(
    paths: Sequence[str],
    settings: Settings,
    output: Output,
    own: FolderSettings | None = None,
    *,
    resumes: str = "",
    only: Collection[str] = (),
) -> int:
    """Run to the end and print what was asked for; returns the exit code. ``own``: settings of single folders;
    ``resumes``: the run this one continues; ``only``: full paths of the images it is about, empty for all."""
    if settings.on_full == "auto" and not sys.stderr.isatty():
        settings = replace(settings, on_full="stop")  # nobody would see that it waits
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(NamedFile(output.csv, "CSV")) if output.csv is not None else None
        made = partial(Run, paths, settings, own, resumes=resumes, only=only)
        code, report = asyncio.run(_run(made, output, table))
    if output.on_finish is not None:
        _hand_over(output.on_finish, {"exitCode": code, "summary": report})
    if output.bell and sys.stderr.isatty():
        sys.stderr.write("\a")
    return code


def _hand_over(command: str, value: dict[str, object]) -> None:
    """Give the summary to a shell command; what it prints is a message, not data. Its failure is said."""
    text = machine.dumps(value).encode("ascii") + b"\n"
    ended = subprocess.run(["/bin/sh", "-c", command], input=text, stdout=sys.stderr.fileno(), check=False)
    if ended.returncode:
        tell(f"the command of --on-finish ended with {ended.returncode}: {escape(command)}")


async def _run(made: Callable[..., Run], output: Output, table: NamedFile | None) -> tuple[int, dict[str, object]]:
    progress = Progress(output)
    waits_for = ""
    async with at_work(made, output, progress.clear) as (work, signals):
        async for update in work.updates():
            if update.waits_for and not waits_for:
                progress.clear()
                tell(escape(update.waits_for))
            waits_for = update.waits_for
            progress.show(update)
    progress.clear()
    report = dict(await work.report())
    _print_data(work, report, output)
    written = table is None or _write_table(work, table)
    for line in await work.log(0, 1_000_000):
        if line.level == "error" or (line.level == "warning" and not output.quiet):
            tell(escape(line.text))
    return signals.code or _exit_code(work, report) or (0 if written else EXIT_FAILED), report


@contextlib.asynccontextmanager
async def at_work(
    made: Callable[..., Run], output: Output, clear: Callable[[], None]
) -> AsyncIterator[tuple[Run, RunSignals]]:
    """A run that obeys signals, can be attached to and says what becomes of its images; ``clear`` makes room for a
    line."""
    work: Run = made(on_event=lambda event: _print_event(work, event, output, clear))
    signals = RunSignals(work, stopping=lambda number: _stopping(number, clear))
    signals.install()
    async with work, contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(RunServer(work))
        except (OSError, RunnerError) as error:
            tell(f"this run cannot be attached to: {error}")
        yield work, signals


def _print_event(work: Run, event: Event, output: Output, clear: Callable[[], None]) -> None:
    """What is said of an image that is through; ``clear`` makes room for a line."""
    if isinstance(event, Finished):
        if output.as_ndjson:
            put_json(image_result(work.state.catalog, event.index))
        if line := image_line(work.state.catalog, event, output):
            clear()
            tell(line)


def _stopping(number: int, clear: Callable[[], None]) -> None:
    """Say how long images in work have after Ctrl+C."""
    if number == signal.SIGINT:
        clear()
        tell(f"stopping: the images in work have {GRACE_SECONDS:g} s; once more to stop now")


def _results(work: Run) -> Iterator[dict[str, Any]]:
    """Of the images that are through."""
    catalog = work.state.catalog
    return (image_result(catalog, index) for index in range(len(catalog)) if catalog.status(index))


def _write_table(work: Run, table: NamedFile) -> bool:
    """Whether it could be written; the run stands also where it could not."""
    try:
        table.fill(lambda file: write_csv(_results(work), file))
    except PlanError as error:
        tell(escape(str(error)))
        return False
    return True


def _print_data(work: Run, report: dict[str, Any], output: Output) -> None:
    if output.as_json:
        put_json({"summary": report, "results": list(_results(work))})
    elif output.as_ndjson:
        put_json({"summary": report})
    elif not output.quiet and report["found"]:
        put(report_text(report))
    elif output.quiet == 1 and report["done"]:
        saved_bytes = f"{human_bytes(report['savedBytes'])} ({report['savedPercent']:.1f}%)"
        put(f"{report['done']} done, {report['failed']} failed, saved {saved_bytes}; run {report['run']}")


def _exit_code(work: Run, report: dict[str, Any]) -> int:
    if work.limit:
        return EXIT_LIMIT
    if work.phase is Phase.STOPPED:
        return 130
    if work.phase is Phase.FAILED or report["failed"]:
        return EXIT_FAILED
    if not report["found"]:
        tell("no images were found")
        return EXIT_NOTHING
    return 0
