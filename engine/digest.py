"""What the images of a run come to, for reports: by folder and format, the biggest wins, reasons, batches.

A pure fold over the journal's rows, one pass, in memory that does not grow with the images but for one number a batch.
"""

from __future__ import annotations

import heapq
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.job import WRITTEN, Status
from engine.journal_tables import ResultRow
from engine.task import saved_percent

__all__ = ["Batch", "Digest", "Group", "Image", "Point", "Reason", "digest"]

MOST_GROUPS = 30
"""Folders shown at most; deeper ones are summed up in those above until there are no more than that."""
BIGGEST = 20
NAMES = 10
"""Images named for each reason."""
POINTS = 2_000
"""Images in the pictures of points at most, evenly over the run."""


@dataclass(slots=True)
class Group:
    """Sums over some done and kept images."""

    name: str
    images: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    disk_in: int = 0
    """Bytes of whole blocks of the file system."""
    disk_out: int = 0

    def add(self, other: Group) -> None:
        """Sum up."""
        self.images += other.images
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.disk_in += other.disk_in
        self.disk_out += other.disk_out

    @property
    def saved(self) -> int:
        """Bytes, negative when it grew."""
        return self.bytes_in - self.bytes_out

    @property
    def percent(self) -> float:
        """Percent saved."""
        return saved_percent(self.bytes_in, self.bytes_out)


@dataclass(frozen=True, slots=True)
class Image:
    """One image in a list."""

    path: str
    """As ``os.fsdecode`` gives it."""
    original: int
    optimized: int


@dataclass(slots=True)
class Reason:
    """Images that ended for the same reason."""

    status: str
    text: str
    images: int = 0
    paths: list[str] = field(default_factory=list)
    """The first of them."""


@dataclass(slots=True)
class Batch:
    """When a batch was at work, in seconds after the run's beginning."""

    number: int
    """From 1."""
    begin: float
    end: float
    images: int = 0
    failed: int = 0
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """An image in a picture of points."""

    path: str
    original: int
    optimized: int
    score: float | None
    target_format: str


@dataclass(frozen=True, slots=True)
class Digest:
    """All of it."""

    counts: dict[str, int]
    """Images by status."""
    total: Group
    folders: tuple[Group, ...]
    """Most bytes saved first."""
    formats: tuple[Group, ...]
    """By ``from → to``."""
    biggest: tuple[Image, ...]
    reasons: tuple[Reason, ...]
    """Failed ones first, then skipped ones, the most frequent first."""
    batches: tuple[Batch, ...]
    points: tuple[Point, ...]
    workers: dict[int, int]
    """Images by worker number, from 1."""
    block: int
    """Bytes of a block."""


def digest(rows: Iterable[ResultRow], roots: Sequence[str], batch_size: int, block: int = 4096) -> Digest:
    """Fold the images of a run. ``block``: bytes of a block of the file system; sizes on disk are rounded up to it,
    which leaves out what a file system compresses or packs."""
    fold = _Fold(roots, batch_size, block)
    for row in rows:
        fold.take(row)
    return fold.result()


class _Fold:
    def __init__(self, roots: Sequence[str], batch_size: int, block: int) -> None:
        self.roots = [(root, root.rstrip(os.sep) + os.sep) for root in roots]
        self.batch_size, self.block = batch_size, block
        self.counts: Counter[str] = Counter()
        self.workers: Counter[int] = Counter()
        self.folders: dict[tuple[int, str], Group] = {}
        self.formats: dict[str, Group] = {}
        self.reasons: dict[tuple[str, str], Reason] = {}
        self.batches: dict[int, Batch] = {}
        self.biggest: list[tuple[int, int, Image]] = []
        self.points: list[Point] = []
        self.step = 1
        self.written = 0

    def take(self, row: ResultRow) -> None:
        self.counts[row.status] += 1
        if row.slot >= 0:
            self.workers[row.slot + 1] += 1
            self._time(row)
        if row.status in WRITTEN:
            self._sum(row)
        elif row.status in (Status.FAILED, Status.SKIPPED):
            text = _general(row.reason)
            reason = self.reasons.setdefault((row.status, text), Reason(row.status, text))
            reason.images += 1
            if len(reason.paths) < NAMES:
                reason.paths.append(os.fsdecode(row.path))

    def _sum(self, row: ResultRow) -> None:
        path = os.fsdecode(row.path)
        one = Group("", 1, row.original, row.optimized, self._on_disk(row.original), self._on_disk(row.optimized))
        formats = f"{row.source_format or '?'} → {row.target_format or row.source_format or '?'}"
        self.folders.setdefault(self._folder(path), Group("")).add(one)
        self.formats.setdefault(formats, Group(formats)).add(one)
        image = row.original - row.optimized, -row.number, Image(path, row.original, row.optimized)
        if image[0] > 0:
            (heapq.heappush if len(self.biggest) < BIGGEST else heapq.heappushpop)(self.biggest, image)
        if self.written % self.step == 0:
            self.points.append(Point(path, row.original, row.optimized, row.score, row.target_format))
            if len(self.points) > POINTS:
                self.points, self.step = self.points[::2], 2 * self.step
        self.written += 1

    def _on_disk(self, size: int) -> int:
        return -(-size // self.block) * self.block

    def _folder(self, path: str) -> tuple[int, str]:
        """The number of the root that an image lies in, and its folder from there."""
        folder = os.path.dirname(path)
        for number, (root, inside) in enumerate(self.roots):
            if folder == root or folder.startswith(inside):
                return number, os.path.relpath(folder, root)
        return -1, folder

    def _name(self, key: tuple[int, str]) -> str:
        number, folder = key
        if number < 0 or (len(self.roots) < 2 and folder != os.curdir):
            return folder
        return os.path.normpath(os.path.join(self.roots[number][0], folder))

    def _time(self, row: ResultRow) -> None:
        number, begin = row.number // self.batch_size + 1, max(0.0, row.at - row.seconds)
        batch = self.batches.setdefault(number, Batch(number, begin, row.at))
        batch.begin, batch.end = min(batch.begin, begin), max(batch.end, row.at)
        batch.images += 1
        batch.failed += row.status == Status.FAILED
        batch.saved += row.original - row.optimized if row.status in WRITTEN else 0

    def _by_folder(self) -> tuple[Group, ...]:
        found = _rolled_up(self.folders)
        for key, group in found.items():
            group.name = self._name(key)
        groups = _most_saved(found.values())
        rest = Group(f"({len(groups) - MOST_GROUPS + 1} others)")
        for group in groups[MOST_GROUPS - 1 :]:
            rest.add(group)
        return groups if len(groups) <= MOST_GROUPS else (*groups[: MOST_GROUPS - 1], rest)

    def result(self) -> Digest:
        total = Group("")
        for group in self.formats.values():
            total.add(group)
        ordered = sorted(self.reasons.values(), key=lambda reason: (reason.status, -reason.images, reason.text))
        return Digest(
            dict(self.counts),
            total,
            self._by_folder(),
            _most_saved(self.formats.values()),
            tuple(image for _, _, image in sorted(self.biggest, reverse=True)),
            tuple(ordered),
            tuple(self.batches[number] for number in sorted(self.batches)),
            tuple(self.points),
            dict(sorted(self.workers.items())),
            self.block,
        )


def _general(reason: str) -> str:
    """A reason as all images of its kind have it: without the quoted name of a neighbour or the number of a run."""
    return "done already" if reason.startswith("done already") else reason


def _most_saved(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-group.saved, group.name)))


def _rolled_up(folders: dict[tuple[int, str], Group]) -> dict[tuple[int, str], Group]:
    """The folders, those below the depth at which there are few enough summed up in it."""
    found: defaultdict[tuple[int, str], Group] = defaultdict(lambda: Group(""))
    deepest = max((name.count(os.sep) for _, name in folders), default=0)
    for depth in range(deepest + 1, 0, -1):
        found.clear()
        for (root, name), group in folders.items():
            found[root, os.sep.join(name.split(os.sep)[:depth])].add(group)
        if len(found) <= MOST_GROUPS:
            break
    return found
