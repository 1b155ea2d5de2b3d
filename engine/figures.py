"""Counts of a run and gauges of its machine: what a screen shows from its first picture on, also without a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Gauges", "Totals"]


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of images, and bytes of those that are through."""

    found: int = 0
    scanning: bool = True
    waiting: int = 0
    held: int = 0
    running: int = 0
    done: int = 0
    kept: int = 0
    skipped: int = 0
    failed: int = 0
    retried: int = 0
    bytes_found: int = 0
    bytes_in: int = 0
    """Originals of done and kept images."""
    bytes_out: int = 0
    """What stands in their stead."""

    @property
    def through(self) -> int:
        """Images with a final state."""
        return self.done + self.kept + self.skipped + self.failed

    @property
    def saved(self) -> int:
        """Bytes, negative when conversions grew."""
        return self.bytes_in - self.bytes_out


@dataclass(frozen=True, slots=True)
class Gauges:
    """The machine as the run sees it."""

    cpu_percent: float = 0.0
    """Of ``cpus``, 0–100."""
    cpus: float = 1.0
    """Usable CPUs: affinity and cgroup quota."""
    mem_used: int = 0
    """Bytes in use by the cgroup, or by the host where no cgroup limits it."""
    mem_limit: int = 0
    mem_peak: int = 0
    """Highest sum of this run's own processes."""
    mem_run: int = 0
    """Sum of this run's own processes now."""
    mem_source: str = "host"
    """``cg`` or ``host``."""
    budget: int = 0
    """Bytes that images in flight may take together."""
    reserved: int = 0
    """Bytes of that which the images in work need."""
    short: str = ""
    """Why memory is short on the machine, so that fewer images are begun; empty when it is not."""
    throttled: float = 0.0
    """Percent of the quota's periods in which the kernel held this cgroup back; 0 without a quota."""
    mem_stop: int = 0
    """Bytes of this run's own processes that the run does not go beyond; 0 when not known."""
    read_rate: float = 0.0
    write_rate: float = 0.0
    """Bytes a second that the run's processes had the disks read and write; what a cache answered does not count."""
    disks: tuple[tuple[str, int, int], ...] = ()
    """Of each file system that is written to: where it is mounted, bytes free, bytes that are to stay free."""
