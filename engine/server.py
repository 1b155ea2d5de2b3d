"""A Run behind a Unix socket: any number of screens and commands may be clients at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import RunnerError
from engine.places import socket_path
from engine.run import Run
from engine.view import Hangup, Phase, Window
from engine.wire import PROTOCOL, from_json, read_frame, to_json, update_to_json, write_frame

__all__ = ["RunServer"]

Call = Callable[[dict[str, Any]], Awaitable[Any]]
FAREWELL_SECONDS = 1.0
"""How long those who follow a run may take to hear that it is over, before nobody answers any more."""


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer runs under our user; the folder's mode says so where the kernel cannot."""
    option = getattr(socket, "SO_PEERCRED", None)
    peer = writer.get_extra_info("socket")
    if option is None or peer is None:
        return True
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in (os.getuid(), 0)


class RunServer:
    """Serves one run; use as an async context manager around its life."""

    def __init__(self, run: Run, *, detached: bool = False) -> None:
        """``detached``: the run has no terminal of its own, so that of its last screen counts as its terminal."""
        self.run = run
        self._detached = detached
        self.path: Path | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._watching: set[asyncio.StreamWriter] = set()
        """Clients that somebody looks at the run with."""
        self._left = asyncio.Event()
        self._following: set[asyncio.Task[None]] = set()
        """Clients that ask for updates and have not been told that the run is over."""
        self._told = asyncio.Event()

    async def __aenter__(self) -> Self:
        for fallback in (False, True):
            try:
                path = socket_path(self.run.info.run_id, fallback=fallback)
                self._server = await asyncio.start_unix_server(self._connected, path)
            except (OSError, RunnerError):
                if fallback:
                    raise
                continue
            path.chmod(0o600)
            self.path = path
            break
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        if self.run.phase.over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._all_told()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()

    async def _all_told(self) -> None:
        while self._following:
            self._told.clear()
            await self._told.wait()

    async def until_left(self, grace: float) -> None:
        """Until no client has been connected for ``grace`` seconds."""
        while True:
            self._left.clear()
            if self._clients:
                await self._left.wait()
                continue
            await asyncio.sleep(grace)
            if not self._clients:
                return

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        calls: set[asyncio.Task[None]] = set()
        try:
            if not _same_user(writer):
                return
            await write_frame(writer, {"hello": PROTOCOL, "info": to_json(self.run.info), "over": self.run.phase.over})
            while True:
                request = await read_frame(reader)
                if request.get("call") == "updates":
                    self._following.add(task)
                call = asyncio.create_task(self._answer(request, writer, task))
                calls.add(call)
                call.add_done_callback(calls.discard)
        except Exception:  # a client that misbehaves or leaves is the client's own affair
            pass
        finally:
            for call in list(calls):
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            writer.close()
            if writer in self._watching:
                await self._hung_up(writer)
            self._clients.discard(task)
            self._forget(task)
            self._left.set()

    def _forget(self, client: asyncio.Task[None]) -> None:
        self._following.discard(client)
        self._told.set()

    async def _hung_up(self, writer: asyncio.StreamWriter) -> None:
        """A screen is gone without a word; the last one takes effect where the run has no terminal of its own."""
        self._watching.discard(writer)
        if self._detached and not self._watching:
            await self.run.hang_up()

    async def _answer(self, request: dict[str, Any], writer: asyncio.StreamWriter, client: asyncio.Task[None]) -> None:
        answer: dict[str, Any] = {"id": request.get("id")}
        name = str(request.get("call"))
        try:
            if name == "watch":
                self._watching.add(writer)
            elif name == "leave":
                self._watching.discard(writer)
            elif (call := self._calls.get(name)) is None:
                raise RunnerError(f"run {self.run.info.run_id} is of a version of imgopt-tui that has no {name!r}")
            else:
                answer["value"] = await call(self, request.get("with") or {})
        except RunnerError as error:
            answer["error"] = str(error)
        except Exception as error:  # every fault of a call goes back to its caller
            answer["error"] = f"{type(error).__name__}: {error}"
        with contextlib.suppress(ConnectionError):
            await write_frame(writer, answer)
        if name == "updates" and Phase(answer.get("value", {}).get("phase", Phase.FAILED)).over:
            self._forget(client)

    async def _updates(self, given: dict[str, Any]) -> Any:
        return update_to_json(await self.run.next_update(int(given["since"])))

    async def _rows(self, given: dict[str, Any]) -> Any:
        page = await self.run.rows(from_json(Window, given))
        return {"total": page.total, "rows": [to_json(row) for row in page.rows]}

    async def _batches(self, given: dict[str, Any]) -> Any:
        return [to_json(row) for row in await self.run.batches(int(given["first"]), int(given["count"]))]

    async def _log(self, given: dict[str, Any]) -> Any:
        return [to_json(line) for line in await self.run.log(int(given["first"]), int(given["count"]))]

    async def _report(self, given: dict[str, Any]) -> Any:
        return dict(await self.run.report())

    async def _pause(self, given: dict[str, Any]) -> Any:
        await self.run.pause()

    async def _resume(self, given: dict[str, Any]) -> Any:
        await self.run.resume()

    async def _set_workers(self, given: dict[str, Any]) -> Any:
        await self.run.set_workers(int(given["count"]))

    async def _set_memory(self, given: dict[str, Any]) -> Any:
        limit = given["limit"]
        await self.run.set_memory(None if limit is None else int(limit))

    async def _set_nice(self, given: dict[str, Any]) -> Any:
        await self.run.set_nice(int(given["nice"]))

    async def _set_on_hangup(self, given: dict[str, Any]) -> Any:
        await self.run.set_on_hangup(Hangup(given["mode"]))

    async def _cancel_images(self, given: dict[str, Any]) -> Any:
        return await self.run.cancel_images([str(path) for path in given["paths"]])

    async def _cancel(self, given: dict[str, Any]) -> Any:
        await self.run.cancel(now=bool(given.get("now")))

    async def _retry_failed(self, given: dict[str, Any]) -> Any:
        return await self.run.retry_failed()

    async def _retry_quarantined(self, given: dict[str, Any]) -> Any:
        return await self.run.retry_quarantined([str(path) for path in given.get("paths", ())])

    _calls: dict[str, Callable[[Any, dict[str, Any]], Awaitable[Any]]] = {  # noqa: RUF012
        "updates": _updates,
        "rows": _rows,
        "batches": _batches,
        "log": _log,
        "report": _report,
        "pause": _pause,
        "resume": _resume,
        "set_workers": _set_workers,
        "set_memory": _set_memory,
        "set_nice": _set_nice,
        "set_on_hangup": _set_on_hangup,
        "cancel": _cancel,
        "cancel_images": _cancel_images,
        "retry_failed": _retry_failed,
        "retry_quarantined": _retry_quarantined,
    }
