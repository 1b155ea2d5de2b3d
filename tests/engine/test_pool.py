"""Promises of ParallelProcessPool, with real worker processes that fail on cue."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.errors import PoolError
from engine.events import Finished, Queued, Retried, Started, WorkerGone, WorkerReady
from engine.job import Status
from tests.conftest import ROOT
from tests.pools import REAL, Recorder, make_jobs, open_pool

GOOD = (Status.DONE, Status.KEPT)


def statuses(recorder: Recorder) -> dict[int, Status]:
    return {index: outcome.status for index, outcome in recorder.outcomes.items()}


def temps(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".imgopt-")]


async def test_every_image_ends_once_and_the_workers_end_with_the_pool(tmp_path: Path, samples: Path) -> None:
    async with open_pool(2, module=REAL, backlog=4) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", [f"i{n}" for n in range(40)]):
            await pool.submit(job)
        await pool.drain()
        assert len(recorder.outcomes) == 40
        assert all(status in GOOD for status in statuses(recorder).values())
        pids = list(pool.pids().values())
        assert len(pids) == 2
        await pool.close()
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert [event.reason for event in recorder.of(WorkerGone)] == ["", ""]
    assert len(list((tmp_path / "out").iterdir())) == 40


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("segv", "worker died (11, SIGSEGV) 2 times with it; the original is untouched"),
        ("abort", "worker died (6, SIGABRT) 2 times with it; the original is untouched"),
        ("exit", "worker died (exit 3) 2 times with it; the original is untouched"),
        ("garbage", "sent something that is not its protocol 2 times with it; the original is untouched"),
        ("odd", "sent something that is not its protocol 2 times with it; the original is untouched"),
        ("long", "sent a line that is too long 2 times with it; the original is untouched"),
    ],
)
async def test_a_worker_that_dies_costs_one_retry_then_its_image_fails_with_a_sentence(
    tmp_path: Path, samples: Path, fault: str, sentence: str
) -> None:
    async with open_pool(2) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a", f"x-{fault}", "b", "c", "d"]):
            await pool.submit(job)
        await pool.drain()
        assert recorder.outcomes[1].status is Status.FAILED
        assert recorder.outcomes[1].reason == sentence
        assert all(status in GOOD for index, status in statuses(recorder).items() if index != 1)
        assert [event.index for event in recorder.of(Retried)] == [1]
    assert temps(tmp_path) == []


@pytest.mark.parametrize("fault", ["segv", "garbage", "odd"])
async def test_a_fault_that_comes_once_costs_nothing_but_the_retry(tmp_path: Path, samples: Path, fault: str) -> None:
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", [f"x-{fault}-once", "a", "b"]):
            await pool.submit(job)
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        assert [event.index for event in recorder.of(Retried)] == [0]


async def test_death_charges_only_the_image_in_work(tmp_path: Path, samples: Path) -> None:
    """Ten workers die with another image queued behind the bad one; the queued ones are never charged."""
    names = [f"x{n}-segv" if n % 2 == 0 else f"good{n}" for n in range(10)]
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", names):
            await pool.submit(job)
        await pool.drain()
        for index, name in enumerate(names):
            assert (statuses(recorder)[index] is Status.FAILED) == name.endswith("segv")
        assert sorted(event.index for event in recorder.of(Retried)) == [0, 2, 4, 6, 8]
        assert recorder.of(Queued), "nothing was queued behind an image whose worker died"


@pytest.mark.alone
async def test_a_hanging_image_is_killed_at_the_limit_and_the_limit_is_named(tmp_path: Path, samples: Path) -> None:
    async with open_pool(2, timeout=1.0) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["x-hang", "a", "b"]):
            await pool.submit(job)
        await pool.drain()
        assert recorder.outcomes[0].reason.startswith("took longer than 1 s; the original is untouched")
        assert [statuses(recorder)[index] in GOOD for index in (1, 2)] == [True, True]
        started = next(t for t, e in zip(recorder.times, recorder.events, strict=True) if e == Started(0, e_slot(e)))
        ended = next(
            t for t, e in zip(recorder.times, recorder.events, strict=True) if isinstance(e, Finished) and e.index == 0
        )
        assert 1.0 <= ended - started < 3.0


def e_slot(event: object) -> int:
    return event.slot if isinstance(event, Started) else -1


@pytest.mark.alone
async def test_a_dead_worker_is_replaced_within_a_second_and_its_queued_image_is_done(
    tmp_path: Path, samples: Path
) -> None:
    """The best of several deaths counts: the start of a worker takes half a second of a CPU that others may have."""
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["x-gate", "behind"]):
            await pool.submit(job)
        waited: list[float] = []
        while not waited or (min(waited) >= 1.0 and len(waited) < 10):
            deaths = len(waited)
            await recorder.until(lambda deaths=deaths: len(recorder.of(Started)) > deaths)  # type: ignore[misc]
            first = pool.pids()[0]
            os.kill(first, signal.SIGKILL)
            killed = time.monotonic()
            await recorder.until(lambda deaths=deaths: len(recorder.of(WorkerReady)) == deaths + 2)  # type: ignore[misc]
            waited.append(time.monotonic() - killed)
            assert pool.pids()[0] != first
        assert min(waited) < 1.0
        (tmp_path / "go").touch()
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        assert recorder.of(Retried)[0].reason == "worker died (9, SIGKILL)"


async def test_somebody_elses_signals_fail_an_image_only_after_many(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.deaths.OUTSIDE_KILLS", 4)
    async with open_pool(1) as (pool, recorder):
        (job,) = make_jobs(tmp_path, samples / "small.jpg", ["x-gate"])
        await pool.submit(job)
        for number in range(1, 5):
            await recorder.until(lambda number=number: len(recorder.of(Started)) == number)  # type: ignore[misc]
            os.kill(pool.pids()[0], signal.SIGTERM)
        await pool.drain()
        assert "4 times" in recorder.outcomes[0].reason


async def test_an_image_whose_worker_the_kernel_ended_for_memory_is_tried_again_alone(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 0
    monkeypatch.setattr("engine.monitor.oom_kills", lambda: kills)
    async with open_pool(2) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a-gate", "b-gate"]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Started)) == 2)
        kills += 1
        os.kill(pool.pids()[e_slot(recorder.of(Started)[1])], signal.SIGKILL)
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 3)
        (tmp_path / "go").touch()
        await pool.drain()
        kinds = [type(event) for event in recorder.events if isinstance(event, Started | Finished)]
        assert kinds == [Started, Started, Finished, Started, Finished]
        assert all(status in GOOD for status in statuses(recorder).values())


async def test_a_paused_pool_ends_what_it_has_and_begins_nothing(tmp_path: Path, samples: Path) -> None:
    names = ["x0-gate", "x1-gate", *(f"i{n}" for n in range(8))]
    async with open_pool(2) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 2)
        for job in make_jobs(tmp_path, samples / "small.jpg", names):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Started)) == 2)
        pool.pause()
        (tmp_path / "go").touch()
        await recorder.until(lambda: len(recorder.of(Finished)) >= 2 and not pool.active())
        assert len(recorder.of(Started)) == 2
        pool.resume()
        await pool.drain()
        assert len(recorder.outcomes) == len(names)


async def test_the_number_of_workers_changes_while_it_works(tmp_path: Path, samples: Path) -> None:
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", [f"x{n}-gate" for n in range(12)]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Started)) == 1)
        pool.resize(3)
        await recorder.until(lambda: len(recorder.of(Started)) == 3)
        pool.resize(1)
        (tmp_path / "go").touch()
        await recorder.until(lambda: len(recorder.of(WorkerGone)) == 2)
        assert len(pool.pids()) == 1
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        assert recorder.of(Retried) == []


async def test_workers_that_are_not_wanted_any_more_end_even_while_they_start(tmp_path: Path) -> None:
    async with open_pool(4) as (pool, recorder):
        await asyncio.sleep(0)
        pool.resize(1)
        await recorder.until(lambda: len(pool.pids()) == 1 and len(recorder.of(WorkerGone)) == 3)
        pool.resize(1)
        await recorder.until(lambda: len(pool.pids()) == 1)
        await pool.close()


async def test_dropping_what_waits_lets_the_pool_drain(tmp_path: Path, samples: Path) -> None:
    names = ["x0-gate", "x1-gate", *(f"i{n}" for n in range(20))]
    jobs = make_jobs(tmp_path, samples / "small.jpg", names)
    async with open_pool(2, backlog=3) as (pool, recorder):

        async def submit() -> None:
            for job in jobs:
                await pool.submit(job)

        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 2)
        feeder = asyncio.create_task(submit())
        await recorder.until(lambda: len(recorder.of(Started)) == 2)
        dropped = pool.drop_waiting()
        (tmp_path / "go").touch()
        async with asyncio.timeout(10):
            await feeder
            await pool.drain()
        assert set(recorder.outcomes) == {0, 1}
        assert len(dropped) <= 4


async def test_closing_at_once_leaves_neither_processes_nor_temps(tmp_path: Path, samples: Path) -> None:
    async with open_pool(3) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "photo.jpg", ["x-hang", *(f"i{n}" for n in range(30))]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Finished)) >= 2)
        pids = list(pool.pids().values())
        await pool.close(now=True)
        assert not any(psutil.pid_exists(pid) for pid in pids)
    assert temps(tmp_path) == []


async def test_closing_while_workers_start_leaves_no_process() -> None:
    before = set(psutil.Process().children())
    for turns in range(6):
        async with open_pool(3) as (pool, _):
            for _ in range(turns):
                await asyncio.sleep(0)
            await pool.close(now=turns % 2 == 0)
        assert set(psutil.Process().children()) <= before


_PARENT = """
import asyncio, sys
from pathlib import Path
from tests.pools import make_jobs, open_pool

async def main():
    async with open_pool(3) as (pool, recorder):
        for job in make_jobs(Path(sys.argv[1]), Path(sys.argv[2]), ["a-hang", "b-gate", "c-hang"]):
            await pool.submit(job)
        await recorder.until(lambda: len(pool.active()) == 3)
        print(*pool.pids().values(), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.alone
def test_no_worker_outlives_a_parent_that_is_killed(tmp_path: Path, samples: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path), str(samples / "small.jpg")], stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(workers) == 3
        parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=2)
    assert alive == []


async def test_a_worker_that_prints_does_not_break_the_protocol(tmp_path: Path, samples: Path) -> None:
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a", "x-print", "b"]):
            await pool.submit(job)
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        assert recorder.of(Retried) == []
        await recorder.until(lambda: any("stray words" in line for _, line in recorder.lines))


async def test_garbage_from_one_worker_kills_only_that_one(tmp_path: Path, samples: Path) -> None:
    async with open_pool(2) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["x-gate", "y-garbage-once", "a"]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 3)
        (tmp_path / "go").touch()
        await pool.drain()
        assert all(status in GOOD for status in statuses(recorder).values())
        assert len(recorder.of(WorkerGone)) == 1


@pytest.mark.parametrize("backlog", [2, 1000])
@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("exit", r"no worker can be started: worker died \(exit 7\)"),
        ("version", "worker runs version 0.0.0-other"),
        ("package", "from /elsewhere/engine/__init__.py"),
    ],
)
async def test_workers_that_cannot_start_are_a_pool_error_not_a_hang(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, start: str, sentence: str, backlog: int
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_START", start)
    async with open_pool(2, backlog=backlog) as (pool, recorder):
        with pytest.raises(PoolError, match=sentence):  # noqa: PT012  # waits inside
            async with asyncio.timeout(10):
                for job in make_jobs(tmp_path, samples / "small.jpg", [f"i{n}" for n in range(8)]):
                    await pool.submit(job)
                await pool.drain()
        with pytest.raises(PoolError):
            async with asyncio.timeout(5):
                await pool.drain()
        if start == "exit":
            assert any("this worker cannot start" in line for _, line in recorder.lines)


async def test_a_libvips_with_known_flaws_is_warned_of_once(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_START", "libvips")
    async with open_pool(2) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a", "b"]):
            await pool.submit(job)
        await pool.drain()
        assert len(recorder.outcomes) == 2
    warned = [line for level, line in recorder.lines if level == "warning" and "libvips 8.17.3" in line]
    assert len(warned) == 1
    assert "8.18.3" in warned[0]


async def test_a_worker_that_does_not_answer_the_handshake_is_killed(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_START", "silent")
    monkeypatch.setattr("engine.slots.HANDSHAKE_SECONDS", 0.4)
    async with open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a"]):
            await pool.submit(job)
        with pytest.raises(PoolError, match="did not answer the handshake"):
            await pool.drain()
        assert all(event.reason == "did not answer the handshake" for event in recorder.of(WorkerGone))


async def test_an_image_replaced_in_place_is_not_encoded_twice_when_its_worker_dies_right_after(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("IMGOPT_TEST_LOG", str(log))
    async with open_pool(1) as (pool, recorder):
        (job,) = make_jobs(tmp_path, samples / "photo.jpg", ["x-lost"], in_place=True)
        before = os.path.getsize(job.source)
        await pool.submit(job)
        await pool.drain()
        outcome = recorder.outcomes[0]
        assert outcome.status is Status.DONE
        assert (outcome.original_size, outcome.optimized_size) == (before, os.path.getsize(job.source))
        assert os.path.getsize(job.source) < before
    assert log.read_text().split() == ["x-lost.jpg"]
    assert temps(tmp_path) == []
