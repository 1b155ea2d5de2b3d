"""Promises about signals and closed terminals, on real terminals: who ends, how soon, and what is left behind."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine import runner
from engine.settings import Settings
from engine.view import Phase
from tests.engine.test_run import fill, leftovers
from tests.terminal import Terminal, on_terminal

SLOW = ("--format", "avif", "--effort", "small", "--workers", "2")
"""Each image takes seconds."""
LATE = 3.5
"""Seconds beside those promised, for a machine that does other things too; with it a second signal still ends a run
sooner than one alone."""


def until(fact: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)  # other processes send no events


def workers(it: Terminal) -> list[psutil.Process]:
    """The workers of the program."""
    with contextlib.suppress(psutil.Error):
        return [child for child in it.child.children() if "engine.worker" in cmd(child)]
    return []


def cmd(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@pytest.fixture
def slow_root(tmp_path: Path, samples: Path) -> Path:
    return fill(tmp_path / "in", samples / "photo.png", 40)


@pytest.mark.parametrize(
    ("numbers", "code", "seconds"),
    [
        ((signal.SIGINT,), 130, 5.0),
        ((signal.SIGINT, signal.SIGINT), 130, 1.0),
        ((signal.SIGTERM, signal.SIGTERM), 143, 1.0),
    ],
)
def test_a_run_ends_in_time_with_its_terminal_as_it_was_and_no_worker_left(
    slow_root: Path, numbers: tuple[signal.Signals, ...], code: int, seconds: float
) -> None:
    with on_terminal("run", str(slow_root), *SLOW) as it:
        until(lambda: len(workers(it)) == 2 and b"images" in it.raw)
        started = workers(it)
        for number in numbers:
            sent = time.monotonic()
            it.process.send_signal(number)
            if number == signal.SIGINT:
                until(lambda: b"stopping" in it.raw)
        assert it.process.wait(20) == code
        assert time.monotonic() - sent < seconds + LATE
        assert not it.raw_mode
        _, left = psutil.wait_procs(started, timeout=2)
        assert not left
    assert not leftovers(slow_root)


def test_a_run_whose_terminal_closes_does_its_work(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 30)
    with on_terminal("run", str(root), "--workers", "2") as it:
        until(lambda: len(list(root.glob("optimized/*.jpg"))) > 3)
        it.hang_up()
        assert it.process.wait(60) == 0
    assert len(list(root.glob("optimized/*.jpg"))) == 30


def test_a_closed_terminal_ends_a_run_where_that_was_asked_for(slow_root: Path) -> None:
    with on_terminal("run", str(slow_root), *SLOW, "--on-hangup", "stop") as it:
        until(lambda: len(workers(it)) == 2 and b"images" in it.raw)
        sent = time.monotonic()
        it.hang_up()
        assert it.process.wait(20) == 128 + signal.SIGHUP
        assert time.monotonic() - sent < 5 + LATE


async def test_a_closed_terminal_pauses_a_run_until_somebody_comes_back(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    with on_terminal("run", str(root), "--workers", "2", "--on-hangup", "pause") as it:
        until(lambda: len(list(root.glob("optimized/*.jpg"))) > 3)
        it.hang_up()
        view = await runner.attach()
        async for update in view.updates():
            if update.phase is Phase.PAUSED:
                assert update.totals.through < 300
                await view.cancel()
            if update.phase.over:
                break
        await view.close()
        it.process.wait(20)


async def test_the_last_dashboard_that_loses_its_terminal_ends_a_run_where_asked_for(slow_root: Path) -> None:
    with on_terminal(str(slow_root), *SLOW, "--on-hangup", "stop") as it:
        it.until_text("q Quit")
        it.send("r")
        it.until_text("RUN ")
        view = await runner.attach()
        it.hang_up()
        assert it.process.wait(20) == 128 + signal.SIGHUP
        async for update in view.updates():
            if update.phase.over:
                assert update.phase is Phase.STOPPED
        await view.close()


def test_a_run_that_is_stopped_and_continued_takes_its_workers_along(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 12)
    with on_terminal("run", str(root), "--workers", "2", "--format", "avif") as it:
        until(lambda: list(root.glob("optimized/*.avif")))
        processes = [psutil.Process(it.process.pid), *workers(it)]
        it.process.send_signal(signal.SIGTSTP)
        until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in processes))
        it.process.send_signal(signal.SIGCONT)
        assert it.process.wait(60) == 0
    assert len(list(root.glob("optimized/*.avif"))) == 12


async def test_a_detached_run_ends_in_time_and_leaves_no_process(slow_root: Path) -> None:
    settings = Settings(format="avif", effort="small", workers=2)
    view = await runner.launch([str(slow_root)], settings)
    host = psutil.Process(view.info.pid)
    async for update in view.updates():
        if update.totals.running == 2:
            break
    children = host.children()
    sent = time.monotonic()
    host.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs([host, *children], timeout=5 + LATE)
    assert not left
    assert time.monotonic() - sent < 5 + LATE
    await view.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "hang-up", "no signal"])
def test_the_dashboard_gives_its_terminal_back_or_ends_with_it(tmp_path: Path, how: str | signal.Signals) -> None:
    with on_terminal(str(tmp_path), controls=how != "no signal") as it:
        until(lambda: b"Files" in it.raw and it.raw_mode)
        sent = time.monotonic()
        if isinstance(how, signal.Signals):
            it.process.send_signal(how)
            assert it.process.wait(20) == 128 + how
            assert not it.raw_mode
        else:
            it.hang_up()
            assert it.process.wait(20) == 128 + signal.SIGHUP
        assert time.monotonic() - sent < 5 + LATE


def test_the_dashboard_gives_its_terminal_back_while_it_is_stopped(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path)) as it:
        until(lambda: b"Files" in it.raw and it.raw_mode)
        it.process.send_signal(signal.SIGTSTP)
        until(lambda: psutil.Process(it.process.pid).status() == psutil.STATUS_STOPPED)
        assert not it.raw_mode
        it.process.send_signal(signal.SIGCONT)
        until(lambda: it.raw_mode)
        it.process.send_signal(signal.SIGTERM)
        assert it.process.wait(20) == 143
