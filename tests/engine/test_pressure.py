"""Promises of what is done while memory is short, and while limits change; what the kernel says is made up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import monitor
from engine.budget import WORKER_BASE, image_budget
from engine.headroom import Headroom
from engine.pressure import LEAST_PART, MIB, Pressure, Reading
from engine.run import Run
from engine.settings import Settings

GIB = 1024 * MIB
amounts = st.integers(0, 64 * 1024).map(lambda size: size * MIB)


@given(amounts, amounts, amounts, st.lists(st.tuples(amounts, st.floats(0, 1)), min_size=1, max_size=30))
def test_a_ceiling_is_never_above_the_budget_and_leaves_the_reserve(
    limit: int, held: int, total: int, seen: list[tuple[int, float]]
) -> None:
    pressure, stalls = Pressure(), 0
    for at, (available, stalled) in enumerate(seen):
        stalls += int(stalled * 1e6)
        ceiling = pressure.ceiling(Reading(float(at), limit, available, held, stalls), total)
        if ceiling is None:
            assert held + available >= min(total, limit // 20), "all is allowed although it is not there"
        else:
            assert 0 <= ceiling < total
            assert ceiling <= held + available
        assert bool(pressure.why) <= (ceiling is not None)


@given(st.integers(1, 12), st.integers(1, 100))
def test_waiting_for_memory_halves_what_is_allowed_and_calm_brings_it_back(waits: int, share: int) -> None:
    pressure, total, stalls = Pressure(), 8 * GIB, 0
    pressure.ceiling(Reading(0.0, 64 * GIB, 40 * GIB, 0, stalls), total)
    for at in range(1, waits + 1):
        stalls += 100_000 + share * 9_000
        ceiling = pressure.ceiling(Reading(float(at), 64 * GIB, 40 * GIB, 0, stalls), total)
        assert ceiling == int(total * max(LEAST_PART, 0.5**at))
        assert "waited for memory" in pressure.why
    after = [pressure.ceiling(Reading(waits + at, 64 * GIB, 40 * GIB, 0, stalls), total) for at in range(1, 12)]
    assert after[-1] is None
    assert pressure.why == ""
    grown = [ceiling for ceiling in after if ceiling is not None]
    assert grown == sorted(grown)


def test_where_nobody_counts_the_waiting_what_is_available_decides_alone() -> None:
    pressure = Pressure()
    assert pressure.ceiling(Reading(0.0, 10 * GIB, 8 * GIB, 0, None), 4 * GIB) is None
    assert pressure.ceiling(Reading(1.0, 10 * GIB, 2 * GIB, GIB, None), 4 * GIB) == int(2.5 * GIB)
    assert pressure.why == "2048 MiB available"


class Machine:
    """What the kernel would say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cpus, self.limit, self.available, self.stalls = 8.0, 16 * GIB, 15 * GIB, 0
        monkeypatch.setattr(monitor, "usable_cpus", lambda: self.cpus)
        monkeypatch.setattr(monitor, "memory_limit", lambda: self.limit)
        monkeypatch.setattr(monitor, "available_memory", lambda: self.available)
        monkeypatch.setattr(monitor, "memory_stalls", lambda: self.stalls)
        self.lines: list[str] = []

    def log(self, level: str, line: str) -> None:
        self.lines.append(f"{level}: {line}")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_beginning_and_the_end_of_a_shortage_are_said_once(machine: Machine) -> None:
    room = Headroom(None, None, machine.log)
    before = room.budget.limit
    for now, available in enumerate([15, 15, 2, 2, 1, 15, 15]):
        machine.available = available * GIB
        assert not room.look(float(now), [])
        assert bool(room.short) == (available < 15)
        assert (room.budget.limit < before) == (available < 15)
    assert machine.lines == [
        "warning: memory is short (2048 MiB available): fewer images at once until there is more",
        "info: memory is no longer short",
    ]
    assert room.budget.limit == before


@pytest.mark.parametrize(
    ("workers", "memory", "expected"),
    [
        (None, None, (2, image_budget(int(0.6 * GIB), 2))),
        (4, None, (4, image_budget(int(0.6 * GIB), 4))),
        (None, 2 * GIB, (2, image_budget(2 * GIB, 2))),
        (4, 2 * GIB, None),
    ],
)
def test_changed_limits_are_followed_where_the_user_set_nothing(
    machine: Machine, workers: int | None, memory: int | None, expected: tuple[int, int] | None
) -> None:
    room = Headroom(workers, memory, machine.log)
    before = room.workers, room.images
    assert not any(room.look(now, []) for now in range(6)), "nothing has changed"
    machine.cpus, machine.limit, machine.available = 1.5, GIB, GIB
    followed = [room.look(now, []) for now in range(6, 9)]
    assert any(followed) == (expected is not None)
    assert (room.workers, room.images) == (expected or before)
    changes = [line for line in machine.lines if "limits changed" in line]
    assert len(changes) == 1
    assert changes[0].startswith("info: the limits changed to 1.5 CPUs and 1,024 MiB")
    assert ("workers" in changes[0]) == (expected is not None)


def test_a_number_of_workers_that_the_user_chose_meanwhile_stays(machine: Machine) -> None:
    room = Headroom(None, None, machine.log)
    images = room.images
    assert abs(room.set_workers(10) - (images - 4 * WORKER_BASE * 0.9)) <= 1
    machine.cpus = 2.0
    for now in range(4):
        room.look(now, [])
    assert room.workers == 10


async def test_a_run_follows_the_machine_and_tells_its_screen_why_images_wait(
    tmp_path: Path, samples: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.headroom.LOOK_SECONDS", 0.1)
    machine.cpus = 4.0
    (tmp_path / "in").mkdir()
    for number in range(400):
        (tmp_path / "in" / f"{number}.jpg").write_bytes((samples / "photo.jpg").read_bytes())
    asked = Settings(output=str(tmp_path / "out"))
    seen: set[str] = set()
    wanted: set[int] = set()
    async with asyncio.timeout(60), Run([str(tmp_path / "in")], asked) as run:
        async for update in run.updates():
            seen.add(update.gauges.short)
            wanted.add(update.workers_wanted)
            if update.workers_wanted == 3 and not any(seen):
                machine.available, machine.cpus = 10 * MIB, 2.0
            elif update.gauges.short:
                machine.available = 15 * GIB
            if "" in seen and len(seen) > 1 and wanted == {2, 3} and not update.gauges.short and not update.phase.over:
                await run.cancel()
        assert seen == {"", "10 MiB available"}
        assert wanted == {2, 3}
        lines = [line.text for line in await run.log(0, 1000)]
        assert sum("memory is short" in line for line in lines) == 1
        assert sum("no longer short" in line for line in lines) == 1
        assert run.state.totals().failed == 0
