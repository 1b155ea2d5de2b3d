"""What the whole folder would come to at the target: estimated from a sample on request, beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.errors import ImgoptError
from engine.settings import Settings
from tui import text
from tui.look import Look, Parts

if TYPE_CHECKING:
    from engine.estimate import Estimate

__all__ = ["Estimator", "FolderEstimate"]

_WHAT = {True: " whole folder at this target: ", False: " whole folder: "}
"""By whether there is room."""


class Estimator(Protocol):
    """``engine.estimate.estimate`` with a quick sample."""

    def __call__(
        self, roots: Sequence[str], settings: Settings, *, progress: Callable[[Estimate], None]
    ) -> Awaitable[Estimate]:
        """See there."""


class FolderEstimate:
    """At most one estimate is in work; another target or image makes it void."""

    def __init__(self, estimator: Callable[[], Estimator], changed: Callable[[], None]) -> None:
        self._estimator, self._changed = estimator, changed
        self._task: asyncio.Task[None] | None = None
        self._of: tuple[tuple[str, ...], Settings] | None = None
        self._known: Estimate | None = None
        self._problem = ""

    def begin(self, roots: Sequence[str], settings: Settings) -> None:
        """Estimate; what was estimated of something else is forgotten."""
        self.stop()
        self._of, self._known, self._problem = (tuple(roots), settings), None, ""
        self._task = asyncio.create_task(self._work(roots, settings))

    async def _work(self, roots: Sequence[str], settings: Settings) -> None:
        try:
            self._have(await self._estimator()(roots, settings, progress=self._have))
        except (ImgoptError, OSError) as error:
            self._problem = str(error) or type(error).__name__
            self._changed()

    def _have(self, estimate: Estimate) -> None:
        self._known = estimate
        self._changed()

    def stop(self) -> None:
        """End what is in work."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """End it, and wait for its workers' end."""
        task = self._task
        self.stop()
        if task:
            await asyncio.wait([task])

    def line(self, roots: Sequence[str], settings: Settings, look: Look, cells: int) -> Parts:
        """What is known for these roots and settings; an estimate of something else ends."""
        what = _WHAT[cells >= 100]
        if self._of != (tuple(roots), settings):
            self.stop()
            return [(what, "dim"), ("E", "key"), (" estimates it from a sample", "dim")]
        if self._problem:
            problem = text.cut(look.safe(self._problem), cells - len(what), look.glyphs.dots)
            return [(what, "dim"), (problem, "failed")]
        if self._known is None or self._known.bytes_out is None:
            return [(what, "dim"), ("looking", "running")]
        return [(what, "dim"), (_figures(self._known, look), "strong"), (f" ({_sampled(self._known)})", "dim")]


def _figures(known: Estimate, look: Look) -> str:
    """``est. 10000 img  10.9 -> 5.6 GiB +-4%``."""
    out = known.bytes_out
    assert out is not None
    spread = (out.high - out.low) / 2 / out.value * 100 if out.value else 0.0
    sign = "+-" if look.ascii_only else "±"
    before, after = text.size(known.bytes_in, precise=True), text.size(out.value, precise=True)
    about = "" if known.exact else f" {sign}{max(1.0, spread):.0f}%"
    return f"est. {known.images} img  {before} {look.glyphs.arrow} {after}{about}"


def _sampled(known: Estimate) -> str:
    return f"{known.sampled} sampled" if known.complete else f"{known.sampled} of {known.planned} sampled"
