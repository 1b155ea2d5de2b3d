"""A worker process that tunes, as its parent holds it: numbered requests, each with its answer, and its end.

ask ──▶ line ──▶ worker (``tuning_lanes.py``) ──▶ rung, rung, … ──▶ end or error ──▶ the answer of ask
 └─ given up: stop ──▶ ended within the grace? else the process is killed
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import TuningError
from engine.link import WorkerLink, death

__all__ = ["Heard", "Spawn", "TuningWorker", "WorkerLost"]

Spawn = Callable[
    [
        Callable[[WorkerLink, dict[str, Any]], None],
        Callable[[WorkerLink], None],
        Callable[[str], None],
    ],
    Awaitable[WorkerLink],
]
"""``WorkerLink.spawn``, or what stands in for it."""
Heard = Callable[[dict[str, Any]], None]
"""Gets each rung on the way, in its JSON form."""
GRACE_SECONDS = 0.4
"""How long a request that was given up may take to end before the process is killed."""
HANDSHAKE_SECONDS = 30.0
GIVEN_UP = "was busy with something nobody waited for any more"


class WorkerLost(TuningError):
    """The process ended with the request in hand."""

    def __init__(self, reason: str, *, ours: bool) -> None:
        super().__init__(f"the {reason} while it was tuned; the image is untouched, try again")
        self.ours = ours
        """It was killed for a request that was given up: the next process may do this one."""


@dataclass(frozen=True, slots=True)
class _Request:
    op: str
    answer: asyncio.Future[Any]
    heard: Heard


class TuningWorker:
    """See the module's docstring; made by ``start``."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests: dict[int, _Request] = {}
        self._number = 0
        self._gone = asyncio.Event()
        self._link: WorkerLink | None = None

    @classmethod
    async def start(cls, spawn: Spawn, log: Callable[[str], None], grace: float = GRACE_SECONDS) -> TuningWorker:
        """A process that has answered; raises TuningError when there is none to be had."""
        worker = cls(grace)
        try:
            worker._link = await spawn(worker._said, worker._exited, log)
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await worker._ready
        except OSError as error:  # TimeoutError is one
            await worker.close()
            reason = error.strerror or "it did not answer the handshake"
            raise TuningError(f"no worker can be started: {reason}") from None
        except BaseException:
            await worker.close()
            raise
        return worker

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._link.pid if self._link is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it takes requests: it runs, and is not about to be killed."""
        return not self._gone.is_set() and self._link is not None and not self._link.killed_for

    async def ask(self, op: str, heard: Heard, **parts: object) -> Any:
        """The answer to a request; None for one that was given up. Raises TuningError with the worker's sentence, and
        WorkerLost. A caller that is cancelled gives the request up."""
        assert self._link is not None
        self._number = number = self._number + 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._requests[number] = _Request(op, answer, heard)
        self._link.send(tune=number, op=op, **parts)
        try:
            return await answer
        finally:
            if number in self._requests:
                self._give_up(number)

    def give_up(self) -> None:
        """Answer requests for encodes with None, and let what is in work end soon."""
        for request in self._requests.values():
            if request.op in ("rung", "reach") and not request.answer.done():
                request.answer.set_result(None)

    def _give_up(self, number: int) -> None:
        if self._link is not None and not self._gone.is_set():
            self._link.send(tune=number, op="stop")
            asyncio.get_running_loop().call_later(self._grace, self._end_if_busy, number)

    def _end_if_busy(self, number: int) -> None:
        if number in self._requests:
            self._kill(GIVEN_UP)

    def _kill(self, reason: str) -> None:
        if self._link is not None:
            self._link.kill(reason)

    async def close(self) -> None:
        """End the process, and wait for that."""
        self._kill("was not needed")
        if self._link is not None:
            await self._gone.wait()

    def _said(self, link: WorkerLink, message: dict[str, Any]) -> None:
        if "ready" in message:
            difference = link.matches(message["ready"])
            if not self._ready.done() and difference:
                self._ready.set_exception(TuningError(f"{difference}; reinstall imgopt-tui"))
            elif not self._ready.done():
                self._ready.set_result(None)
        elif (request := self._requests.get(message.get("tune", 0))) is not None:
            self._answered(message["tune"], request, message)

    def _answered(self, number: int, request: _Request, message: dict[str, Any]) -> None:
        if "rung" in message:
            request.heard(message["rung"])
            return
        del self._requests[number]
        answer = request.answer
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(TuningError(message["error"]))
        else:
            answer.set_result(message["end"])

    def _exited(self, link: WorkerLink) -> None:
        self._gone.set()
        reason = f"worker {link.killed_for}" if link.killed_for else death(link.returncode)
        if not self._ready.done():
            self._ready.set_exception(
                TuningError(f"no worker can be started: {reason}; see the log for what it printed")
            )
        requests, self._requests = self._requests, {}
        for request in requests.values():
            if not request.answer.done():
                request.answer.set_exception(WorkerLost(reason, ours=link.killed_for == GIVEN_UP))
