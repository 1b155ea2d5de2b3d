"""Promises about a screen that breaks, and about what libraries print while it is up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine import places, runner
from engine.view import Phase
from tests.terminal import on_terminal
from tests.tui.served import served

BREAKS = """
import sys
import tui.app, tui.header
from tui.__main__ import main
drawn = tui.header.title_line
def title_line(mirror, *rest):
    if mirror.update and mirror.update.version > 5:
        raise ValueError("a fault\\x1b[31m of ours")
    return drawn(mirror, *rest)
tui.header.title_line = title_line
sys.exit(main(["attach"]))
"""
PRINTS = """
import logging, os, sys
from tui.__main__ import main
import tui.main_screen
shown = tui.main_screen.MainScreen.on_mount
def on_mount(self):
    os.write(2, b"a codec speaks\\n")
    logging.getLogger("asyncio").error("a task was lost")
    print("printed", file=sys.stderr)
    shown(self)
tui.main_screen.MainScreen.on_mount = on_mount
sys.exit(main(sys.argv[1:]))
"""


async def test_a_screen_that_breaks_gives_the_terminal_back_and_says_in_a_line_how_to_come_back() -> None:
    with served(pauses=True) as run, on_terminal(sys.executable, "-c", BREAKS, whole=True, size=(200, 30)) as it:
        assert it.wait() == 1
        it.until_text(
            f"imgopt-tui: the dashboard broke down (ValueError: a fault\\x1b[31m of ours); run {run} goes on, "
            f"watch it with: imgopt-tui attach {run}; details are in "
        )
        assert not it.raw_mode
        assert b"Traceback" not in it.raw
        assert it.raw.rindex(b"\x1b[?1049l") < it.raw.rindex(b"broke down")
        view = await runner.attach(run)
        assert (await anext(aiter(view.updates()))).phase is Phase.RUNNING, "a fault of the screen is no hang-up"
        await view.close()
    log = places.log_file().read_text()
    assert "Traceback" in log
    assert "a fault" in log


def test_what_libraries_print_goes_to_the_log_and_not_to_the_terminal(tmp_path: Path) -> None:
    with on_terminal(sys.executable, "-c", PRINTS, str(tmp_path), whole=True) as it:
        it.until_text("q Quit")
        it.send("q")
        assert it.wait() == 0
        assert b"a codec speaks" not in it.raw
        assert b"a task was lost" not in it.raw
    log = places.log_file().read_text()
    assert "a codec speaks" in log
    assert "ERROR asyncio: a task was lost" in log


def test_a_log_that_has_grown_is_set_aside_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOG_BYTES", 100)
    for line in (b"first" * 30, b"second" * 30, b"third"):
        with places.open_log() as log:
            log.write(line)
    kept = places.log_file()
    assert kept.read_bytes() == b"third"
    assert kept.with_suffix(".log.1").read_bytes() == b"second" * 30
