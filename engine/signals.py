"""What signals do to a run, in the process that hosts it: the command line's and the detached runner's.

SIGINT, SIGTERM   no further image; those in work have GRACE_SECONDS, a second signal ends them at once
SIGHUP            go on, pause or stop, as asked for
SIGTSTP           this process and its workers stand still until SIGCONT
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any

from engine.run import Run
from engine.view import Hangup

__all__ = ["GRACE_SECONDS", "RunSignals"]

GRACE_SECONDS = 4.0
"""How long the images in work may take after a signal: with what is left to do the process ends within 5 s."""


class RunSignals:
    """The handlers of one run; ``install`` them inside its event loop."""

    def __init__(self, run: Run, *, stopping: Callable[[int], None] = lambda number: None) -> None:
        """``stopping`` is called with the first signal that ends the run."""
        self.code = 0
        """128 and the number of the last signal that asked for the end; 0 without one."""
        self.asked = asyncio.Event()
        """Whether there was one."""
        self._run = run
        self._stopping = stopping
        self._tasks: set[asyncio.Task[None]] = set()

    def install(self) -> None:
        """Handle them from now on; a SIGHUP that was ignored before (``nohup``) stays so."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._end, signal.SIGINT)
        loop.add_signal_handler(signal.SIGTERM, self._end, signal.SIGTERM)
        if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGTSTP, self._stand_still)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._run.hangup_told = self._at_hangup
            self._at_hangup(self._run.on_hangup)

    def _at_hangup(self, mode: Hangup) -> None:
        """Where nothing is to happen the signal is ignored, also by workers that are just being started."""
        loop = asyncio.get_running_loop()
        if mode is Hangup.FINISH:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        elif mode is Hangup.STOP:
            loop.add_signal_handler(signal.SIGHUP, self._end, signal.SIGHUP)
        else:
            loop.add_signal_handler(signal.SIGHUP, lambda: self._start(self._run.hang_up()))

    def _end(self, number: int) -> None:
        again, self.code = bool(self.code), 128 + number
        self.asked.set()
        if not again:
            self._stopping(number)
        self._start(self._stop(now=again))

    async def _stop(self, *, now: bool) -> None:
        await self._run.cancel(now=now)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._run.wait(), GRACE_SECONDS)
        await self._run.cancel(now=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stand_still(self) -> None:
        """Stop the workers and then this process; whoever continues it continues the workers."""
        began = time.monotonic()
        _send(self._run.worker_pids(), signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        _send(self._run.worker_pids(), signal.SIGCONT)
        self._run.stood_still(time.monotonic() - began)


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
