"""What others do to a run while it works: stopped and killed processes, links and files put in its way."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import PoolError
from engine.events import Finished, Started, WorkerGone, WorkerReady
from engine.job import Status
from engine.link import WorkerLink
from engine.policy import Overwrite
from engine.slots import STALL_SECONDS, Assigned, Slot
from engine.starts import KILLED, Starts
from engine.temps import temp_name
from tests.pools import RECIPE, make_jobs, open_pool
from tests.test_cli import TOOL, environment

COMMAND = [*TOOL[:-1], "tui.__main__", "run"]
BESIDE = replace(RECIPE, policy=replace(RECIPE.policy, overwrite=Overwrite.NEVER))
"""For results that may replace no file."""


async def test_kills_while_workers_start_do_not_end_the_run(tmp_path: Path, samples: Path) -> None:
    async with open_pool(1) as (pool, recorder):
        for number in range(1, 5):
            while not (starting := [slot.link for slot in pool.workers.slots.values() if slot.link and not slot.ready]):  # noqa: ASYNC110  # nothing tells of a process before its handshake
                await asyncio.sleep(0.001)
            os.kill(starting[0].pid, signal.SIGKILL)
            await recorder.until(lambda number=number: len(recorder.of(WorkerGone)) == number)  # type: ignore[misc]
        (job,) = make_jobs(tmp_path, samples / "small.jpg", ["a"])
        await pool.submit(job)
        await pool.drain()
        assert recorder.outcomes[0].status in (Status.DONE, Status.KEPT)


def test_workers_that_are_killed_at_every_start_end_it_at_last() -> None:
    starts = Starts()
    killed = type("Killed", (WorkerLink,), {"returncode": -9})(lambda *_: None, lambda _: None, lambda _: None)
    assert not any(starts.died(killed, "worker died (9, SIGKILL)", 0.0, only=False) for _ in range(2 * KILLED))
    answers = [starts.died(killed, "worker died (9, SIGKILL)", 0.0, only=True) for _ in range(KILLED)]
    assert not any(answers[:-1])
    assert "no worker can be started" in answers[-1]


async def test_a_program_that_cannot_be_run_ends_the_pool_with_a_sentence(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.child.command", lambda module: [str(tmp_path / "gone"), module])
    async with open_pool(1) as (pool, _):
        (job,) = make_jobs(tmp_path, samples / "small.jpg", ["a"])
        with pytest.raises(PoolError, match="no worker can be started: No such file"):  # noqa: PT012  # either waits
            await pool.submit(job)
            await pool.drain()


def test_a_lack_that_lasts_is_a_sentence_and_one_that_passes_is_not() -> None:
    starts, lack = Starts(), OSError(errno.EAGAIN, "too many processes")
    assert not any(starts.refused(lack, now, only=False) for now in range(1000))
    answers = [starts.refused(lack, now, only=True) for now in range(1000, 1030)]
    assert not any(answers[:-1])
    assert answers[-1]


def test_after_a_refusal_one_worker_is_tried_at_growing_distances_and_the_rest_once_it_runs() -> None:
    starts, lack = Starts(), OSError(errno.EMFILE, "too many open files")
    assert starts.allowed(20, 0.0, running=4) == 20
    told = []
    for _ in range(16):  # one burst
        starts.refused(lack, 0.0, only=False)
        told.append(starts.news)
    assert told == [True] + [False] * 15
    tries, now = [], 0.0
    while now < 300:
        now += 0.25
        if starts.allowed(16, now, running=4):
            assert starts.allowed(16, now, running=4) == 1
            tries.append(now)
            assert not starts.refused(lack, now, only=False)
            assert not starts.news
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert tries[0] <= 0.5
    assert gaps == sorted(gaps)
    assert max(gaps) <= 30
    assert starts.allowed(16, now + 1, running=0) == 1, "with no worker left it does not wait long"
    starts.succeeded(0.0)
    assert starts.allowed(16, now, running=5) == 0, "one that was started before the refusal says nothing"
    starts.succeeded(now + 1)
    assert starts.allowed(16, now + 1, running=5) == 16


def test_a_low_limit_of_open_files_means_fewer_workers_and_no_loss(tmp_path: Path, samples: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(60):
        shutil.copy(samples / "small.jpg", tmp_path / "in" / f"{number}.jpg")
    words = [*COMMAND, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-j", "24"]
    limited = ["sh", "-c", 'ulimit -n 48; exec "$@"', "sh", *words]
    run = subprocess.run(limited, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert "4 workers instead of 24: the limit of open files or processes (ulimit) allows no more" in run.stderr
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 60


@pytest.mark.alone
async def test_a_worker_stopped_between_two_images_is_replaced(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.slots.ANSWER_SECONDS", 0.5)
    async with open_pool(1) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 1)
        os.kill(pool.pids()[0], signal.SIGSTOP)
        for job in make_jobs(tmp_path, samples / "small.jpg", ["a", "b"]):
            await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Finished)) == 2)
        assert recorder.of(WorkerGone)[0].reason == "did not answer"
        assert all(outcome.status in (Status.DONE, Status.KEPT) for outcome in recorder.outcomes.values())


@pytest.mark.alone
async def test_a_worker_stopped_before_the_end_does_not_keep_the_pool_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.slots.ANSWER_SECONDS", 0.5)
    async with open_pool(1) as (pool, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerReady)) == 1)
        os.kill(pool.pids()[0], signal.SIGSTOP)
        await pool.close()
        assert pool.pids() == {}


def test_the_time_in_which_the_whole_run_was_stopped_counts_for_no_limit(tmp_path: Path, samples: Path) -> None:
    (job,) = make_jobs(tmp_path, samples / "small.jpg", ["a"])
    slot = Slot(0, "t", 100.0, ready=True)
    slot.give(Assigned(job, "temp"))
    slot.start(0, 100.0, 60.0)
    assert slot.overdue(100.0 + STALL_SECONDS) == ""
    assert slot.overdue(5000.0) == ""
    seen = [slot.overdue(5000.0 + step) for step in range(1, 70)]
    assert seen[30] == ""
    assert "60 s" in seen[-1]


def test_a_write_may_wait_for_the_library_that_has_the_next_image(tmp_path: Path, samples: Path) -> None:
    first, second = make_jobs(tmp_path, samples / "small.jpg", ["a", "b"])
    slot = Slot(0, "t", 100.0, ready=True)
    slot.give(Assigned(first, "temp"))
    slot.start(first.index, 100.0, 60.0)
    slot.give(Assigned(second, "temp"))
    slot.start(second.index, 101.0, 90.0)
    seen = {step: slot.overdue(100.0 + step) for step in range(1, 120)}
    assert seen[61] == ""
    assert "90 s" in seen[92]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at a parent's death is Linux's")
def test_a_worker_dies_with_its_parent_also_inside_a_library_that_holds_the_lock(tmp_path: Path) -> None:
    """12 megapixels keep oxipng busy for many seconds, in which no Python thread of the worker runs."""
    make = (
        "import sys, pyvips; noise = pyvips.Image.gaussnoise(4000, 3000).cast('uchar')\n"
        "noise.bandjoin([noise, 2]).copy(interpretation='srgb').pngsave(sys.argv[1], compression=0)"
    )
    subprocess.run([sys.executable, "-c", make, str(tmp_path / "a.png")], check=True)
    parent = (
        "import json, os, sys; from engine.child import start_worker; from engine.job import Recipe\n"
        "worker = start_worker('engine.worker')\n"
        "task = dict(task=0, source=sys.argv[1], target=sys.argv[2], recipe=0, allowance=1 << 40, temp='t')\n"
        "for line in ({'recipe': 0, 'value': Recipe().to_json()}, task):\n"
        "    worker.stdin.write(json.dumps(line).encode() + b'\\n')\n"
        "stages = (json.loads(line) for line in worker.stdout)\n"
        "next(line for line in stages if line.get('stage') == 'encode')\n"
        "print(worker.pid, flush=True); sys.stdin.readline(); os._exit(0)"
    )
    command = [sys.executable, "-c", parent, str(tmp_path / "a.png"), str(tmp_path / "out.png")]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        worker = os.pidfd_open(int(process.stdout.readline()))
        process.stdin.write(b"\n")
        process.stdin.close()
        poll = select.poll()
        poll.register(worker, select.POLLIN)
        assert poll.poll(5_000)
        os.close(worker)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("kind", ["link", "file"])
async def test_what_somebody_else_put_at_the_source_is_not_reported_as_our_result(
    tmp_path: Path, samples: Path, kind: str
) -> None:
    async with open_pool(1) as (pool, recorder):
        (job,) = make_jobs(tmp_path, samples / "photo.jpg", ["x-gate"], in_place=True)
        await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Started)) == 1)
        os.rename(job.source, tmp_path / "moved")
        if kind == "link":
            os.symlink(tmp_path / "nowhere", job.source)
        else:
            (tmp_path / "new").write_bytes(b"words")
            os.rename(tmp_path / "new", job.source)
        os.kill(pool.pids()[0], signal.SIGKILL)
        await recorder.until(lambda: len(recorder.of(WorkerGone)) == 1)
        (tmp_path / "go").touch()
        await recorder.until(lambda: len(recorder.of(Finished)) == 1)
        assert recorder.outcomes[0].status in (Status.FAILED, Status.SKIPPED)
        assert "died right after" not in recorder.outcomes[0].reason


async def test_a_result_beside_its_source_counts_when_its_worker_dies_right_after(
    tmp_path: Path, samples: Path
) -> None:
    async with open_pool(1) as (pool, recorder):
        (job,) = make_jobs(tmp_path, samples / "photo.png", ["x-lost"], BESIDE)
        await pool.submit(job)
        await recorder.until(lambda: len(recorder.of(Finished)) == 1)
        outcome = recorder.outcomes[0]
        assert (outcome.status, outcome.optimized_size) == (Status.DONE, os.path.getsize(job.target))


def test_a_second_run_removes_the_temps_of_one_that_was_killed(tmp_path: Path, samples: Path) -> None:
    shutil.copy(samples / "small.jpg", tmp_path / "a.jpg")
    (tmp_path / temp_name("0123456789ab", 4)).write_bytes(b"half")
    subprocess.run([*COMMAND, str(tmp_path), "--in-place"], env=environment(), check=True, timeout=60)
    assert sorted(os.listdir(tmp_path)) == [".imgopt-backups", "a.jpg"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_without_standard_streams_does_its_work(tmp_path: Path, samples: Path, closed: str) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(samples / "photo.jpg", tmp_path / "in" / "a.jpg")
    words = [*COMMAND, str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    run = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *words], env=environment(), timeout=60, check=False)
    assert run.returncode == 0
    assert (tmp_path / "out" / "a.jpg").is_file()


def test_a_folder_that_cannot_be_read_is_named_on_stderr(tmp_path: Path, samples: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(samples / "small.jpg", tmp_path / "in" / "a.jpg")
    at = os.open(tmp_path / "in", os.O_RDONLY)
    for _ in range(25):  # deeper than a path may be long
        os.mkdir("d" * 200, dir_fd=at)
        at, before = os.open("d" * 200, os.O_RDONLY, dir_fd=at), at
        os.close(before)
    os.close(at)
    words = [*COMMAND, str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    run = subprocess.run(words, env=environment(), capture_output=True, timeout=60, check=False)
    subprocess.run(["rm", "-rf", str(tmp_path / "in")], check=True)
    assert b"its images are left out" in run.stderr
