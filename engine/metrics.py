"""ParallelProcessingMetrics: batches, how many at once, how long each took, images by worker."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from dataclasses import dataclass

from engine.job import Outcome, Status
from engine.view import BatchRow

__all__ = ["ParallelProcessingMetrics", "PerSecond", "RateMeter", "Spread"]

UNSET = -1.0
RECENT_BATCHES = 60
"""Complete batches that the times shown during a run are taken from."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a list of figures; zeros for none."""

    count: int = 0
    minimum: float = 0.0
    mean: float = 0.0
    median: float = 0.0
    p95: float = 0.0
    maximum: float = 0.0

    @classmethod
    def of(cls, figures: list[float]) -> Spread:
        """The spread of ``figures``; p95 is the nearest rank."""
        if not figures:
            return cls()
        ordered = sorted(figures)
        rank = max(0, -(-len(ordered) * 95 // 100) - 1)
        return cls(
            len(ordered),
            ordered[0],
            sum(ordered) / len(ordered),
            (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2,
            ordered[rank],
            ordered[-1],
        )


class ParallelProcessingMetrics:
    """Counted from the events of one run. Times come from the caller's monotonic clock, in seconds."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.images = 0
        """Images planned so far; the last batch may be short until the scan ends."""
        self.total_processed = 0
        self.concurrent_batches = 0
        """Batches with an image started or finished, and not all finished."""
        self.max_concurrent_batches = 0
        self.completed_batches = 0
        self.per_worker: Counter[int] = Counter()
        """Worker number → images finished."""
        self._finished = array("I")
        self._failed = array("I")
        self._bytes_in = array("Q")
        self._bytes_out = array("Q")
        self._begin = array("d")
        self._end = array("d")
        self._recent: deque[float] = deque(maxlen=RECENT_BATCHES)

    @property
    def total_batches(self) -> int:
        """Batches planned so far."""
        return -(-self.images // self.batch_size)

    def planned(self, images: int) -> None:
        """The plan holds ``images`` images now."""
        last = self.total_batches - 1
        grows = last >= 0 and self.size_of(last) < min(self.batch_size, images - last * self.batch_size)
        if grows and self._complete(last):
            self.completed_batches -= 1
            self.concurrent_batches += 1
        self.images = images
        for column in (self._finished, self._failed, self._bytes_in, self._bytes_out):
            column.extend([0] * (self.total_batches - len(column)))
        for times in (self._begin, self._end):
            times.extend([UNSET] * (self.total_batches - len(times)))

    def size_of(self, batch: int) -> int:
        """Images in batch number ``batch`` (from 0)."""
        return min(self.batch_size, self.images - batch * self.batch_size)

    def started(self, index: int, now: float) -> None:
        """An image was started."""
        batch = index // self.batch_size
        if self._begin[batch] == UNSET:
            self._begin[batch] = now
            self.concurrent_batches += 1
            self.max_concurrent_batches = max(self.max_concurrent_batches, self.concurrent_batches)

    def finished(self, index: int, slot: int, outcome: Outcome, now: float) -> None:
        """An image is through."""
        self.started(index, now)
        batch = index // self.batch_size
        self.total_processed += 1
        if slot >= 0:
            self.per_worker[slot] += 1
        self._finished[batch] += 1
        self._failed[batch] += outcome.status is Status.FAILED
        if outcome.status.written:
            self._bytes_in[batch] += outcome.original_size
            self._bytes_out[batch] += outcome.optimized_size
        self._end[batch] = now
        if self._complete(batch):
            self.completed_batches += 1
            self.concurrent_batches -= 1
            self._recent.append(now - self._begin[batch])

    def again(self, index: int, failed: bool) -> None:
        """An image that was through is to be done once more."""
        batch = index // self.batch_size
        if self._complete(batch):
            self.completed_batches -= 1
            self.concurrent_batches += 1
        self.total_processed -= 1
        self._finished[batch] -= 1
        self._failed[batch] -= failed

    def _complete(self, batch: int) -> bool:
        return self._finished[batch] == self.size_of(batch)

    def batch(self, number: int, now: float) -> BatchRow:
        """Batch ``number`` (from 0) as screens show it."""
        begin, complete = self._begin[number], self._complete(number)
        end = self._end[number] if complete else now
        return BatchRow(
            number=number + 1,
            first=number * self.batch_size,
            count=self.size_of(number),
            finished=self._finished[number],
            failed=self._failed[number],
            bytes_in=self._bytes_in[number],
            bytes_out=self._bytes_out[number],
            seconds=0.0 if begin == UNSET else end - begin,
            complete=complete,
        )

    def batch_times(self) -> Spread:
        """Seconds from first start to last end, over complete batches."""
        done = [n for n in range(self.total_batches) if self._complete(n)]
        return Spread.of([self._end[n] - self._begin[n] for n in done])

    def recent_batches(self) -> tuple[float, float]:
        """Seconds of the batch completed last, and the median of the newest ones; zeros for none."""
        recent = self._recent
        return (recent[-1], Spread.of(list(recent)).median) if recent else (0.0, 0.0)

    def common_batch_size(self) -> int:
        """The size most batches have; the larger one of equals; 0 without batches."""
        sizes = Counter(self.size_of(n) for n in range(self.total_batches))
        return max(sizes, key=lambda size: (sizes[size], size), default=0)

    def tasks_per_worker(self) -> Spread:
        """Images finished by each worker that had one."""
        return Spread.of([float(count) for count in self.per_worker.values()])


class RateMeter:
    """Images per second over the last ``window`` seconds, by a monotonic clock."""

    def __init__(self, window: float = 10.0) -> None:
        self.window = window
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """``count`` images were through in all at ``now``."""
        self._samples.append((now, count))
        while len(self._samples) > 2 and self._samples[1][0] <= now - self.window:
            self._samples.popleft()

    @property
    def rate(self) -> float:
        """0.0 until two samples are apart."""
        if len(self._samples) < 2:
            return 0.0
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (last - first)) if last > first else 0.0


class PerSecond:
    """Images through in each of the last whole seconds of a monotonic clock."""

    def __init__(self, seconds: int = 60) -> None:
        self._seconds = seconds
        self._known: deque[tuple[int, int]] = deque()
        """(second, how many were through by its last look), oldest first; one before the seconds shown."""

    def add(self, now: float, count: int) -> None:
        """``count`` images were through in all at ``now``."""
        second = int(now)
        if self._known and self._known[-1][0] == second:
            self._known.pop()
        self._known.append((second, count))
        while len(self._known) > 1 and self._known[1][0] < second - self._seconds:
            self._known.popleft()

    def counts(self, now: float) -> tuple[int, ...]:
        """Oldest first; the second that goes on is not among them. A second without a look counts as none."""
        if not self._known:
            return ()
        first = max(self._known[0][0], int(now) - self._seconds)
        ends, known = dict(self._known), 0
        for second, count in self._known:
            known = count if second < first else known
        counts = []
        for second in range(first, int(now)):
            count = ends.get(second, known)
            counts.append(max(0, count - known))
            known = count
        return tuple(counts)
