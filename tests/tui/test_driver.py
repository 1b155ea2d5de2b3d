"""Promises about terminals that are slow, stand still or never answer, on real pseudo-terminals."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import runner
from engine.view import Phase
from tests.terminal import Link, on_terminal
from tests.tui.served import served

DROPPED = 150_000
"""Bytes: what a pseudo-terminal holds and two or three whole pictures, not the twenty that were painted meanwhile."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where state and sockets of this file's run lie."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="module")
def run(home: Path) -> Iterator[str]:
    """A run to attach to, for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        with served(40_000, rate=40) as run_id:
            yield run_id


@pytest.fixture(autouse=True)
def _same_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home))


def test_a_slow_link_is_told_by_the_terminal_and_gets_fewer_frames(run: str) -> None:
    with on_terminal("attach", run, link=Link(latency=0.35)) as it:
        it.until_text("RUN ", " 2Hz")
        it.link.latency = 0.8
        it.until_text(" 1Hz")
        assert "[2 Batches]" in it.text  # no answer arrived as a key


async def test_a_terminal_that_stops_reading_holds_up_nothing_and_is_right_when_it_reads_again(run: str) -> None:
    with on_terminal("attach", run, size=(160, 48)) as it:
        it.until_text("RUN ", "[2 Batches]")
        it.link.still = True
        stalled = time.monotonic()
        view = await runner.attach(run)
        through = 0
        async for update in view.updates():
            through = through or update.totals.through
            it.send("\x0c")  # paints all: a queue of such frames would be long
            if update.totals.through > through + 80:  # far more frames than any queue holds
                break
        it.send("p3")  # the screen still takes keys
        async for update in view.updates():
            if update.phase is Phase.PAUSED:
                break
        it.link.still = False
        it.until_text("PAUSED", "[3 Images]", f"{update.totals.through}/{update.totals.found} img")
        assert it.sent_since(stalled) < DROPPED
        it.send("p")
        it.until_text("RUN ")
        await view.close()


def test_a_terminal_that_never_answers_gets_all_frames_and_its_escape_key(run: str) -> None:
    with on_terminal("attach", run, link=Link(answers=False)) as it:
        it.until_text("RUN ", "10Hz")
        it.until(lambda: it.raw.count(b"\x1b[6n") == 3)
        asked = time.monotonic()
        it.until(lambda: len([at for at, _ in it.history if at > asked + 1.2]) > 8)
        assert it.raw.count(b"\x1b[6n") == 3
        it.send("?")
        it.until_text("Help")
        it.send("\x1b")
        it.until_text("[2 Batches]")


def test_quitting_while_the_terminal_stands_still_leaves_it_as_it_was(run: str) -> None:
    with on_terminal("attach", run) as it:
        it.until_text("RUN ")
        it.link.still = True
        time.sleep(0.3)  # until the pseudo-terminal is full there is no event
        it.process.send_signal(signal.SIGTERM)
        assert it.wait() == 128 + signal.SIGTERM
        assert not it.raw_mode
        it.link.still = False
        it.until(lambda: b"\x1b[?1049l" in it.raw and b"\x1b[?25h" in it.raw)


def test_a_storm_of_sizes_ends_in_the_right_picture(run: str) -> None:
    with on_terminal("attach", run) as it:
        it.until_text("RUN ")
        for step in range(40):
            it.resize(40 + step * 5, 10 + step)
        it.resize(100, 30)
        it.until(lambda: it.lines[29].rstrip().endswith("Quit") and len(it.lines) == 30)
        it.until(lambda: "web1" in it.lines[0] and "[2 Batches]" in it.lines[6])


def test_a_size_that_changes_for_a_moment_leaves_the_right_picture(run: str) -> None:
    with on_terminal("attach", run) as it:
        it.until_text("RUN ", "[2 Batches]", "q Quit")
        it.process.send_signal(signal.SIGSTOP)
        it.resize(50, 12)  # cuts the picture; the program hears of nothing until the size is what it was
        it.resize(80, 24)
        assert "[2 Batches]" not in it.text
        it.process.send_signal(signal.SIGCONT)
        it.until_text("RUN ", "[2 Batches]", "q Quit")


def test_the_size_is_the_terminals_whatever_the_environment_says(run: str) -> None:
    with on_terminal("attach", run, size=(100, 30), env={"COLUMNS": "70", "LINES": "20"}) as it:
        it.until(lambda: it.lines[29].rstrip().endswith("Quit") and it.lines[0].rstrip().endswith("Hz"))
        assert len(it.lines[0].rstrip()) > 90
        it.resize(120, 40)
        it.until(lambda: it.lines[39].rstrip().endswith("Quit"))


def test_a_terminal_without_a_size_gets_that_of_the_environment(run: str) -> None:
    with on_terminal("attach", run, size=(0, 0), shows=(90, 26), env={"COLUMNS": "90", "LINES": "26"}) as it:
        it.until(lambda: it.lines[25].rstrip().endswith("Quit"))


def test_a_huge_terminal_shows_every_pane_to_its_edges(run: str) -> None:
    with on_terminal("attach", run, size=(300, 100)) as it:
        it.until_text("RUN ", " Files ", " Images ", " Log ", "MEMORY", "W4")
        it.until(lambda: it.lines[99].rstrip().endswith("Quit") and len(it.lines[0].rstrip()) > 290)
        it.send("3")
        it.until_text("[Images]")
        it.send("Z")
        it.until(lambda: sum("a00/" in line for line in it.lines) > 80)


def test_movements_of_the_mouse_are_never_reported(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path)) as it:
        it.until_text("q Quit")
        assert b"\x1b[?1003h" not in it.raw
        assert b"\x1b[?1002h" in it.raw
    with on_terminal(str(tmp_path), "--no-mouse") as it:
        it.until_text("q Quit")
        assert not any(b"\x1b[?%dh" % mode in it.raw for mode in (1000, 1002, 1003))
