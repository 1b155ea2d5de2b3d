"""The remote form of ``RunView``: a run in another process, reached through its socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import RunnerError, RunnerGone
from engine.view import BatchRow, Hangup, ImageRow, LogLine, Page, RunInfo, Update, Window
from engine.wire import PROTOCOL, from_json, read_frame, to_json, update_from_json, write_frame

__all__ = ["RemoteRun"]

GREETING_SECONDS = 5.0
LEAVE_SECONDS = 1.0
"""How long leaving may take before the connection is closed without a word."""


class RemoteRun:
    """A client of one run; made by ``connect``. Every call raises RunnerError once the run's process is gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, info: RunInfo, *, was_over: bool = False
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._info = info
        self.was_over = was_over
        """Whether the run had come to its end before the connection was made."""
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._gone = False
        self._watching = False
        self._receiver = asyncio.create_task(self._receive())

    @classmethod
    async def connect(cls, path: Path) -> RemoteRun:
        """Connect and compare versions; raises RunnerError."""
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError as error:
            raise RunnerGone(f"run {path.stem} cannot be reached: {error.strerror}") from None
        try:
            greeting = await asyncio.wait_for(read_frame(reader), GREETING_SECONDS)
        except EOFError:
            writer.close()
            raise RunnerGone(f"run {path.stem} has just ended") from None
        except TimeoutError:
            writer.close()
            raise RunnerError(f"run {path.stem} does not answer") from None
        except RunnerError:
            writer.close()
            raise
        if greeting.get("hello") != PROTOCOL:
            writer.close()
            raise RunnerError(
                f"run {path.stem} speaks protocol {greeting.get('hello')}, this program {PROTOCOL}: "
                "watch it with the version that started it, or end it with imgopt-tui stop"
            )
        info = from_json(RunInfo, greeting["info"])
        return cls(reader, writer, info, was_over=bool(greeting.get("over")))

    async def _receive(self) -> None:
        with contextlib.suppress(EOFError, RunnerError, ConnectionError):
            while True:
                answer = await read_frame(self._reader)
                future = self._answers.pop(answer.get("id", -1), None)
                if future is None or future.done():
                    continue
                if "error" in answer:
                    future.set_exception(RunnerError(str(answer["error"])))
                else:
                    future.set_result(answer.get("value"))
        self._gone = True
        for future in self._answers.values():
            if not future.done():
                future.set_exception(self._lost())
        self._answers.clear()

    def _lost(self) -> RunnerError:
        return RunnerError(f"the process of run {self._info.run_id} is gone; finished images are in place")

    async def _call(self, name: str, **given: object) -> Any:
        if self._gone:
            raise self._lost()
        self._number += 1
        number = self._number
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        try:
            await write_frame(self._writer, {"id": number, "call": name, "with": given})
            return await future
        except ConnectionError:
            raise self._lost() from None
        finally:
            self._answers.pop(number, None)

    @property
    def info(self) -> RunInfo:
        """What does not change."""
        return self._info

    async def updates(self) -> AsyncIterator[Update]:
        """Whole state first, then what changed; ends after the update that is over."""
        version = -1
        while True:
            update = update_from_json(await self._call("updates", since=version))
            version = update.version
            yield update
            if update.phase.over:
                return

    async def rows(self, window: Window) -> Page:
        """Image rows by window."""
        value = await self._call("rows", **to_json(window))
        return Page(value["total"], tuple(from_json(ImageRow, row) for row in value["rows"]))

    async def batches(self, first: int, count: int) -> tuple[BatchRow, ...]:
        """Batches ``first`` (from 0) and following."""
        return tuple(from_json(BatchRow, row) for row in await self._call("batches", first=first, count=count))

    async def log(self, first: int, count: int) -> tuple[LogLine, ...]:
        """Log lines from number ``first``."""
        return tuple(from_json(LogLine, line) for line in await self._call("log", first=first, count=count))

    async def report(self) -> Mapping[str, Any]:
        """The benchmark report so far."""
        report: Mapping[str, Any] = await self._call("report")
        return report

    async def pause(self) -> None:
        """Finish the images in work, start no further one."""
        await self._call("pause")

    async def resume(self) -> None:
        """Go on after a pause."""
        await self._call("resume")

    async def set_workers(self, count: int) -> None:
        """Change the number of worker processes."""
        await self._call("set_workers", count=count)

    async def set_memory(self, limit: int | None) -> None:
        """Bytes for all processes together; None: what the machine allows."""
        await self._call("set_memory", limit=limit)

    async def set_nice(self, nice: int) -> None:
        """Nice value of the workers, 0 to 19."""
        await self._call("set_nice", nice=nice)

    async def set_on_hangup(self, mode: Hangup) -> None:
        """What is to happen when the terminal closes."""
        await self._call("set_on_hangup", mode=mode.value)

    async def cancel(self, *, now: bool = False) -> None:
        """End the run."""
        await self._call("cancel", now=now)

    async def cancel_images(self, paths: Sequence[str]) -> int:
        """Skip these images, and those below these folders."""
        return int(await self._call("cancel_images", paths=list(paths)))

    async def retry_failed(self) -> int:
        """Put failed images back to wait."""
        return int(await self._call("retry_failed"))

    async def retry_quarantined(self, paths: Sequence[str] = ()) -> int:
        """Put the images to wait that were left out because they crashed or hung workers."""
        return int(await self._call("retry_quarantined", paths=list(paths)))

    async def watch(self) -> None:
        """From now on the loss of the connection is a hang-up, unless ``close`` was called first; a run of a version
        that does not know of it goes on in any case."""
        with contextlib.suppress(RunnerError):
            await self._call("watch")
            self._watching = True

    async def close(self) -> None:
        """Let go of the run; it goes on."""
        if self._watching and not self._gone:
            with contextlib.suppress(RunnerError, TimeoutError):
                await asyncio.wait_for(self._call("leave"), LEAVE_SECONDS)
        self._receiver.cancel()
        self._writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._writer.wait_closed()
        await asyncio.gather(self._receiver, return_exceptions=True)
