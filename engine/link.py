"""One worker process as its parent holds it: started, greeted, spoken to in JSON lines, drained, killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import engine
from engine.child import start_worker
from engine.compact_json import compact

__all__ = ["MAX_LINE_BYTES", "WorkerLink", "death"]

MAX_LINE_BYTES = 1024 * 1024
"""A longer line from a worker is a protocol error; the worker is killed."""
READ_SECONDS = 0.02
"""Time between two reads of a worker's events: small images come in groups then, and the parent wakes seldom."""
STDERR_KEPT_BYTES = 8 * 1024


def death(code: int) -> str:
    """How a process ended, in words: ``worker died (9, SIGKILL)``."""
    if code >= 0:
        return f"worker died (exit {code})"
    with contextlib.suppress(ValueError):
        return f"worker died ({-code}, {signal.Signals(-code).name})"
    return f"worker died ({-code})"


class _Pipe(asyncio.Protocol):
    """One of the two pipes out of a worker."""

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._received = received
        self._ended = ended

    def data_received(self, data: bytes) -> None:
        """Some of what it said."""
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Read to the end."""
        self._ended()


class WorkerLink:
    """A worker process. Callbacks run on the event loop: ``on_message`` for each line, ``on_exit`` once at the end."""

    def __init__(
        self,
        on_message: Callable[[WorkerLink, dict[str, Any]], None],
        on_exit: Callable[[WorkerLink], None],
        log: Callable[[str], None],
    ) -> None:
        self._on_message = on_message
        self._on_exit = on_exit
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._stdout: asyncio.ReadTransport | None = None
        self._open_pipes = 2
        self._rest = b""
        self._unsent: list[str] = []
        self._stderr = b""
        self.pid = 0
        self.killed_for = ""
        """Why the parent killed it; empty when it did not."""

    @classmethod
    async def spawn(
        cls,
        on_message: Callable[[WorkerLink, dict[str, Any]], None],
        on_exit: Callable[[WorkerLink], None],
        log: Callable[[str], None],
        module: str = "engine.worker",
    ) -> WorkerLink:
        """Start one; raises OSError when the system refuses another process."""
        link = cls(on_message, on_exit, log)
        link._process = process = start_worker(module)
        link.pid = process.pid
        loop = asyncio.get_running_loop()
        try:
            link._stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
            await loop.connect_read_pipe(lambda: _Pipe(link._drain, link._pipe_ended), process.stderr)
            link._stdout, _ = await loop.connect_read_pipe(
                lambda: _Pipe(link._events_received, link._pipe_ended), process.stdout
            )
        except BaseException:
            with process:  # leaving it closes the pipes, and waits
                process.kill()
            raise
        return link

    def _events_received(self, data: bytes) -> None:
        self._rest_a_while()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self.kill("sent a line that is too long")
            return
        for line in lines:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if not isinstance(message, dict):
                self.kill("sent something that is not its protocol")
                return
            try:
                self._on_message(self, message)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self._log(f"{type(error).__name__}: {error} in {message!s:.200}")
                self.kill("sent something that is not its protocol")
                return

    def _rest_a_while(self) -> None:
        """Leave what comes next in the pipe for a moment; it is safe there even when the worker dies."""
        pipe = self._stdout
        if pipe is not None and not pipe.is_closing():
            pipe.pause_reading()
            asyncio.get_running_loop().call_later(READ_SECONDS, pipe.resume_reading)

    def _drain(self, data: bytes) -> None:
        *lines, self._stderr = (self._stderr + data).split(b"\n")
        self._stderr = self._stderr[-STDERR_KEPT_BYTES:]
        for line in lines:
            if line.strip():
                self._log(line.decode("utf-8", "replace")[:1000])

    def _pipe_ended(self) -> None:
        """With the second of its pipes the process has ended, or is about to."""
        self._open_pipes -= 1
        if self._open_pipes == 0 and self._process is not None:
            loop = asyncio.get_running_loop()
            try:
                ended = loop.run_in_executor(None, self._process.wait)
            except RuntimeError:  # the system refuses another thread
                self._process.wait()
                loop.call_soon(self._exited)
            else:
                ended.add_done_callback(lambda _: self._exited())

    def _exited(self) -> None:
        if self._stderr.strip():
            self._drain(b"\n")
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.abort()
        self._on_exit(self)

    @property
    def returncode(self) -> int:
        """Exit code, negative for a signal; 0 while it runs."""
        return (self._process.returncode if self._process else 0) or 0

    def send(self, **message: object) -> None:
        """One line to the worker; lost without a word when it is gone (its exit is reported)."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(compact(message))

    def _flush(self) -> None:
        """Everything said in one turn of the event loop goes out in one write."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(("\n".join(self._unsent) + "\n").encode("ascii"))
        self._unsent.clear()

    def kill(self, reason: str) -> None:
        """End it at once."""
        self.killed_for = self.killed_for or reason
        if self._process is not None:
            self._process.kill()

    def matches(self, ready: dict[str, Any]) -> str:
        """Empty when the worker runs this very package, else what differs."""
        package = os.path.realpath(str(ready.get("package")))
        if ready.get("version") != engine.__version__ or package != os.path.realpath(engine.__file__):
            return (
                f"worker runs version {ready.get('version')} from {package}, not {engine.__version__} from this package"
            )
        return ""
