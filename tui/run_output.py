"""What ``imgopt-tui run`` prints: progress and messages on stderr, data on stdout."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TextIO

from engine import machine
from engine.catalog import Catalog
from engine.events import Finished
from engine.job import Status
from engine.report import human_bytes, human_seconds
from engine.task import saved_percent
from engine.view import Update
from engine.why import Why
from tui.text import escape

__all__ = ["Output", "Pace", "Progress", "StatusLine", "image_line", "put", "put_json", "tell"]


@dataclass(frozen=True, slots=True)
class Output:
    """What is printed, and what else happens at the end."""

    as_json: bool = False
    as_ndjson: bool = False
    csv: str | None = None
    """File for one line an image."""
    quiet: int = 0
    """1: what failed, and one line at the end if anything changed; 2: only what failed."""
    verbose: int = 0
    """1: each image that was done or kept too; 2: with its details, and those done before."""
    on_finish: str | None = None
    """Shell command that gets the summary as JSON."""
    bell: bool = False

    @property
    def data(self) -> bool:
        """Whether stdout is for programs."""
        return self.as_json or self.as_ndjson


def tell(line: str) -> None:
    """A message."""
    _say(f"imgopt-tui: {line}\n", sys.stderr)


def put(text: str) -> None:
    """A line of data."""
    _say(f"{text}\n", sys.stdout)


def put_json(value: dict[str, object]) -> None:
    """A line of data for programs."""
    put(machine.dumps(value))


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


class Pace:
    """When to say how a run goes where each line stays: after a minute, each minute up to ten, then every five."""

    def __init__(self) -> None:
        self._next = 60.0

    def due(self, elapsed: float) -> bool:
        """Whether to say it ``elapsed`` seconds after the beginning."""
        if elapsed < self._next:
            return False
        step = 60.0 if elapsed < 600 else 300.0
        self._next = (elapsed // step + 1) * step
        return True


class StatusLine:
    """One line on a terminal's stderr, rewritten in place; ``rewrites`` is False elsewhere, and nothing is shown."""

    def __init__(self, *, on: bool) -> None:
        self.rewrites = on and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, line: str) -> None:
        """In the place of what it showed before, cut at the terminal's edge."""
        if not self.rewrites:
            return
        width = 79
        with contextlib.suppress(OSError):  # the terminal may be gone
            width = os.get_terminal_size(2).columns - 1
        _say(f"\r\x1b[K{line[:width]}", sys.stderr)

    def clear(self) -> None:
        """Make room for a message."""
        if self.rewrites:
            _say("\r\x1b[K", sys.stderr)


class Progress:
    """How far a run is, in one line on a terminal; elsewhere a line now and then, for logs."""

    def __init__(self, output: Output) -> None:
        self._on = not output.quiet
        self._line = StatusLine(on=self._on)
        self._pace = Pace()
        self.clear = self._line.clear

    def show(self, update: Update) -> None:
        """How far the run is."""
        if not self._on or not (self._line.rewrites or self._pace.due(update.elapsed)):
            return
        totals = update.totals
        found = f"{totals.found}{'+' if totals.scanning else ''}"
        share = f"{totals.through * 100 // totals.found}%" if totals.found else "0%"
        eta = f"  ETA {human_seconds(update.eta)}" if update.eta is not None else ""
        line = (
            f"{totals.through}/{found} images  {update.rate:.1f}/s  saved {human_bytes(totals.saved)}"
            f"  failed {totals.failed}  {update.phase.value}{eta}"
        )
        if self._line.rewrites:
            self._line.show(f"{share:>4}  {line}")
        else:
            tell(f"{share}  {line}")


def image_line(catalog: Catalog, event: Finished, output: Output) -> str:
    """The line that names an image that is through; empty when it is not to be named."""
    index, outcome = event.index, event.outcome
    named = outcome.status is Status.FAILED or (
        output.verbose > 0 if outcome.status is not Status.SKIPPED else not output.quiet
    )
    if outcome.why is Why.DONE_ALREADY:
        named = output.verbose > 1
    if not named or (output.data and not output.verbose):
        return ""
    said = [escape(outcome.reason)] if outcome.reason else []
    if outcome.status is Status.DONE:
        before, after = catalog.original(index), catalog.optimized(index)
        said.insert(0, f"{human_bytes(before)} -> {human_bytes(after)} ({saved_percent(before, after):.1f}% saved)")
    if output.verbose > 1 and event.slot >= 0:
        said.append(_details(catalog, event))
    return f"{escape(catalog.path(index))}: {outcome.status.value}: {', '.join(said)}".removesuffix(": ")


def _details(catalog: Catalog, event: Finished) -> str:
    outcome = event.outcome
    quality = f" {outcome.quality}" if outcome.quality else ""
    size = f", {outcome.width} x {outcome.height}" if outcome.width else ""
    score = f", score {outcome.measured.score:.1f}" if outcome.measured is not None else ""
    kind = f"{outcome.source_format or '?'} -> {outcome.target_format or '?'}{quality}"
    return f"{kind}{size}{score}, {outcome.seconds:.2f} s, worker {event.slot + 1}"
