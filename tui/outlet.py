"""Sends bytes to a terminal without ever making anybody wait: a thread writes, and says when everything has left.

A terminal that does not read blocks whoever writes to it, so nothing else does. Where the terminal can be opened a
second time, writes do not block the thread either, and what cannot be sent any more can be given up.
"""

from __future__ import annotations

import contextlib
import os
import select
import termios
import threading
from collections.abc import Callable

__all__ = ["Outlet"]

PIECE = 4096
LOOK_SECONDS = 0.1
"""How often a thread that cannot write looks whether it is to give up."""
CANCEL = b"\x18"
"""Ends an escape sequence that was cut off."""


class Outlet:
    """One terminal. ``done`` is called in the thread each time all that was given has left."""

    def __init__(self, fd: int, done: Callable[[], None]) -> None:
        self._fd, self._own = _second(fd)
        self._done = done
        self._waiting = bytearray()
        self._change = threading.Condition()
        self._busy = self._ending = self._cut = False
        self._thread = threading.Thread(target=self._work, name="terminal", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something is still here."""
        return self._busy

    def put(self, data: bytes) -> None:
        """Send this after what was given before; returns at once."""
        with self._change:
            self._waiting += data
            self._busy = True
            self._change.notify()

    def close(self, seconds: float, instead: bytes) -> None:
        """End when all has left. What does not leave within ``seconds`` is thrown away, also what the kernel holds, for
        ``instead``, which gets through as soon as the terminal reads again."""
        with self._change:
            self._ending = True
            self._change.notify()
        self._thread.join(seconds)
        if self._thread.is_alive():
            with contextlib.suppress(termios.error, OSError):
                termios.tcflush(self._fd, termios.TCOFLUSH)
            with self._change:
                self._cut = True
                self._waiting[:] = CANCEL + instead
                self._change.notify()
            self._thread.join(LOOK_SECONDS * 5)
        if self._own and not self._thread.is_alive():
            os.close(self._fd)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._waiting and not self._ending:
                    self._change.wait()
                data = bytes(self._waiting)
                self._waiting.clear()
            if not data or not self._send(memoryview(data)):
                return
            with self._change:
                self._busy = left = bool(self._waiting)
            if not left:
                self._done()

    def _send(self, data: memoryview) -> bool:
        """Write all; False when the terminal is gone."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        last_try = self._cut
        while data:
            if self._cut and not last_try:
                return True  # the rest is not wanted any more
            if not poll.poll(LOOK_SECONDS * 1000):
                if last_try:
                    return False
                continue
            try:
                data = data[os.write(self._fd, data[:PIECE]) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True


def _second(fd: int) -> tuple[int, bool]:
    """The terminal opened once more, for writes that do not block: the given one shares its mode with the shell."""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC), True
    except OSError:
        return fd, False
