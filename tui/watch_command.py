"""``imgopt-tui watch``: one run after the other over a tree in which new images are done as they come."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from engine.folder_settings import FolderSettings
from engine.report import human_bytes
from engine.run import Run
from engine.settings import Settings
from engine.view import Phase, Totals, Update
from engine.watch import Watch
from tui.notify import READY, STOPPING, notify, status
from tui.run_command import at_work
from tui.run_output import Output, StatusLine, put_json, tell
from tui.text import count, escape

__all__ = ["Pace", "follow", "watch"]

EXIT_FAILED = 1
EXIT_LIMIT = 4
QUIET_SECONDS = 10.0
BUSY_SECONDS = 60.0


def watch(paths: Sequence[str], settings: Settings, own: FolderSettings, output: Output) -> int:
    """Watch until a signal, ``imgopt-tui stop`` or a limit ends it; returns the exit code. ``own``: settings of single
    folders."""
    if settings.on_full == "auto":
        settings = replace(settings, on_full="pause")  # it goes on by itself when there is room
    with Watch(paths, settings, own) as tree:
        return asyncio.run(follow(tree, partial(Run, paths, settings, own, watch=tree), output))


async def follow(tree: Watch, made: Callable[..., Run], output: Output) -> int:
    """One run after the other, each ``made`` anew, until nothing is watched any more; returns the exit code."""
    code: int | None = None
    while code is None:
        said = Said(output, tree)
        async with at_work(made, output, said.clear) as (work, signals):
            async for update in work.updates():
                await said.show(work, update)
        await said.end(work)
        code = _code(work, tree, signals.code)
    return code


def _code(work: Run, tree: Watch, signalled: int) -> int | None:
    """The exit code; None when the next run goes on. To be ended is not a failure."""
    if signalled and signalled != 128 + signal.SIGTERM:
        return signalled
    if work.limit or tree.lost:
        return EXIT_LIMIT
    if work.phase is Phase.FAILED:
        return EXIT_FAILED
    return None if tree.goes_on and not signalled else 0


class Pace:
    """When to sum up for a log what happened: once all that came is through, at most every 10 s; every minute while
    more comes."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._through = 0

    def due(self, now: float, through: int, *, busy: bool) -> bool:
        """Whether to do so at ``now`` (monotonic seconds), with ``through`` images through in all."""
        if through == self._through:
            return False
        if self._last is None and busy:
            self._last = now
        if self._last is not None and now - self._last < (BUSY_SECONDS if busy else QUIET_SECONDS):
            return False
        self._last, self._through = now, through
        return True


class Said:
    """What is said of one run of a watch: failures and warnings at once, the rest summed up."""

    def __init__(self, output: Output, tree: Watch) -> None:
        self._output = output
        self._tree = tree
        self._line = StatusLine(on=not output.quiet)
        self._pace = Pace()
        self._before = Totals()
        self._begun = False
        self._notified = 0
        self._waits_for = ""
        self._logged = 0
        self.clear = self._line.clear

    def _tell(self, line: str) -> None:
        self.clear()
        tell(line)

    async def show(self, work: Run, update: Update) -> None:
        """How the run stands."""
        await self._log(work, update)
        if self._tree.caught_up and not self._begun:
            self._begun = True
            self._begin(work)
        if update.waits_for and not self._waits_for:
            self._tell(escape(update.waits_for))
        self._waits_for = update.waits_for
        totals = update.totals
        if self._begun and totals.through != self._notified:
            self._notified = totals.through
            notify(status(f"{_counts(totals)}; run {work.info.run_id}"))
        if self._output.quiet or self._output.verbose:
            return
        if self._line.rewrites:
            words = f"{totals.waiting + totals.held + totals.running} to do  {_counts(totals)}  {update.phase.value}"
            self._line.show(f"watching  {words}")
        elif self._pace.due(time.monotonic(), totals.through, busy=totals.through < totals.found):
            self._sum_up(totals)

    def _begin(self, work: Run) -> None:
        notify(READY, status("nothing came yet"))
        if self._output.quiet:
            return
        info = work.info
        how = count(self._tree.folders, "folder") if self._tree.folders else "by looking again and again"
        roots = escape(", ".join(info.roots))
        self._tell(f"watching {roots} ({how}); results: {escape(info.output)}; run {info.run_id}")

    def _sum_up(self, totals: Totals) -> None:
        before, self._before = self._before, totals
        if totals.through > before.through:
            self._tell(f"{_counts(totals, before)}; {totals.through} images in all")

    async def _log(self, work: Run, update: Update) -> None:
        """Warnings and errors, as they come."""
        if update.log_lines <= self._logged:
            return
        for line in await work.log(self._logged, update.log_lines - self._logged):
            self._logged = line.number + 1
            if line.level == "error" or (line.level == "warning" and not self._output.quiet):
                self._tell(escape(line.text))

    async def end(self, work: Run) -> None:
        """What is left to say at the end of a run."""
        if not self._tree.goes_on:
            notify(STOPPING)
        update = work.update(-1)
        await self._log(work, update)
        if self._output.as_ndjson:
            put_json({"summary": dict(await work.report())})
        if self._tree.lost:
            self._tell(escape(self._tree.lost))
        if not self._output.quiet or (self._output.quiet == 1 and update.totals.done):
            self.clear()
            tell(f"run {work.info.run_id} {update.phase.value}: {_counts(update.totals)}")


def _counts(now: Totals, before: Totals | None = None) -> str:
    """What came of images since ``before``."""
    before = before or Totals()
    names = ("done", "kept", "skipped", "failed")
    counts = ", ".join(f"{getattr(now, name) - getattr(before, name)} {name}" for name in names)
    return f"{counts}, saved {human_bytes(now.saved - before.saved)}"
