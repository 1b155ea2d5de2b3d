"""What a sample that was tried says of a whole run: arithmetic on values, nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.budget import WORKER_BASE
from engine.interval import Cell, Range, count_range, ratio_total
from engine.job import Outcome, Status
from engine.strata import Draw

__all__ = ["Estimate", "Load", "Row", "Tried", "forecast"]

WRITE_SECONDS = (0.0, 0.0012, 0.006)
"""What the write of an image adds to its worker's time: on a disk that costs nothing, on a usual one, on a slow one."""
MOODS = 0.9, 1.2
"""How much faster, and how much slower, the same work goes on one machine from one minute to the next."""
SEEN_SECONDS = 1.0
"""What lasts so long is seen by a run's gauges, which look at the memory twice a second."""
HUNGRIER = 1.5
"""Times the most that any image of the sample needed that another one may need."""
HEAP = 1.15
"""Times what images need that the allocator may hold."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one image of the sample."""

    size: int
    """Bytes before."""
    saved: int = 0
    """Bytes; negative for one that grows, 0 for one that is left alone."""
    siblings: int = 0
    """Files beside its result."""
    sibling_bytes: int = 0
    seconds: float = 0.0
    """That one worker needs."""
    needs: int = 0
    """Peak bytes above the idle worker, as measured, else as predicted."""
    status: Status = Status.DONE
    reason: str = ""

    @classmethod
    def of(cls, outcome: Outcome, size: int) -> Tried:
        """From what the worker says; ``size`` is the scan's."""
        siblings = outcome.siblings
        written = outcome.status.written
        return cls(
            size,
            outcome.original_size - outcome.optimized_size if written else 0,
            len(siblings),
            sum(one.size for one in siblings),
            outcome.seconds,
            outcome.peak_bytes - WORKER_BASE if outcome.peak_bytes > WORKER_BASE else outcome.predicted_bytes,
            outcome.status,
            outcome.reason,
        )


@dataclass(frozen=True, slots=True)
class Load:
    """What the run would work with."""

    workers: int
    budget: int
    """Bytes for images in flight."""
    start: float = 0.0
    """Seconds until the first worker answers."""
    idle: int = 0
    """Bytes of a worker that has nothing to do, without what it shares."""
    host: int = 0
    """The same of the process that hosts the run."""
    alone: float = 1.0
    """Of the time that the images of the sample took, the share that they would have taken had the machine done nothing
    else, above 0 and at most 1."""


@dataclass(frozen=True, slots=True)
class Row:
    """The images of one format."""

    format: str
    """By the file names' extensions; ``other`` for those no format we read has."""
    images: int
    sampled: int
    bytes_in: int
    saved: Range | None
    """Bytes; None as long as too few were tried."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would come to, in bytes and seconds. Ranges are meant to hold the truth in at least 9 of 10 cases;
    they are None as long as too few images were tried."""

    images: int
    """To be done."""
    sampled: int
    """Of those that were tried."""
    planned: int
    """Of those that are to be tried."""
    already: int
    """Further images, which an earlier run did."""
    left_out: int
    """Further files that are no inputs: links, images set aside."""
    bytes_in: int
    """Of the images to be done."""
    saved: Range | None = None
    seconds: Range | None = None
    memory: Range | None = None
    """Peak bytes of all processes of the run, without what they share."""
    failed: Range | None = None
    """Images that cannot be done."""
    skipped: Range | None = None
    """Images that would be left alone for a reason."""
    siblings: int = 0
    """Files beside the results (``--also``, ``--widths``)."""
    sibling_bytes: Range | None = None
    workers: int = 0
    rows: tuple[Row, ...] = ()
    """By format."""
    complete: bool = False
    """Whether all that was to be tried is."""
    time_limit: float | None = None
    """Seconds that it was ended after, where that is why it is not complete."""

    @property
    def exact(self) -> bool:
        """Whether every image was tried."""
        return self.sampled == self.images

    @property
    def bytes_out(self) -> Range | None:
        """Bytes that the same images have afterwards."""
        if self.saved is None:
            return None
        return Range(*(self.bytes_in - each for each in (self.saved.value, self.saved.high, self.saved.low)))


def forecast(
    drawn: Draw,
    sizes: Sequence[int],
    tried: Mapping[int, Tried],
    load: Load,
    *,
    already: int = 0,
    left_out: int = 0,
    complete: bool = False,
) -> Estimate:
    """From the images tried so far. ``sizes`` are the bytes of every image that is to be done; of ``tried``, by image,
    those count that come before the first one missing in ``drawn.order``: else quick images would count more."""
    known = _beginning(drawn, tried)
    sample = _Sample(drawn, known)
    seconds, memory = _seconds(sample, load), _memory(sample, load)
    siblings = sample.total(lambda one: one.siblings)
    return Estimate(
        images=len(sizes),
        sampled=len(known),
        planned=len(drawn.order),
        already=already,
        left_out=left_out,
        bytes_in=sum(sizes),
        saved=sample.saved(),
        seconds=seconds,
        memory=memory,
        failed=sample.count(Status.FAILED),
        skipped=sample.count(Status.SKIPPED),
        siblings=round(siblings.value) if siblings else 0,
        sibling_bytes=sample.total(lambda one: one.sibling_bytes),
        workers=load.workers,
        rows=tuple(sample.rows()),
        complete=complete,
    )


def _beginning(drawn: Draw, tried: Mapping[int, Tried]) -> dict[int, Tried]:
    found: dict[int, Tried] = {}
    for image, _ in drawn.order:
        if image not in tried:
            break
        found[image] = tried[image]
    return found


class _Sample:
    """The strata with what was tried of them."""

    def __init__(self, drawn: Draw, known: Mapping[int, Tried]) -> None:
        self.strata = drawn.strata
        self.tried: list[list[Tried]] = [[] for _ in drawn.strata]
        for image, number in drawn.order[: len(known)]:
            self.tried[number].append(known[image])

    def cells(self, figure: Callable[[Tried], float], group: str | None = None, *, plain: bool = False) -> list[Cell]:
        """``figure`` beside the bytes, or with ``plain`` beside the number of images."""
        found = []
        for stratum, tried in zip(self.strata, self.tried, strict=True):
            if group is None or stratum.group == group:
                images = len(stratum.images)
                size = images if plain else stratum.size + images  # files of no bytes have a part in it
                drawn = tuple((1.0 if plain else one.size + 1.0, float(figure(one))) for one in tried)
                found.append(Cell(stratum.group, images, float(size), drawn))
        return found

    def total(self, figure: Callable[[Tried], float]) -> Range | None:
        return ratio_total(self.cells(figure))

    def count(self, status: Status) -> Range | None:
        return count_range(self.cells(lambda one: float(one.status is status), plain=True))

    def saved(self, group: str | None = None) -> Range | None:
        """Of one format or of all: not more than there is, and where nothing that was tried grows, nothing is taken to
        grow."""
        cells = self.cells(lambda one: one.saved, group)
        found = ratio_total(cells, like=self.cells(lambda one: one.saved))
        if found is None:
            return None
        own = [saved for cell in cells for _, saved in cell.drawn]
        size = sum(cell.known for cell in cells)
        return found.clipped(sum(own) if min(own, default=0) >= 0 else -size, size)

    def rows(self) -> list[Row]:
        """By format, in the order of the strata."""
        rows = []
        for group in dict.fromkeys(stratum.group for stratum in self.strata):
            own = [stratum for stratum in self.strata if stratum.group == group]
            images, size = sum(len(one.images) for one in own), sum(one.size for one in own)
            sampled = sum(
                len(tried) for stratum, tried in zip(self.strata, self.tried, strict=True) if stratum.group == group
            )
            rows.append(Row(group, images, sampled, size, self.saved(group)))
        return rows

    @property
    def all_tried(self) -> list[Tried]:
        return [one for tried in self.tried for one in tried]


def _seconds(sample: _Sample, load: Load) -> Range | None:
    """The work shared among the workers; not less than what the memory lets through, nor than the longest image. At the
    end all but one worker may wait for the longest (R. L. Graham, *Bounds on Multiprocessing Timing Anomalies*, 1969).
    What else the machine does may end or double: the range goes down to what it would be alone, and up as far again.
    """
    work = sample.total(lambda one: one.seconds)
    held = sample.total(lambda one: one.seconds * min(one.needs, load.budget))
    if work is None or held is None:
        return None
    images = sum(len(stratum.images) for stratum in sample.strata)
    workers = max(1, min(load.workers, images))
    shared, through = work.scaled(1 / workers), held.scaled(1 / max(1, load.budget))
    longest = max((one.seconds for one in sample.all_tried), default=0.0)
    writes = [images * seconds / workers for seconds in WRITE_SECONDS]
    low = (max(longest, shared.low, through.low) + writes[0]) * load.alone * MOODS[0]
    value = max(longest, shared.value, through.value) + writes[1]
    last = longest * (1 - 1 / workers)
    high = (max(longest, shared.high, through.high) + writes[2] + last) / math.sqrt(load.alone) * MOODS[1]
    return Range(load.start + value, load.start + low, load.start + high)


def _memory(sample: _Sample, load: Load) -> Range | None:
    """The idle processes, and beside them as much as the hungriest images need at once, within the budget; at the least
    half of one that lasts long enough for a gauge to see it, at the most that of images hungrier than those tried."""
    tried = sample.all_tried
    needs = sorted((one.needs for one in tried), reverse=True)
    if not needs:
        return None
    idle = load.host + load.workers * load.idle
    seen = max((one.needs for one in tried if one.seconds >= SEEN_SECONDS), default=0) / 2
    unseen = 1.0 if len(tried) == sum(len(stratum.images) for stratum in sample.strata) else HUNGRIER
    at_once = max(needs[0], min(load.budget, sum(needs[: load.workers])))
    most = HEAP * max(unseen * needs[0], min(load.budget, load.workers * unseen * needs[0]))
    return Range(idle + at_once, idle + seen, idle + max(at_once, most))
