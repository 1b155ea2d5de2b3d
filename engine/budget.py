"""How much memory images in flight may take together: pure arithmetic, no clock, no processes.

Every worker holds a reservation: the largest allowance among the tasks it has, since it does one image at a time. The
sum of reservations never exceeds ``total``, nor ``ceiling`` while memory is short, with one exception: whatever an
image needs, it is admitted when nothing else runs.
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
        self.ceiling: int | None = None
        """What may be taken of ``total`` while memory is short; None: all of it."""
        self.extra = 0
        """Bytes of idle processes beyond ``workers``: those that end or take the place of one."""
        self._tasks: dict[int, dict[int, int]] = {}
        self._retained: dict[int, int] = {}
        self.resize(workers)

    def resize(self, workers: int, total: int | None = None) -> None:
        """Another number of workers shares the same total from now on, or another one."""
        self.total = self.total if total is None else total
        self.workers = max(1, workers)
        self.share = max(1, self.total // self.workers)

    @property
    def limit(self) -> int:
        """What all workers may take now."""
        ceiling = self.total if self.ceiling is None else min(self.total, self.ceiling)
        return max(0, ceiling - self.extra)

    def reserved(self, slot: int) -> int:
        """Bytes reserved for one worker's images."""
        return max(self._tasks.get(slot, {}).values(), default=0)

    def held(self, slot: int) -> int:
        """The same, or what it was seen to hold between two images, if that is more."""
        return max(self.reserved(slot), self._retained.get(slot, 0))

    @property
    def used(self) -> int:
        """Bytes reserved for the images of all workers."""
        return sum(self.reserved(slot) for slot in self._tasks)

    def _others(self, slot: int) -> int:
        return sum(self.held(other) for other in self._tasks.keys() | self._retained.keys() if other != slot)

    def fits(self, slot: int, need: int) -> bool:
        """Whether worker ``slot`` may get an image that needs ``need`` bytes now. One alone always may."""
        if not self.used:
            return True
        if need >= self.total:
            return False
        return self._others(slot) + max(self.held(slot), need) <= self.limit

    def allowance(self, slot: int) -> int:
        """Bytes a fresh, unprobed image may take at worker ``slot`` without asking; 0 when nothing is left."""
        left = self.limit - self._others(slot)
        if not self.used:
            left = max(left, LEAST_SHARE)
        return max(0, min(self.share, left))

    def retain(self, slot: int, size: int) -> None:
        """Worker ``slot`` was seen to hold ``size`` bytes more than an idle one between two images."""
        self._retained[slot] = size
        if size <= 0:
            del self._retained[slot]

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
        self._retained.pop(slot, None)
