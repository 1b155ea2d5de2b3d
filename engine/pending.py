"""How many images a pool still owes an answer for, and waiting for that to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.errors import PoolError

__all__ = ["Pending"]


class Pending:
    """Counts images; whoever waits is woken by every change, and learns of the end of the pool."""

    def __init__(self) -> None:
        self.count = 0
        self._fatal: PoolError | None = None
        self._changed = asyncio.Event()

    def add(self) -> None:
        """One image more."""
        self.count += 1

    def done(self, images: int = 1) -> None:
        """So many are through, or taken back."""
        self.count -= images
        self.wake()

    def fail(self, error: PoolError) -> None:
        """Nothing will ever be done any more."""
        self._fatal = error
        self.wake()

    def wake(self) -> None:
        """Something changed that somebody may wait for."""
        self._changed.set()

    async def until(self, met: Callable[[], bool]) -> None:
        """Until ``met`` says so; raises PoolError once nothing can be done any more."""
        while True:
            if self._fatal is not None:
                raise self._fatal
            if met():
                return
            self._changed.clear()
            await self._changed.wait()
