"""A terminal in our hands: the program on a pseudo-terminal, behind a link as fast, slow or still as a test wants.

program ──bytes──▶ pseudo-terminal ──▶ link (buffer, bytes a second, stalled) ──▶ emulator (pyte)
   ▲                                                                                │
   └──────────────────────── answers to questions, after the latency ◀──────────────┘
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyte

from engine.child import command, environment

__all__ = ["Link", "Terminal", "of_no_terminal", "on_terminal"]

PIECE = 65536
LATE = 30.0
"""Seconds until a fact that does not come is a failure."""
PLAIN = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
_UNSET = ("COLORTERM", "NO_COLOR", "COLORFGBG", "SSH_CONNECTION", "COLUMNS", "LINES", "TMUX", "LANG", "LC_CTYPE")


def of_no_terminal() -> dict[str, str]:
    """The environment without what some terminal put into it: runners of tests say how wide theirs is, and a program
    that is told a size heeds no other."""
    return {name: value for name, value in environment().items() if name not in _UNSET}


@dataclass(slots=True)
class Link:
    """What lies between the pseudo-terminal and the emulator."""

    rate: float = float("inf")
    """Bytes a second that reach the emulator."""
    buffer: int = PIECE
    """Bytes the link takes in before it holds the program back."""
    latency: float = 0.0
    """Seconds an answer of the emulator is under way."""
    answers: bool = True
    """Whether the emulator answers questions at all."""
    background: str = ""
    """What the emulator says its background is (``rgb:ffff/ffff/ffff``); empty: it does not answer that."""
    still: bool = False
    """Nothing is read any more."""


class _Emulator(pyte.Screen):
    """Keeps what it wants to say."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self.said: list[str] = []

    def write_process_input(self, data: str) -> None:
        self.said.append(data)


@dataclass
class Terminal:
    """One program on one terminal; ``given`` are the arguments of imgopt-tui, or a whole command."""

    given: Sequence[str]
    size: tuple[int, int] = (80, 24)
    """Columns and lines; zeros: it does not know."""
    link: Link = field(default_factory=Link)
    env: Mapping[str, str] = field(default_factory=dict)
    controls: bool = True
    """Whether it is the controlling terminal of the program."""
    emulates: bool = True
    """Without an emulator nothing is drawn, only counted; questions are answered all the same."""
    whole: bool = False
    """``given`` is a whole command."""
    shows: tuple[int, int] = (0, 0)
    """Columns and lines of the emulator; zeros: as ``size`` says."""

    def __post_init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.size[1], self.size[0], 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.screen = _Emulator(*(self.shows if any(self.shows) else self.size))
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        """All that the emulator got."""
        self.history: list[tuple[float, int]] = []
        """When bytes were taken from the program, and how many."""
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._answers: list[tuple[float, str]] = []
        self._ready_at = 0.0
        self._news = threading.Condition()
        self._end = threading.Event()
        world = of_no_terminal()
        lead = ["setsid", "--ctty"] if self.controls else ["setsid"]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*lead, *(self.given if self.whole else [*command("tui"), *self.given])],
            env={**world, **PLAIN, **self.env},
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
        )
        self._thread = threading.Thread(target=self._work, name="link", daemon=True)
        self._thread.start()

    # --- the link -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        while not self._end.is_set():
            now = time.monotonic()
            takes = not self.link.still and self._held < self.link.buffer
            ready = poll.poll(self._patience(now)) if takes else []
            if not takes:
                self._end.wait(0.005)
            if ready:
                try:
                    data = os.read(self.master, min(PIECE, self.link.buffer))
                except OSError:
                    return
                self.history.append((time.monotonic(), len(data)))
                self._waiting.append(data)
                self._held += len(data)
            self._deliver()
            self._answer()

    def _patience(self, now: float) -> float:
        """Milliseconds to wait for bytes of the program."""
        waits = [0.05]
        if self._waiting:
            waits.append(self._ready_at - now)
        if self._answers:
            waits.append(self._answers[0][0] - now)
        return max(0.0, min(waits)) * 1000

    def _deliver(self) -> None:
        """Bytes that have come through reach the emulator."""
        while self._waiting and time.monotonic() >= self._ready_at and not self.link.still:
            data = self._waiting.popleft()
            if self.link.rate != float("inf"):
                data, rest = data[:512], data[512:]
                if rest:
                    self._waiting.appendleft(rest)
                self._ready_at = max(self._ready_at, time.monotonic() - 0.1) + len(data) / self.link.rate
            self._held -= len(data)
            self._show(data)

    def _show(self, data: bytes) -> None:
        with self._news:
            self.raw += data
            if self.emulates:
                self._stream.feed(data)
            elif b"\x1b[6n" in data:
                column = data.rpartition(b"\x1b[6n")[0].rpartition(b"\x1b[1;")[2].rstrip(b"H")
                self.screen.said.append(f"\x1b[1;{column.decode()}R")
            if self.link.background and b"\x1b]11;?" in data:
                self.screen.said.append(f"\x1b]11;{self.link.background}\x1b\\")
            for answer in self.screen.said:
                if self.link.answers:
                    heapq.heappush(self._answers, (time.monotonic() + self.link.latency, answer))
            self.screen.said.clear()
            self._news.notify_all()

    def _answer(self) -> None:
        while self._answers and self._answers[0][0] <= time.monotonic():
            self.send(heapq.heappop(self._answers)[1])

    # --- what a test does -----------------------------------------------------------------------------------------

    def send(self, keys: str) -> None:
        """Type."""
        with contextlib.suppress(OSError):
            os.write(self.master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Another size."""
        with self._news:
            self.screen.resize(lines, columns)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGWINCH)

    @property
    def lines(self) -> list[str]:
        """What the terminal shows."""
        with self._news:
            return [str(line) for line in self.screen.display]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def until(self, fact: Callable[[], object], seconds: float = LATE) -> None:
        """Wait for something to be drawn; fails with what is there instead."""
        end = time.monotonic() + seconds
        while not fact():
            with self._news:
                self._news.wait(0.02)
            assert time.monotonic() < end, f"it did not happen; the terminal shows:\n{self.text}"

    def until_text(self, *wanted: str, seconds: float = LATE) -> None:
        """Wait until all of this is shown."""
        self.until(lambda: all(words in self.text for words in wanted), seconds)

    def sent_since(self, then: float) -> int:
        """Bytes that the program has sent after ``then`` (of ``time.monotonic``)."""
        return sum(count for at, count in list(self.history) if at > then)

    @property
    def raw_mode(self) -> bool:
        """Whether the program has the terminal."""
        return termios.tcgetattr(self.slave) != self.before

    @property
    def child(self) -> psutil.Process:
        """The program itself."""
        return psutil.Process(self.process.pid)

    def cpu(self) -> float:
        """CPU seconds of the program so far, to a microsecond where the kernel counts that finely (Linux)."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        if tasks.is_dir():
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        times = self.child.cpu_times()
        return float(times.user + times.system)

    def hang_up(self) -> None:
        """Close both ends, as when a connection ends."""
        self._stop_link()
        for end in (self.slave, self.master):
            os.close(end)
        self.slave = self.master = -1

    def wait(self, seconds: float = LATE) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def _stop_link(self) -> None:
        self._end.set()
        self._thread.join()

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._stop_link()
        for end in (self.slave, self.master):
            if end >= 0:
                os.close(end)


@contextlib.contextmanager
def on_terminal(*given: str, **more: Any) -> Iterator[Terminal]:
    """``imgopt-tui`` with these arguments on a terminal."""
    it = Terminal(given, **more)
    try:
        yield it
    finally:
        it.close()
