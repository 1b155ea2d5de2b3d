"""The dashboard inside tmux, as most people who log in over SSH have it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.child import command
from tests.terminal import of_no_terminal
from tests.tui.served import served

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


@dataclass
class Tmux:
    """A tmux server of our own with one window of 80 × 24."""

    socket: Path

    def __call__(self, *given: str) -> str:
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(self.socket), *given],
            env={**of_no_terminal(), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        self("send-keys", *keys)

    @property
    def text(self) -> str:
        return self("capture-pane", "-p")

    def until_text(self, *wanted: str) -> None:
        self.until(lambda: all(words in self.text for words in wanted))

    def until(self, fact: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not fact():
            assert time.monotonic() < end, f"it did not happen; tmux shows:\n{self.text}"
            time.sleep(0.05)  # tmux sends no events


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    it = Tmux(tmp_path / "t")
    yield it
    it("kill-server")


def test_keys_sizes_and_a_lost_terminal_in_tmux(tmux: Tmux) -> None:
    with served(rate=40) as run:
        tmux("new-session", "-d", "-x", "80", "-y", "24", *command("tui"), "attach", run)
        tmux.until_text("RUN ", "[2 Batches]", "q Quit")
        for keys, words in (
            (("1",), "[1 Files]"),
            (("3",), "[3 Images]"),
            (("5",), "[5 Log]"),
            (("Tab",), "[1 Files]"),
            (("?",), "Marks of images"),
            (("Escape",), "[1 Files]"),
            (("F2",), "Commands"),
            (("Escape",), "[1 Files]"),
            (("o",), "Settings of the next run"),
            (("Escape",), "[1 Files]"),
            (("p",), "PAUSED"),
            (("p",), "RUN "),
            (("2",), "[2 Batches]"),
            (("M",), "mouse off"),
            (("q",), "leave it running"),
            (("Escape",), "[2 Batches]"),
        ):
            tmux.press(*keys)
            tmux.until_text(words)
        tmux("resize-window", "-x", "160", "-y", "48")
        tmux.until_text("[Batches]", " Images ", "WORKERS", "q Quit")
        tmux("resize-window", "-x", "40", "-y", "10")
        tmux.until_text("q quit")
        tmux("resize-window", "-x", "80", "-y", "24")
        tmux.until_text("[2 Batches]", "q Quit")
        program = int(tmux("display-message", "-p", "#{pane_pid}"))
        tmux("kill-server")
        end = time.monotonic() + 20
        while Path(f"/proc/{program}").exists():
            assert time.monotonic() < end, "the dashboard outlives its terminal"
            time.sleep(0.05)  # its parent was tmux
