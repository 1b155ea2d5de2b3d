"""Promises about signals and closed terminals, on real terminals: who ends, how soon, and what is left behind."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine import runner
from engine.settings import Settings
from engine.view import Phase
from tests.engine.test_run import fill, leftovers
from tests.test_cli import TOOL, environment

COMMAND = [*TOOL[:-1], "tui.__main__"]
SLOW = ("--format", "avif", "--effort", "small", "--workers", "2")
"""Each image takes seconds."""
LATE = 2.0
"""Seconds beside those promised, for a machine that does other things too."""


def until(fact: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)  # other processes send no events


class OnTerminal:
    """A process whose terminal, with ``controls`` its controlling one, is in our hands."""

    def __init__(self, *given: str, controls: bool = True) -> None:
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.seen = b""
        lead = ["setsid", "--ctty"] if controls else ["setsid"]
        self.process = subprocess.Popen(
            [*lead, *COMMAND, *given], env=environment(), stdin=slave, stdout=slave, stderr=slave
        )
        self.slave = slave
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                self.seen += data

    def workers(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [child for child in psutil.Process(self.process.pid).children() if "engine.worker" in cmd(child)]
        return []

    def hang_up(self) -> None:
        """Close both ends, as when a connection ends."""
        os.close(self.slave)
        self.slave = -1
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.slave, self.master):
            if fd >= 0:
                os.close(fd)


def cmd(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@contextlib.contextmanager
def on_terminal(*given: str, controls: bool = True) -> Iterator[OnTerminal]:
    it = OnTerminal(*given, controls=controls)
    try:
        yield it
    finally:
        it.close()


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
        until(lambda: len(it.workers()) == 2 and b"images" in it.seen)
        workers = it.workers()
        for number in numbers:
            sent = time.monotonic()
            it.process.send_signal(number)
            if number == signal.SIGINT:
                until(lambda: b"stopping" in it.seen)
        assert it.process.wait(20) == code
        assert time.monotonic() - sent < seconds + LATE
        assert termios.tcgetattr(it.slave) == it.before
        _, left = psutil.wait_procs(workers, timeout=2)
        assert not left
    assert not leftovers(slow_root)


def test_a_run_whose_terminal_closes_does_its_work(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 60)
    with on_terminal("run", str(root), "--workers", "2") as it:
        until(lambda: len(list(root.glob("optimized/*.jpg"))) > 3)
        it.hang_up()
        assert it.process.wait(60) == 0
    assert len(list(root.glob("optimized/*.jpg"))) == 60


def test_a_closed_terminal_ends_a_run_where_that_was_asked_for(slow_root: Path) -> None:
    with on_terminal("run", str(slow_root), *SLOW, "--on-hangup", "stop") as it:
        until(lambda: len(it.workers()) == 2 and b"images" in it.seen)
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


def test_a_run_that_is_stopped_and_continued_takes_its_workers_along(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 100)
    with on_terminal("run", str(root), "--workers", "2") as it:
        until(lambda: len(list(root.glob("optimized/*.jpg"))) > 3)
        processes = [psutil.Process(it.process.pid), *it.workers()]
        it.process.send_signal(signal.SIGTSTP)
        until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in processes))
        it.process.send_signal(signal.SIGCONT)
        assert it.process.wait(60) == 0
    assert len(list(root.glob("optimized/*.jpg"))) == 100


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
        until(lambda: b"Files" in it.seen and termios.tcgetattr(it.slave) != it.before)
        sent = time.monotonic()
        if isinstance(how, signal.Signals):
            it.process.send_signal(how)
            assert it.process.wait(20) == 128 + how
            assert termios.tcgetattr(it.slave) == it.before
        else:
            it.hang_up()
            assert it.process.wait(20) == 128 + signal.SIGHUP
        assert time.monotonic() - sent < 5 + LATE


def test_the_dashboard_gives_its_terminal_back_while_it_is_stopped(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path)) as it:
        until(lambda: b"Files" in it.seen and termios.tcgetattr(it.slave) != it.before)
        it.process.send_signal(signal.SIGTSTP)
        until(lambda: psutil.Process(it.process.pid).status() == psutil.STATUS_STOPPED)
        assert termios.tcgetattr(it.slave) == it.before
        it.process.send_signal(signal.SIGCONT)
        until(lambda: termios.tcgetattr(it.slave) != it.before)
        it.process.send_signal(signal.SIGTERM)
        assert it.process.wait(20) == 143
