"""A run that never was behind the real socket, in a process of its own: ``python -m tests.tui.served --help``.

It prints its id when a screen can attach, and lets images end at a steady pace until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from engine.run import Run
from engine.server import RunServer
from engine.view import Phase, Update
from tests.conftest import ROOT
from tests.tui.fake_view import FakeView

TICK = 0.1
"""Seconds between two announcements, as in a real run."""


class ServedView(FakeView):
    """What ``RunServer`` asks of a run."""

    def __init__(self, images: int) -> None:
        super().__init__(images)
        self._moved = asyncio.Condition()
        self._log: list[tuple[int, list[tuple[int, int]]]] = []

    async def tick(self, images: int) -> None:
        """Some images end; all clients hear of it."""
        async with self._moved:
            self.step(images)
            self.version += 1
            self._log.append((self.version, self._changes))
            self._changes = []
            del self._log[:-50]
            self._moved.notify_all()

    async def hang_up(self) -> None:
        await self.pause()

    async def next_update(self, since: int) -> Update:
        async with self._moved:
            while self.version == since and not self.phase.over:
                await self._moved.wait()
            known = bool(self._log) and since >= self._log[0][0] - 1
            self._changes = [pair for version, pairs in self._log if version > since for pair in pairs]
            try:
                return self.update(whole=not known)
            finally:
                self._changes = []


async def serve(images: int, done: int, rate: float, *, pauses: bool) -> None:
    view = ServedView(images)
    view.step(done)
    async with RunServer(cast(Run, view), detached=pauses):
        print(view.info.run_id, flush=True)
        began, ended = time.monotonic(), 0
        while True:
            await asyncio.sleep(TICK)
            due = int((time.monotonic() - began) * rate) - ended
            ended += due
            paused = view.phase is Phase.PAUSED
            if due or paused:
                await view.tick(0 if paused else due)


@contextmanager
def served(images: int = 10_000, done: int = 2_870, rate: float = 11.3, *, pauses: bool = False) -> Iterator[str]:
    """A run to attach to; gives its id. ``pauses``: at a hang-up."""
    options: list[Any] = ["--images", images, "--done", done, "--rate", rate, *["--pauses"] * pauses]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.tui.served", *map(str, options)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        yield child.stdout.readline().strip()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--done", type=int, default=2_870, help="images that are through when it begins")
    parser.add_argument("--rate", type=float, default=11.3, help="images a second")
    parser.add_argument("--pauses", action="store_true", help="pause when the last screen is gone without a word")
    given = parser.parse_args()
    asyncio.run(serve(given.images, given.done, given.rate, pauses=given.pauses))


if __name__ == "__main__":
    main()
