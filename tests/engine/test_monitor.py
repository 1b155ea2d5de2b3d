"""Promises of the gauges; the cgroup files are made by the tests."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from engine import monitor
from engine.monitor import Monitor, default_workers


@pytest.mark.parametrize(
    ("cpus", "workers"), [(0.5, 2), (1, 2), (2, 2), (4, 3), (8, 6), (16, 12), (32, 24), (128, 24), (5.5, 4)]
)
def test_workers_are_three_quarters_of_the_cpus_within_bounds(cpus: float, workers: int) -> None:
    assert default_workers(cpus) == workers


def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(monitor, "CGROUP_ROOT", tmp_path)
    monkeypatch.setattr(monitor, "_read", lambda path: read(tmp_path, path))


def read(root: Path, path: Path) -> str:
    if str(path) == "/proc/self/cgroup":
        path = root / "own"
    return path.read_text().strip() if path.is_file() else ""


def test_the_smallest_quota_and_limit_on_the_path_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup(
        tmp_path,
        monkeypatch,
        {
            "own": "0::/box/inner",
            "box/cpu.max": "50000 100000",
            "box/inner/cpu.max": "max 100000",
            "box/memory.max": "104857600",
            "box/inner/memory.max": "max",
            "box/memory.current": "60000000",
            "box/memory.events": "oom 9\noom_kill 3\noom_group_kill 0",
            "box/memory.stat": "anon 1\ninactive_file 16000000\nactive_file 8000000\n",
            "box/memory.pressure": "some avg10=1.50 avg60=0.20 avg300=0.00 total=12345\nfull avg10=0.00 total=99",
        },
    )
    assert monitor.usable_cpus() == 0.5
    assert monitor.memory_limit() == 104857600
    assert monitor.available_memory() == 104857600 - 40000000
    assert monitor.default_memory_limit() == int(64857600 * 0.8)
    assert monitor.oom_kills() == 3
    assert monitor.memory_stalls() == 12345
    gauges = Monitor().gauges()
    assert (gauges.mem_limit, gauges.mem_used, gauges.mem_source) == (104857600, 40000000, "cg")


def test_the_older_cgroups_are_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup(
        tmp_path,
        monkeypatch,
        {
            "own": "4:memory:/box\n3:cpu,cpuacct:/box\n0::/",
            "cpu/box/cpu.cfs_quota_us": "150000",
            "cpu/box/cpu.cfs_period_us": "100000",
            "memory/box/memory.limit_in_bytes": "209715200",
            "memory/memory.limit_in_bytes": "9223372036854771712",
            "memory/box/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2",
        },
    )
    assert monitor.oom_kills() == 2
    assert monitor.usable_cpus() == min(1.5, len(os.sched_getaffinity(0)))
    assert monitor.memory_limit() == 209715200


def test_gauges_are_within_their_ranges() -> None:
    watch = Monitor()
    gauges = watch.sample([os.getpid(), 2**22 + 5], 10, 5)
    assert 0 <= gauges.cpu_percent <= 100
    assert 0 < gauges.mem_used <= gauges.mem_limit
    assert gauges.mem_run > 1_000_000
    assert gauges.mem_peak >= gauges.mem_run
    assert (gauges.budget, gauges.reserved) == (10, 5)


def test_a_process_that_is_gone_uses_nothing() -> None:
    watch = Monitor()
    assert monitor.own_memory(2**22 + 5) == 0
    assert watch.process_cpu(2**22 + 5) == 0.0
    assert watch.process_cpu(os.getpid()) == 0.0
    assert watch.process_cpu(os.getpid()) >= 0.0


def test_without_a_limit_the_hosts_own_count_of_memory_kills_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"/proc/vmstat": "pgfault 12\noom_kill 5\nswap_ra 0"}
    monkeypatch.setattr(monitor, "CGROUP_ROOT", tmp_path / "none")
    monkeypatch.setattr(monitor, "_read", lambda path: said.get(str(path), ""))
    assert monitor.oom_kills() == 5
    assert monitor.memory_stalls() is None
    said["/proc/pressure/memory"] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\nfull avg10=0.00 total=5"
    assert monitor.memory_stalls() == 77


def test_the_gauges_follow_limits_that_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"own": "0::/box", "box/cpu.max": "50000 100000", "box/memory.max": "104857600", "box/memory.current": "9"}
    cgroup(tmp_path, monkeypatch, files)
    now = 100.0
    watch = Monitor(lambda: now)
    assert watch.gauges().mem_limit == 104857600
    (tmp_path / "box/memory.max").write_text("209715200")
    (tmp_path / "box/cpu.max").write_text("100000 100000")
    now += monitor.LIMITS_SECONDS
    gauges = watch.gauges()
    assert (gauges.mem_limit, gauges.cpus) == (209715200, 1.0)


@pytest.mark.parametrize(
    ("files", "tasks", "used", "workers"),
    [(1024, -1, 0, 330), (64, -1, 0, 10), (30, -1, 0, 1), (1024, 60, 22, 5), (1024, 20, 19, 1), (-1, 5000, 0, 2**16)],
)
def test_workers_that_the_systems_limits_allow(
    monkeypatch: pytest.MonkeyPatch, files: int, tasks: int, used: int, workers: int
) -> None:
    limits = {resource.RLIMIT_NOFILE: files, resource.RLIMIT_NPROC: tasks}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], -1))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(monitor, "_tasks_of_user", lambda: used)
    assert monitor.most_workers() == workers


def test_the_threads_of_this_user_are_counted() -> None:
    assert monitor._tasks_of_user() >= 1


def test_a_quota_is_measured_by_what_its_cgroup_used_and_how_often_it_was_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, stat = 100.0, "usage_usec {}\nnr_periods {}\nnr_throttled {}"
    files = {"own": "0::/box", "box/cpu.max": "50000 100000", "box/cpu.stat": stat.format(1_000_000, 10, 4)}
    cgroup(tmp_path, monkeypatch, files)
    watch = Monitor(lambda: now)
    now += 2.0
    (tmp_path / "box/cpu.stat").write_text(stat.format(1_500_000, 30, 9))
    gauges = watch.gauges()
    assert (gauges.cpus, gauges.cpu_percent, gauges.throttled) == (0.5, 50.0, 25.0)
    assert watch.gauges().throttled == 0.0


def test_disk_rates_are_what_the_runs_processes_moved_in_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now, moved = 100.0, {os.getpid(): (0, 0), 7: (1000, 50_000)}
    monkeypatch.setattr(monitor, "_moved", lambda pid: moved[pid])
    watch = Monitor(lambda: now)
    first = watch.sample([7])
    assert (first.read_rate, first.write_rate) == (0.0, 0.0)
    now, moved = 102.0, {os.getpid(): (500, 100), 7: (2500, 70_000), 8: (10**9, 10**9)}
    second = watch.sample([7, 8])
    assert (second.read_rate, second.write_rate) == (1000.0, 10_050.0)
    now = 104.0  # between two images nothing is moved, and the run is at work all the same
    third = watch.sample([7, 8])
    assert (third.read_rate, third.write_rate) == (500.0, 5_025.0)
    again = watch.sample([7, 8])
    assert (again.read_rate, again.write_rate) == (500.0, 5_025.0), "a second look at once sees the same"
    now, moved = 110.0, {os.getpid(): (500, 100)}
    assert watch.sample([]).write_rate == 0.0


def test_bytes_moved_by_this_process_are_counted(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    read, written = monitor._moved(os.getpid())
    assert read >= 0
    assert written >= 0
    assert monitor._moved(2**22 + 5) == (0, 0)
