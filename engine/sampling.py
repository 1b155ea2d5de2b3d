"""The gauges of one run, sampled together: the machine, the run's processes, its budget and its disks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from engine import monitor
from engine.guard import DiskGuard
from engine.headroom import Headroom
from engine.pool import ParallelProcessPool
from engine.view import Gauges

__all__ = ["Sampler"]


class Sampler:
    """What screens are shown of the machine; ``sample`` reads it anew."""

    def __init__(
        self,
        pool: ParallelProcessPool,
        room: Headroom,
        guard: DiskGuard,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool, self._room, self._guard = pool, room, guard
        self._monitor = monitor.Monitor(clock)
        self.gauges = Gauges(cpus=monitor.usable_cpus(), budget=room.budget.total, mem_stop=room.limit)
        self.figures: dict[int, tuple[int, float]] = {}
        """Worker number → resident bytes that it does not share, percent of one CPU."""

    def sample(self) -> None:
        """Read everything: some ten microseconds for each worker."""
        pids, room = self._pool.pids(), self._room
        reserved = self._pool.workers.reserved
        gauges = self._monitor.sample(pids.values(), min(room.budget.total, room.budget.limit), reserved)
        self.gauges = replace(gauges, short=room.short, mem_stop=room.limit, disks=self._guard.disks)
        self.figures = {slot: (monitor.own_memory(pid), self._monitor.process_cpu(pid)) for slot, pid in pids.items()}
