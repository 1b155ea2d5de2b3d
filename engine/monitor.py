"""CPU and memory: of the host or the cgroup that limits this process, and of each worker.

Linux reads the cgroup (version 1 or 2, the smallest limit on the path) and ``/proc``; elsewhere psutil alone answers.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psutil

from engine.child import LEAST_WORKERS
from engine.view import Gauges

__all__ = ["Monitor", "available_memory", "default_memory_limit", "default_workers", "memory_limit", "memory_stalls"]
__all__ += ["most_workers", "oom_kills", "own_memory", "resident", "usable_cpus"]

CGROUP_ROOT = Path("/sys/fs/cgroup")
_NO_LIMIT = 2**60
"""cgroup v1 says "no limit" with a number near 2**63."""
KEPT_FILES = 34
"""Open files that this process needs for other things than its workers' pipes, most of them while it starts one."""
FILES_PER_WORKER = 3
KEPT_TASKS, TASKS_PER_WORKER = 8, 6
"""Threads that this process may come to have, and a worker: its own three and those of libvips."""
FEW_TASKS = 4096
"""With a limit from here on nobody counts them: a pool never comes near."""
DISK_SECONDS = 5.0
"""Disk rates are over so long: images that take seconds leave the disks still between one and the next."""
LIMITS_SECONDS = 3.0
"""Between two looks at the limits of the cgroup, which may be changed at any time."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _own_folders(controller: str) -> list[Path]:
    """This process's cgroup folders for a v1 controller, or the unified ones, from the innermost to the root."""
    own, base = "", CGROUP_ROOT
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        number, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own, base = path, CGROUP_ROOT / controller
            break
        if number == "0" and not own:
            own = path
    if not own and not base.is_dir():
        return []
    inner = base / own.lstrip("/")
    chain = [inner, *inner.parents]
    return [folder for folder in chain[: chain.index(base) + 1] if folder.is_dir()]


def usable_cpus() -> float:
    """CPUs this process may use: affinity, and the smallest cgroup quota (may be a fraction); at least 0.1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(0.1, min(float(affinity), quota[0] if quota else affinity))


def _quota() -> tuple[float, Path] | None:
    """The smallest CPU quota on the path, in CPUs, and the cgroup folder that sets it; None without one."""
    found: list[tuple[float, Path]] = []
    for folder in _own_folders("cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        quota = quota or _read(folder / "cpu.cfs_quota_us")
        period = period or _read(folder / "cpu.cfs_period_us")
        with contextlib.suppress(ValueError, ZeroDivisionError):
            if int(quota) > 0:
                found.append((int(quota) / int(period), folder))
    return min(found, key=lambda pair: pair[0], default=None)


def _numbers(path: Path) -> dict[str, int]:
    """Lines of a name and a number, as the kernel writes them; empty when it cannot be read."""
    pairs = (line.partition(" ") for line in _read(path).splitlines())
    return {key: int(value) for key, _, value in pairs if value.isdigit()}


def default_workers(cpus: float) -> int:
    """¾ of the usable CPUs, at least 2, at most 24."""
    return max(LEAST_WORKERS, min(24, int(cpus * 3 / 4)))


def most_workers() -> int:
    """Workers that the limits of open files and of this user's processes allow; at least 1."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2**16 if files == resource.RLIM_INFINITY else (files - KEPT_FILES) // FILES_PER_WORKER
    tasks, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() != 0 and 0 <= tasks < FEW_TASKS:
        most = min(most, (tasks - _tasks_of_user() - KEPT_TASKS) // TASKS_PER_WORKER)
    return max(1, most)


def _tasks_of_user() -> int:
    """Threads of all processes of this user, as the kernel counts them against its limit."""
    own, found = os.geteuid(), 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += process.num_threads() if process.uids().real == own else 0
    return found


def _memory_folder() -> tuple[Path, int] | None:
    """The cgroup folder with the smallest memory limit on the path, and that limit in bytes."""
    found: list[tuple[int, Path]] = []
    for folder in _own_folders("memory"):
        text = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if text.isdigit() and int(text) < _NO_LIMIT:
            found.append((int(text), folder))
    if not found:
        return None
    limit, folder = min(found, key=lambda pair: pair[0])
    return (folder, limit) if limit < psutil.virtual_memory().total else None


def _cgroup_used(folder: Path) -> int:
    """Bytes in use, without file pages the kernel drops first: all that were read once, half of the others."""
    current = _read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes")
    found: dict[str, int] = {}
    for key, value in _numbers(folder / "memory.stat").items():
        name = key.removeprefix("total_")
        if name in ("inactive_file", "active_file"):
            found[name] = max(found.get(name, 0), value)
    droppable = found.get("inactive_file", 0) + found.get("active_file", 0) // 2
    return max(0, int(current) - droppable) if current.isdigit() else 0


def _cgroup_cpu(folder: Path) -> float | None:
    """CPU seconds that a cgroup's processes have used so far; None where the kernel does not count them."""
    micro = _numbers(folder / "cpu.stat").get("usage_usec")
    if micro is not None:
        return micro / 1e6
    nano = _read(folder / "cpuacct.usage")
    return int(nano) / 1e9 if nano.isdigit() else None


def memory_limit() -> int:
    """Bytes this process and its children may use together: the cgroup's limit or the host's memory."""
    found = _memory_folder()
    return found[1] if found else int(psutil.virtual_memory().total)


def available_memory() -> int:
    """Bytes that can be taken now without swapping."""
    host = int(psutil.virtual_memory().available)
    found = _memory_folder()
    return min(host, max(0, found[1] - _cgroup_used(found[0]))) if found else host


def oom_kills() -> int:
    """Processes that the kernel has ended so far for lack of memory, under the limit that holds here; 0 if unknown."""
    found = _memory_folder()
    files = [found[0] / "memory.events", found[0] / "memory.oom_control"] if found else [Path("/proc/vmstat")]
    for line in "\n".join(_read(file) for file in files).splitlines():
        key, _, value = line.partition(" ")
        if key == "oom_kill" and value.isdigit():
            return int(value)
    return 0


def memory_stalls() -> int | None:
    """Microseconds so far in which some process waited for memory, in the cgroup that limits this one or on the host
    (the kernel's pressure stall information); None where the kernel does not count them."""
    found = _memory_folder()
    files = [found[0] / "memory.pressure"] if found else []
    for file in [*files, Path("/proc/pressure/memory")]:
        for line in _read(file).splitlines():
            kind, *pairs = line.split()
            if kind == "some" and pairs and pairs[-1].startswith("total="):
                return int(pairs[-1].removeprefix("total="))
    return None


def default_memory_limit(own: int = 0) -> int:
    """For all processes of a run: the smaller of 60 % of the limit and 80 % of what is available, ``own`` bytes that
    the run has already included."""
    return int(min(memory_limit() * 0.6, (available_memory() + own) * 0.8))


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used so far; 0.0 when it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def resident(pid: int) -> int:
    """Resident bytes of a process, shared ones included; 0 when it is gone."""
    return _memory_of(pid)[0]


def own_memory(pid: int) -> int:
    """Resident bytes of a process that it does not share; 0 when it is gone."""
    return _memory_of(pid)[1]


def _memory_of(pid: int) -> tuple[int, int]:
    """Resident bytes, with and without what is shared."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            parts = file.read().split()
        return int(parts[1]) * _PAGE, (int(parts[1]) - int(parts[2])) * _PAGE
    except (OSError, IndexError, ValueError):
        pass
    try:
        rss = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0, 0
    return rss, rss


def _moved(pid: int) -> tuple[int, int]:
    """Bytes that a process has had read from and written to disks so far; zeros where that is not known."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            found = dict(line.split(b": ") for line in file.read().splitlines())
        return int(found[b"read_bytes"]), int(found[b"write_bytes"])
    except (OSError, KeyError, ValueError):
        return 0, 0


class Monitor:
    """Samples over time: percentages and rates are between one call and the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits_at = -LIMITS_SECONDS
        self._read_limits()
        self._used = self._busy()
        self._periods = self._held_back()
        self._moved: dict[int, tuple[int, int]] = {}
        self._flow: deque[tuple[float, int, int]] = deque([(clock(), 0, 0)])
        """When, and bytes read and written until then, of the last ``DISK_SECONDS`` and one look before."""
        self._process_cpu: dict[int, tuple[float, float]] = {}
        self._peak = 0

    def _read_limits(self) -> None:
        if (now := self._clock()) - self._limits_at >= LIMITS_SECONDS:
            self._limits_at, self._cpus, self._memory = now, usable_cpus(), _memory_folder()
            self._cpu = quota[1] if (quota := _quota()) else None

    def _busy(self) -> tuple[float, float]:
        """CPU seconds used so far by the cgroup with the quota, or by the host, and seconds passed."""
        if self._cpu is not None and (used := _cgroup_cpu(self._cpu)) is not None:
            return used, self._clock()
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return sum(times[:8]) - idle, sum(times[:8]) / (os.cpu_count() or 1)

    def _held_back(self) -> tuple[int, int]:
        """Periods of the quota so far, and those in which it was used up."""
        stat = _numbers(self._cpu / "cpu.stat") if self._cpu else {}
        return stat.get("nr_periods", 0), stat.get("nr_throttled", 0)

    def _throttled(self) -> float:
        """Percent of the periods since the last call in which the quota was used up."""
        before, now = self._periods, self._held_back()
        self._periods = now
        passed = now[0] - before[0]
        return min(100.0, max(0.0, 100 * (now[1] - before[1]) / passed)) if passed > 0 else 0.0

    def _disk_rates(self, pids: list[int], now: float) -> tuple[float, float]:
        """Bytes a second read and written by these processes in the last ``DISK_SECONDS``; new ones count from now
        on."""
        moved = {pid: _moved(pid) for pid in pids}
        steps = [(new, self._moved[pid]) for pid, new in moved.items() if pid in self._moved]
        self._moved = moved
        _, *before = self._flow[-1]
        read, written = (before[way] + sum(max(0, new[way] - old[way]) for new, old in steps) for way in (0, 1))
        self._flow.append((now, read, written))
        while self._flow[1][0] <= now - DISK_SECONDS:
            self._flow.popleft()
        at, read_then, written_then = self._flow[0]
        seconds = now - at
        return ((read - read_then) / seconds, (written - written_then) / seconds) if seconds > 0 else (0.0, 0.0)

    def gauges(self) -> Gauges:
        """The machine alone, when no run is open."""
        return self.sample(())

    def sample(self, pids: Iterable[int], budget: int = 0, reserved: int = 0) -> Gauges:
        """The machine, and the processes of a run (its own host process is always counted in)."""
        self._read_limits()
        busy, passed = self._busy()
        possible = (passed - self._used[1]) * self._cpus
        share = (busy - self._used[0]) / possible if possible > 0 else 0.0
        self._used = busy, passed
        cpu = min(100.0, max(0.0, share * 100))
        own = [os.getpid(), *pids]
        moved = self._disk_rates(own, self._clock())
        run = sum(map(own_memory, own))
        self._peak = max(self._peak, run)
        if self._memory is not None:
            folder, limit = self._memory
            used, source = _cgroup_used(folder), "cg"
        else:
            host = psutil.virtual_memory()
            used, limit, source = int(host.total - host.available), int(host.total), "host"
        gauges = Gauges(cpu, self._cpus, used, limit, self._peak, run, source, budget, reserved)
        return replace(gauges, throttled=self._throttled(), read_rate=moved[0], write_rate=moved[1])

    def process_cpu(self, pid: int) -> float:
        """Percent of one CPU that a process used since the last call for it; 0.0 the first time or when it is gone."""
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            self._process_cpu.pop(pid, None)
            return 0.0
        now, used = self._clock(), times.user + times.system
        before = self._process_cpu.get(pid)
        self._process_cpu[pid] = now, used
        if before is None or now <= before[0]:
            return 0.0
        return max(0.0, (used - before[1]) / (now - before[0]) * 100)
