"""The memory limit holds: real camera files, real workers, every process counted."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import psutil
import pytest

from engine.budget import RUNNER_BASE
from engine.run import Run
from engine.settings import Settings
from engine.view import ImageState

MIB = 1024**2
SAMPLE_SECONDS = 0.02


class MemoryWatch:
    """The highest sum of resident memory over this process's growth and all its new children, sampled in a thread."""

    def __init__(self) -> None:
        self.peak = 0
        self._own = psutil.Process()
        self._before = self._own.memory_info().rss
        self._others = set(self._own.children())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            total = self._own.memory_info().rss - self._before
            for child in set(self._own.children()) - self._others:
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


@pytest.mark.parametrize("limit", [512 * MIB, 320 * MIB])
async def test_camera_files_finish_within_the_memory_limit_and_wait_their_turn(
    limit: int, shared_images: Path, tmp_path: Path
) -> None:
    shutil.copytree(shared_images / "camera", tmp_path / "in")
    settings = Settings(workers=2, memory_limit=limit, output=os.fspath(tmp_path / "out"), effort="fast")
    held = 0
    with MemoryWatch() as watch:
        async with Run([os.fspath(tmp_path / "in")], settings) as run:
            async for update in run.updates():
                held = max(held, update.totals.held)
                if held and update.states is None:
                    waiting = [index for index, state in update.changes if state == ImageState.HELD]
                    assert all(run.state.catalog.needs(index) > 0 for index in waiting)
    totals = run.state.totals()
    assert (totals.failed, totals.skipped, totals.through) == (0, 0, 7)
    assert watch.peak + RUNNER_BASE <= limit
    assert held > 0, "nothing had to wait: the limit was never in reach and the test shows nothing"
    assert totals.held == 0
