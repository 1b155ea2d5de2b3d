"""What a screen sees of a run: one interface, and the frozen values it hands over.

``RunView`` has a local form (the run in this process) and a remote one (a runner behind a socket). A screen mirrors
totals, workers, batches and one state byte per image; everything else about images comes by window.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.figures import Gauges, Totals
from engine.states import STATE_MARKS, Hangup, ImageState, Phase

__all__ = [
    "STATE_MARKS",
    "BatchRow",
    "Gauges",
    "Hangup",
    "ImageRow",
    "ImageState",
    "LogLine",
    "Page",
    "Phase",
    "RunInfo",
    "RunView",
    "Totals",
    "Update",
    "Window",
    "WorkerRow",
]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What does not change during a run."""

    run_id: str
    pid: int
    """Of the process that hosts the run."""
    host: str
    roots: tuple[str, ...]
    output: str
    """Where results go, for the eye: a folder, or ``in place``."""
    batch_size: int
    started: float
    """Seconds since the epoch, for display only."""
    summary: str
    """The settings in one line, e.g. ``jpeg 82  webp 80  avif 60  png lossless``."""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker process."""

    slot: int
    pid: int
    """0 while it is being started."""
    index: int
    """The image it has, or −1."""
    name: str
    """That image's file name."""
    stage: str
    """``starting``, ``idle``, or the stage's name."""
    seconds: float
    """With this image."""
    rss: int
    """Resident bytes not shared with other processes."""
    allowance: int
    """Bytes reserved for the image it has; 0 when idle."""
    cpu: float
    """Percent of one CPU."""
    finished: int
    """Images it has finished."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch; its images are the rows ``first`` to ``first + count - 1``."""

    number: int
    """From 1."""
    first: int
    count: int
    finished: int
    failed: int
    bytes_in: int
    bytes_out: int
    seconds: float
    """From the start of its first image to the end of its last, or until now; 0 before it starts."""
    complete: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the run's log."""

    number: int
    """From 0, without gaps."""
    time: float
    """Seconds since the epoch."""
    level: str
    """``info``, ``warning``, ``error`` of the run, or ``failed`` for an image."""
    text: str


@dataclass(frozen=True, slots=True)
class ImageRow:
    """Everything known of one image."""

    index: int
    path: str
    """Relative to its root, as ``os.fsdecode`` gives it: escape it before it reaches a terminal."""
    state: int
    """An ``ImageState``."""
    slot: int
    """The worker that has it or did it; −1 for none."""
    stage: str
    """While running."""
    reason: str
    original_size: int
    optimized_size: int
    source_format: str
    target_format: str
    width: int
    height: int
    quality: int
    seconds: float
    needs: int
    """Predicted peak memory in bytes, when known."""
    target: str
    """Full path of what was written, or empty."""
    source: str
    """Full path of the source."""
    source_quality: int = 0
    """Estimate of the quality that the source was made with, 1–100; 0 when it is not known."""
    siblings: tuple[tuple[str, int], ...] = ()
    """File names and bytes of what was written beside it, in other formats and widths."""
    measured: tuple[float, int, float, int, int] | None = None
    """The fields of ``engine.quality.Measured``; None where no score was asked for."""
    stages: tuple[float, ...] = ()
    """Seconds of each ``engine.job.Stage`` in order, as far as it came; empty before it is through."""
    peak: int = 0
    """Highest resident bytes of its worker while it had the image; 0 when not measured, as for small ones."""
    options: str = ""
    """What the encoder was told beside the quality; empty where nothing was encoded."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which image rows are wanted."""

    offset: int = 0
    count: int = 50
    """At most 1,000."""
    sort: str = "index"
    """``index``, ``path``, ``in``, ``out``, ``saved``, ``state``, ``seconds``."""
    descending: bool = False
    text: str = ""
    """Only paths that contain this, without regard to case."""
    states: tuple[int, ...] = ()
    """Only these ``ImageState`` values; empty means all."""


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a ``Window``."""

    total: int
    """Rows that match, not only those in the window."""
    rows: tuple[ImageRow, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """One redraw's worth. ``states`` replaces the whole mirror when it is not None, then ``changes`` apply."""

    version: int
    phase: Phase
    elapsed: float
    """Seconds since the run began, pauses included."""
    eta: float | None
    """Seconds left; None while it cannot be told."""
    rate: float
    """Images per second over the last 10 seconds."""
    workers_wanted: int
    totals: Totals
    gauges: Gauges
    workers: tuple[WorkerRow, ...]
    batches_complete: int
    batches_open: int
    log_lines: int
    """How many there are; fetch with ``RunView.log``."""
    message: str = ""
    """The newest warning or error, or empty."""
    waits_for: str = ""
    """Why the run stands still by itself: room on a disk; empty while it does not."""
    memory_limit: int = 0
    """Bytes that all processes of the run may take together; 0: not known."""
    nice: int = 0
    """Nice value of the workers."""
    on_hangup: str = Hangup.FINISH.value
    states: bytes | None = None
    changes: tuple[tuple[int, int], ...] = field(default=())
    """(image index, state) since the last update this client got."""
    minute: tuple[int, ...] = ()
    """Images that came through in each of the last 60 whole seconds, oldest first; fewer in a younger run."""
    batch_last: float = 0.0
    batch_median: float = 0.0
    """Seconds that the newest complete batch took, and the newest ones in the middle; 0 before there is one."""


class RunView(Protocol):
    """A run as screens, commands and tests see it."""

    @property
    def info(self) -> RunInfo:
        """What does not change."""

    def updates(self) -> AsyncIterator[Update]:
        """Whole state first, then what changed; at most one every 100 ms; ends after the update that is over."""

    async def rows(self, window: Window) -> Page:
        """Image rows by window."""

    async def batches(self, first: int, count: int) -> tuple[BatchRow, ...]:
        """Batches ``first`` (from 0) and following, at most ``count``."""

    async def log(self, first: int, count: int) -> tuple[LogLine, ...]:
        """Log lines from number ``first``."""

    async def report(self) -> Mapping[str, Any]:
        """The benchmark report so far, as its JSON form."""

    async def pause(self) -> None:
        """Finish the images in work, start no further one."""

    async def resume(self) -> None:
        """Go on after a pause."""

    async def set_workers(self, count: int) -> None:
        """Change the number of worker processes."""

    async def set_memory(self, limit: int | None) -> None:
        """Bytes for all processes together; None: what the machine allows."""

    async def set_nice(self, nice: int) -> None:
        """Nice value of the workers, 0 to 19."""

    async def set_on_hangup(self, mode: Hangup) -> None:
        """What is to happen when the terminal closes."""

    async def cancel(self, *, now: bool = False) -> None:
        """End the run: after the images in work, or at once."""

    async def cancel_images(self, paths: Sequence[str]) -> int:
        """Skip these images (full paths), and those below these folders; returns how many are not done because of it.
        The originals stay as they are."""

    async def retry_failed(self) -> int:
        """Put failed images back to wait; returns how many."""

    async def retry_quarantined(self, paths: Sequence[str] = ()) -> int:
        """Put the images to wait that were left out because they crashed or hung workers; returns how many. ``paths``
        (full): only those at or below these, unless empty."""

    async def watch(self) -> None:
        """From now on the end of the view is a hang-up, unless ``close`` was called first."""

    async def close(self) -> None:
        """Let go of the run; it goes on."""
