"""How much memory images in flight may take together: pure arithmetic, no clock, no processes.

Every worker holds a reservation: the largest allowance among the tasks it has, since it does one image at a time. The
sum of reservations never exceeds ``total``, with one exception: an image that takes all of the budget or more is
admitted when nothing else runs.
"""

from __future__ import annotations

__all__ = ["Budget", "image_budget"]

WORKER_BASE = 62 * 1024**2
"""Resident bytes of an idle worker (interpreter and libvips loaded), measured."""
RUNNER_BASE = 48 * 1024**2
"""Resident bytes of the process that hosts a run."""
LEAST_SHARE = 24 * 1024**2
"""Bytes an image always may take; below this nothing larger than a thumbnail could be done."""


def image_budget(limit: int, workers: int) -> int:
    """Bytes for images in flight out of ``limit`` for all processes: what the idle processes leave, with a tenth kept
    back because the allocator does not return every page at once."""
    left = limit - RUNNER_BASE - workers * WORKER_BASE
    return max(workers * LEAST_SHARE, int(left * 0.9))


def fitting_workers(limit: int, workers: int) -> int:
    """The most workers, up to ``workers``, that leave each at least ``LEAST_SHARE`` within ``limit``; at least 1."""
    each = WORKER_BASE + LEAST_SHARE
    return max(1, min(workers, (limit - RUNNER_BASE) // each))


class Budget:
    """Reservations of all workers."""

    def __init__(self, total: int, workers: int) -> None:
        """``total`` bytes for ``workers`` workers."""
        self.total = total
        self._tasks: dict[int, dict[int, int]] = {}
        self.resize(workers)

    def resize(self, workers: int) -> None:
        """Another number of workers shares the same total from now on."""
        self.workers = max(1, workers)
        self.share = max(1, self.total // self.workers)

    def reserved(self, slot: int) -> int:
        """Bytes reserved for one worker."""
        return max(self._tasks.get(slot, {}).values(), default=0)

    @property
    def used(self) -> int:
        """Bytes reserved for all workers."""
        return sum(self.reserved(slot) for slot in self._tasks)

    def fits(self, slot: int, need: int) -> bool:
        """Whether worker ``slot`` may get an image that needs ``need`` bytes now."""
        if need >= self.total:
            return self.used == 0
        others = self.used - self.reserved(slot)
        return others + max(self.reserved(slot), need) <= self.total

    def allowance(self, slot: int) -> int:
        """Bytes a fresh, unprobed image may take at worker ``slot`` without asking; 0 when nothing is left."""
        others = self.used - self.reserved(slot)
        return max(0, min(self.share, self.total - others))

    def reserve(self, slot: int, index: int, size: int) -> None:
        """Give image ``index`` at worker ``slot`` an allowance, or change it."""
        self._tasks.setdefault(slot, {})[index] = size

    def release(self, slot: int, index: int) -> None:
        """The image is through or gone from the worker."""
        tasks = self._tasks.get(slot)
        if tasks is not None:
            tasks.pop(index, None)
            if not tasks:
                del self._tasks[slot]

    def drop(self, slot: int) -> None:
        """The worker is gone with all it had."""
        self._tasks.pop(slot, None)
