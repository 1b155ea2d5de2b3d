"""The thread of a worker that writes results to disk while the main thread decodes the next image.

Results that come close together are written as a group: they share the sync of their folder and one message to the
parent. Handing one over wakes the thread only when a group begins or is full, because for small images every switch
between threads costs as much as their write.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.job import Outcome
    from engine.pipeline import Write

__all__ = ["GroupWriter"]

GROUP_IMAGES = 8
"""Results that are written together at most."""
GROUP_BYTES = 512 * 1024
"""A group that holds this much is written at once."""
GROUP_SECONDS = 0.05
"""How long the first result of a group waits for others."""


class GroupWriter:
    """``put`` results, ``close`` at the end; ``done`` gets each group's numbers and outcomes, in the thread."""

    def __init__(
        self,
        commit: Callable[[Sequence[Write]], list[Outcome]],
        done: Callable[[list[tuple[int, Outcome]]], None],
    ) -> None:
        self._commit = commit
        self._done = done
        self._group: list[tuple[int, Write]] = []
        self._size = 0
        self._hurry = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def _full(self) -> bool:
        return len(self._group) >= GROUP_IMAGES or self._size >= GROUP_BYTES

    def put(self, index: int, write: Write) -> None:
        """Hand over a result; waits while a full group is waiting for the disk."""
        with self._changed:
            while self._full:
                self._changed.wait()
            self._group.append((index, write))
            self._size += write.size
            if len(self._group) == 1 or self._full:
                self._changed.notify_all()

    def hurry(self) -> None:
        """Nothing comes soon: write what is there."""
        with self._changed:
            if self._group:
                self._hurry = True
                self._changed.notify_all()

    def close(self) -> None:
        """Write what is left and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next():
            outcomes = self._commit([write for _, write in group])
            self._done([(index, outcome) for (index, _), outcome in zip(group, outcomes, strict=True)])

    def _next(self) -> list[tuple[int, Write]]:
        """The next group, once it is full or has waited long enough; empty at the end."""
        with self._changed:
            while not self._group and not self._closed:
                self._changed.wait()
            deadline = time.monotonic() + GROUP_SECONDS
            while not (self._full or self._hurry or self._closed) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            group, self._group, self._size, self._hurry = self._group, [], 0, False
            self._changed.notify_all()
            return group
