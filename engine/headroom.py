"""How many workers and how much memory a pool may use: what the user set, else what the machine allows, looked at again
all the time.

The limits of a cgroup may be changed while it works, and others may take memory. The first changes the number of
workers and the budget, the second lowers the budget's ceiling for a while (``pressure.py``); both are said in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine import monitor
from engine.budget import WORKER_BASE, Budget, fitting_workers, image_budget
from engine.pressure import MIB, Pressure, Reading
from engine.slots import QUEUE_IMAGES

__all__ = ["Headroom", "Machine"]

LOOK_SECONDS = 1.0
"""Between two looks at the memory."""
LIMITS_LOOKS = 3
"""Every so many of them the limits are read as well."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What this process may use."""

    cpus: float
    memory: int
    """Bytes."""

    @classmethod
    def read(cls) -> Machine:
        """As it is now."""
        return cls(monitor.usable_cpus(), monitor.memory_limit())

    def __str__(self) -> str:
        return f"{self.cpus:.3g} CPUs and {self.memory // MIB:,} MiB"


class Headroom:
    """Read once when made, then with every ``look``."""

    def __init__(
        self,
        workers: int | None,
        memory: int | None,
        log: Callable[[str, str], None],
        *,
        most: int = 256,
    ) -> None:
        """``workers`` and ``memory`` (bytes for all processes) are what the user set, None to follow the machine;
        ``most`` workers have something to do."""
        self._workers = workers
        self._memory = memory
        self._most = most
        self._log = log
        self._machine = Machine.read()
        self._pressure = Pressure()
        self._looked = 0.0
        self._looks = 0
        self.wanted = self.workers = 1
        """Worker processes: without and with regard to what holds them."""
        self.fewer = ""
        """Why the second number is the smaller one, in a sentence; empty when it is not."""
        self.images = 0
        """Bytes for images in flight."""
        self._allot(0)
        self.budget = Budget(self.images, self.workers)

    @property
    def limit(self) -> int:
        """Bytes that all processes of the run may take together."""
        return self._limit

    @property
    def backlog(self) -> int:
        """Images that wait for workers before the next one is fetched: two full queues each."""
        return 2 * QUEUE_IMAGES * max(self.workers, 4)

    @property
    def short(self) -> str:
        """Why less memory than usual is given out, in words; empty when that is not so."""
        return self._pressure.why

    def _allot(self, own: int) -> None:
        """``own``: bytes that the run takes already."""
        self._limit = self._memory or monitor.default_memory_limit(own)
        self.wanted = min(self._most, self._workers or monitor.default_workers(self._machine.cpus))
        by_system = monitor.most_workers()
        self.workers = min(by_system, fitting_workers(self._limit, self.wanted))
        self.fewer = "" if self.workers == self.wanted else f"{self.workers} workers instead of {self.wanted}: the "
        if self.fewer:
            self.fewer += (
                f"{'limit of open files or processes (ulimit)' if self.workers == by_system else 'memory limit'}"
            )
            self.fewer += " allows no more"
        self.images = image_budget(self._limit, self.workers)

    def set_workers(self, count: int) -> int:
        """The user wants another number from now on; the bytes for images that go with it."""
        self._workers = self.workers = self.wanted = count
        self.fewer = ""
        self.images = image_budget(self._limit, count)
        return self.images

    def set_memory(self, limit: int | None, pids: Iterable[int]) -> None:
        """The user wants another limit in bytes from now on, None for the machine's; ``pids`` are the workers."""
        self._memory = limit
        self._allot(sum(monitor.resident(pid) for pid in pids))

    def due(self, now: float) -> bool:
        """Whether it is time for another look."""
        return now - self._looked >= LOOK_SECONDS

    def look(self, now: float, pids: Iterable[int]) -> bool:
        """Read what there is, the worker processes ``pids`` included; whether ``workers`` or ``images`` changed."""
        self._looked = now
        taken = [monitor.resident(pid) for pid in pids]
        self._look_at_memory(now, sum(max(0, size - WORKER_BASE) for size in taken))
        self._looks += 1
        return self._looks % LIMITS_LOOKS == 0 and self._look_at_limits(sum(taken))

    def _look_at_memory(self, now: float, held: int) -> None:
        before = self._pressure.why
        reading = Reading(now, self._machine.memory, monitor.available_memory(), held, monitor.memory_stalls())
        self.budget.ceiling = self._pressure.ceiling(reading, self.budget.total)
        if self._pressure.why and not before:
            self._log("warning", f"memory is short ({self._pressure.why}): fewer images at once until there is more")
        elif before and not self._pressure.why:
            self._log("info", "memory is no longer short")

    def _look_at_limits(self, own: int) -> bool:
        machine = Machine.read()
        if machine == self._machine:
            return False
        self._machine = machine
        before = self.workers, self.images
        if self._workers is None or self._memory is None:
            self._allot(own)
        followed = before != (self.workers, self.images)
        more = f": {self.workers} workers, {self.images // MIB:,} MiB for images" if followed else ""
        self._log("info", f"the limits changed to {machine}{more}")
        return followed
