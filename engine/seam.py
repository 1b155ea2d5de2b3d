"""The seam between a run and whatever computes: a local pool here, machines behind a scheduler elsewhere."""

from __future__ import annotations

from typing import Protocol

from engine.job import Job

__all__ = ["ImagePool"]


class ImagePool(Protocol):
    """Takes images, reports events to the callable it was made with, and can be resized and closed."""

    async def submit(self, job: Job) -> None:
        """Take one image; waits while enough others wait."""

    async def drain(self) -> None:
        """Until every submitted image is through; raises PoolError when that can never be."""

    def resize(self, count: int) -> None:
        """Another number of workers."""

    async def close(self, *, now: bool = False) -> None:
        """End all workers: after the images in work, or at once."""
