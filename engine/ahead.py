"""Read-ahead of a worker: while one image is encoded, the next ones come from a file system that keeps it waiting.

    task arrives ─▶ slow so far? ─yes─▶ a thread opens and reads it ─▶ held ─▶ its turn: nothing to wait for
                         └─no─▶ its turn: opened and read then

Where files come quickly, as from a local disk, nothing is read ahead and no thread is started.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from typing import TYPE_CHECKING

from engine.errors import ImageError
from engine.source import Source

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["ReadAhead"]

THREADS = 4
"""Files that are read ahead at a time: what small files wait for is the answer, not the bytes."""
HELD_BYTES = 8 * 1024**2
"""Contents held at a time; of a file beyond that the kernel is asked to bring what its page cache has room for."""
WAIT_SECONDS = 0.002
"""Opening and reading a file that takes longer than this, beside its bytes, was a wait."""
BYTES_PER_SECOND = 250e6
"""Quicker than this is not worth a thread."""
LOOKED_AT = 8
"""Files whose reading says whether the next are read ahead …"""
WAITS = 3
"""… if so many of them were a wait."""


class ReadAhead:
    """What one worker reads ahead. ``want`` and ``forget`` may be called from another thread than ``open``."""

    def __init__(self) -> None:
        self._waits: deque[bool] = deque(maxlen=LOOKED_AT)
        self._wanted: dict[int, Future[Source | None]] = {}
        self._lock = threading.Lock()
        self._held = 0
        self._last: Source | None = None
        self._threads: ThreadPoolExecutor | None = None

    @property
    def on(self) -> bool:
        """Whether files are read ahead."""
        return sum(self._waits) >= WAITS

    def want(self, index: int, path: str) -> None:
        """The worker will come to this image; cannot fail."""
        if not self.on:
            return
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(THREADS, "ahead")
        try:
            self._wanted[index] = self._threads.submit(self._fetch, path)
        except RuntimeError:  # the system refused a thread: each is read when its turn comes, from now on
            self._waits = deque(maxlen=0)

    def forget(self, index: int) -> None:
        """The worker will not come to it."""
        future = self._wanted.pop(index, None)
        if future is not None and not future.cancel():
            future.add_done_callback(self._drop)

    def open(self, index: int, path: str) -> Source:
        """The image's file, with its content where that was read ahead. Raises what opening a ``Source`` raises."""
        if self._last is not None:
            self._note(self._last)
        future = self._wanted.pop(index, None)
        source = None if future is None or future.cancel() else future.result()
        if source is None:
            self._last = source = Source(path)
            return source
        self._last = None  # it was noted when it was fetched
        with self._lock:
            self._held -= source.fetched
        return source

    def _note(self, source: Source) -> None:
        """How long a file kept whoever read it waiting."""
        self._waits.append(source.seconds > WAIT_SECONDS + source.size / BYTES_PER_SECOND)

    def _fetch(self, path: str) -> Source | None:
        """Open a file and read it as far as there is room; None where that fails, which its turn will tell about."""
        try:
            source = Source(path)
        except ImageError:
            return None
        with self._lock:
            fits = self._held + source.size <= HELD_BYTES
            self._held += source.size if fits else 0
        try:
            if fits:
                source.fetch()
                self._note(source)
            else:
                _bring(source.fd)
        except ImageError:
            source.close()
            with self._lock:
                self._held -= source.size if fits else 0
            return None
        return source

    def _drop(self, future: Future[Source | None]) -> None:
        source = future.result()
        if source is not None:
            with self._lock:
                self._held -= source.fetched
            source.close()


def _bring(fd: int) -> None:
    """Have the kernel read a file into its cache, where it knows how; it does not wait for that."""
    with contextlib.suppress(OSError, AttributeError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
