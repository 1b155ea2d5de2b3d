"""How the dashboard leaves when it is told to, or when its terminal is gone: the terminal as it was, the run goes on.

The screen's loop may stand still in a write to a terminal that does not read any more, so everything here works without
it: signal handlers of Python's own, and threads.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Leaving"]

HANG_UP_SECONDS = 2.0
"""After a signal or a hang-up the screen may take this long to leave by itself."""


class Leaving:
    """Calls ``leave`` at SIGHUP, SIGTERM, SIGINT and when the terminal is gone; ends the process if that is no use."""

    def __init__(self, leave: Callable[[], None], terminal: int = 0) -> None:
        """``leave`` is called in the main thread or another; ``terminal`` is the descriptor of the terminal."""
        self.code = 0
        """128 and the number of the signal; 0 while there was none."""
        self._leave = leave
        self._terminal = terminal
        self._before: list[Any] | None = None

    def install(self) -> None:
        """Watch from now on; call before the screen changes the terminal."""
        with contextlib.suppress(termios.error):
            self._before = termios.tcgetattr(self._terminal)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        threading.Thread(target=self._watch, name="hang-up", daemon=True).start()

    def _told(self, number: int, frame: FrameType | None) -> None:
        self._begin(number)

    def _watch(self) -> None:
        """Sleep until the terminal hangs up."""
        poll = select.poll()
        poll.register(self._terminal, 0)
        poll.poll()
        self._begin(signal.SIGHUP)

    def _begin(self, number: int) -> None:
        if self.code:
            return
        self.code = 128 + number
        end = threading.Timer(HANG_UP_SECONDS, self._end)
        end.daemon = True
        end.start()
        self._leave()

    def _end(self) -> None:
        """The screen did not leave: give the terminal back without it."""
        if self._before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)
        os._exit(self.code)
