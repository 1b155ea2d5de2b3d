"""Promises of what a run can be told while it works."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine import runner
from engine.events import Finished, Queued, Started, WorkerGone, WorkerReady
from engine.job import Status
from engine.journal_file import JournalFile
from engine.known import hash_file
from engine.places import journal_file
from engine.priority import IoClass, own_nice
from engine.remote import RemoteRun
from engine.run import Run
from engine.server import RunServer
from engine.settings import Settings
from engine.view import Hangup, ImageState, Phase, RunView, Update, Window
from engine.why import Why
from tests.engine.test_run import fill, finish
from tests.engine.test_runner import end, over
from tests.pools import make_jobs, open_pool

MIB = 1024**2


async def until(view: RunView, met: Callable[[Update], bool]) -> Update:
    """The first update for which that holds."""
    async with asyncio.timeout(60):
        async for update in view.updates():
            if met(update):
                return update
    raise AssertionError("the run ended before")


def nices(update: Update) -> set[int]:
    """Nice values of all threads of all workers that run."""
    pids = [worker.pid for worker in update.workers if worker.pid]
    threads = [(pid, int(name)) for pid in pids for name in os.listdir(f"/proc/{pid}/task")]
    return {os.getpriority(os.PRIO_PROCESS, thread) for _, thread in threads}


async def test_controls_of_one_screen_are_seen_by_another(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    one = await runner.launch([str(root)], Settings(workers=1))
    two = await runner.attach(one.info.run_id)
    try:
        await one.pause()
        await one.set_memory(300 * MIB)
        await one.set_nice(7)
        await one.set_workers(2)
        await one.set_on_hangup(Hangup.STOP)
        await until(two, lambda update: update.gauges.budget < 300 * MIB)
        seen = await until(two, lambda update: update.workers_wanted == 2 and len(update.workers) == 2)
        assert (seen.phase, seen.memory_limit, seen.nice) == (Phase.PAUSED, 300 * MIB, 7)
        assert seen.on_hangup == "stop"
        assert seen.gauges.budget < 300 * MIB
        assert nices(seen) == {7}
        await two.set_memory(None)
        assert (await until(one, lambda update: update.memory_limit != 300 * MIB)).memory_limit > 300 * MIB
        await two.cancel(now=True)
        assert (await over(one)).phase is Phase.STOPPED
        await one.set_workers(1)
        await one.set_nice(1)
        assert await one.cancel_images([str(root)]) == await one.retry_quarantined() == 0
        assert runner.LINGER_SECONDS > 0
        assert await runner.running() == []
    finally:
        await two.close()
        await end(one)


async def test_cancelled_images_and_folders_are_skipped_and_their_originals_stay(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 30)
    fill(root / "sub", samples / "small.jpg", 5)
    (root / "subway.jpg").write_bytes((samples / "small.jpg").read_bytes())
    run = Run([str(root)], Settings(workers=1, batch_size=4))
    async with asyncio.timeout(60), run:
        await run.pause()
        await until(run, lambda update: not update.totals.scanning and not update.totals.running)
        done = run.state.totals().through
        names = [str(root / "i0020.jpg"), str(root / "sub"), str(root / "nothing.jpg"), str(root / "i0029.jpg")]
        assert await run.cancel_images(names) == 7
        assert await run.cancel_images(names) == 0
        await until(run, lambda update: update.totals.skipped == 7)
        await run.resume()
        await run.wait()
    assert done < 20
    totals = run.state.totals()
    assert (totals.found, totals.skipped, totals.done, totals.failed) == (36, 7, 29, 0)
    page = await run.rows(Window(states=(ImageState.SKIPPED,)))
    assert {(row.path, row.reason) for row in page.rows} == {
        (path, "cancelled") for path in ("i0020.jpg", "i0029.jpg", *(f"sub/i000{number}.jpg" for number in range(5)))
    }
    assert len(list((root / "optimized").rglob("*.jpg"))) == 29
    assert all((root / "sub" / f"i000{number}.jpg").exists() for number in range(5))
    file = JournalFile.reading(journal_file())
    assert [row.why for row in file.results(1)].count(Why.CANCELLED.value) == 7
    file.close()
    again = await finish(Run([str(root)], Settings(workers=1)))
    assert (again[-1].totals.done, again[-1].totals.skipped) == (7, 29)


async def test_an_image_in_work_is_cancelled_with_its_worker_and_those_behind_it_are_done(
    tmp_path: Path, samples: Path
) -> None:
    async with asyncio.timeout(60), open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "photo.jpg", ["x-hang", "a", "b", "c"], in_place=True):
            await pool.submit(job)
        before = (tmp_path / "x-hang.jpg").read_bytes()
        await recorder.until(lambda: len(recorder.of(Started)) == 1)
        assert pool.cancel(0)
        assert pool.cancel(1)
        await pool.drain()
    outcomes = recorder.outcomes
    assert [(outcomes[index].status, outcomes[index].why) for index in (0, 1)] == [(Status.SKIPPED, Why.CANCELLED)] * 2
    assert {outcomes[index].status for index in (2, 3)} <= {Status.DONE, Status.KEPT}
    assert (tmp_path / "x-hang.jpg").read_bytes() == before
    assert [event.reason for event in recorder.of(WorkerGone)][:1] == ["cancelled"]
    assert not [line for level, line in recorder.lines if level != "info" and "the run was stopped" not in line]
    assert not [path for path in tmp_path.rglob(".imgopt-*") if path.name.endswith(".tmp")]


async def test_an_image_that_waits_behind_another_is_called_back_without_harm(tmp_path: Path, samples: Path) -> None:
    async with asyncio.timeout(60), open_pool(1) as (pool, recorder):
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a-gate", "b", "c"]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Started)) == 1 and 1 in pool.workers.slots[0].tasks)
        assert pool.cancel(1)
        await recorder.until(lambda: 1 in recorder.outcomes)
        (tmp_path / "go").touch()
        await pool.drain()
        assert not pool.cancel(0)
        assert not pool.cancel(99)
    outcomes = recorder.outcomes
    assert [outcomes[index].status for index in range(3)] == [Status.DONE, Status.SKIPPED, Status.DONE]
    assert len(recorder.of(WorkerReady)) == 1
    assert not recorder.of(Queued)


async def test_an_image_that_is_on_its_way_into_the_pool_is_cancelled_there(tmp_path: Path, samples: Path) -> None:
    async with asyncio.timeout(60), open_pool(1, backlog=1) as (pool, recorder):
        pool.pause()
        jobs = make_jobs(tmp_path, samples / "small.jpg", ["a", "b"])
        await pool.submit(jobs[0])
        entering = asyncio.create_task(pool.submit(jobs[1]))
        await asyncio.sleep(0)
        assert pool.cancel(1)
        assert 1 not in recorder.outcomes
        pool.resume()
        await entering
        await pool.drain()
    assert [recorder.outcomes[index].status for index in (0, 1)] == [Status.DONE, Status.SKIPPED]
    assert [event.index for event in recorder.of(Finished)].count(1) == 1


async def test_what_was_set_aside_is_tried_again_when_asked_for(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    (root / "z.jpg").write_bytes((samples / "photo.jpg").read_bytes())
    journal = JournalFile(journal_file())
    content = bytes.fromhex(hash_file(str(root / "z.jpg")) or "")
    for _ in range(2):
        journal.blame(content, (root / "z.jpg").stat().st_size, b"z.jpg", "worker died (11, SIGSEGV)", "0")
    journal.close()
    run = Run([str(root)], Settings(workers=1))
    async with asyncio.timeout(60), run:
        await run.pause()
        await until(run, lambda update: update.totals.skipped == 1)
        assert await run.retry_quarantined([str(root / "z"), str(root / "i0000.jpg")]) == 0
        assert await run.retry_quarantined([str(root)]) == 1
        assert await run.retry_quarantined() == 0
        await run.resume()
        await run.wait()
    assert (run.state.totals().done, run.state.totals().skipped) == (4, 0)


async def test_a_nice_value_that_only_a_fresh_process_can_have_replaces_the_workers(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not root cannot lower it: workers begin with that of the process that starts them."""
    refused: list[int] = []

    def refuse(pid: int, nice: int) -> None:
        if os.getpriority(os.PRIO_PROCESS, pid) > nice:
            refused.append(pid)
            raise PermissionError
        os.setpriority(os.PRIO_PROCESS, pid, nice)

    monkeypatch.setattr("engine.workers.set_nice", refuse)
    async with asyncio.timeout(60), open_pool(2) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 2)
        first = set(pool.pids().values())
        pool.set_priority(own_nice() + 5, IoClass.IDLE)
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in first} == {own_nice() + 5}
        pool.set_priority(None, IoClass.NORMAL)
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 4)
        now = set(pool.pids().values())
        assert not first & now
        assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in now} == {own_nice()}
    assert sorted(refused) == sorted(first)
    assert not [line for level, line in recorder.lines if level != "info" and "the run was stopped" not in line]


@pytest.mark.parametrize(
    ("mode", "phase"), [("finish", Phase.RUNNING), ("pause", Phase.PAUSED), ("stop", Phase.STOPPED)]
)
async def test_the_last_screen_that_is_gone_without_a_word_is_a_hang_up(
    tmp_path: Path, samples: Path, mode: str, phase: Phase
) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 200)
    settings = Settings(workers=1, on_hangup=mode)
    async with asyncio.timeout(60), Run([str(root)], settings) as run, RunServer(run, detached=True) as server:
        assert server.path is not None
        left, stays, lost, ctl = [await RemoteRun.connect(server.path) for _ in range(4)]
        for view in (left, stays, lost):
            await view.watch()
        await left.close()
        lost._writer.transport.abort()
        await ctl.close()
        assert (await anext(aiter(stays.updates()))).phase is Phase.RUNNING
        stays._writer.transport.abort()
        again = await RemoteRun.connect(server.path)
        if phase is not Phase.RUNNING:
            await until(again, lambda update: update.phase is phase)
        else:
            await until(again, lambda update: update.totals.done >= 3)
            assert run.phase is phase
        await again.close()
        for view in (lost, stays):
            await view.close()


async def test_workers_begin_with_the_priority_that_is_set(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 50)
    async with asyncio.timeout(60), Run([str(root)], Settings(workers=2, nice=12, ionice="idle")) as run:
        seen = await until(run, lambda update: sum(bool(worker.pid) for worker in update.workers) == 2)
        assert (nices(seen), seen.nice) == ({12}, 12)
        kinds = {psutil.Process(worker.pid).ionice().ioclass for worker in seen.workers}
        assert kinds == {psutil.IOPRIO_CLASS_IDLE}
