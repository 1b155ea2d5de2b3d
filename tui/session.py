"""The screen's end of a run: start it, follow it, tell it what to do. Failures become one sentence each."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from engine.errors import ImgoptError
from engine.folder_settings import FolderSettings
from engine.settings import Settings
from tui.mirror import Mirror

if TYPE_CHECKING:
    from engine.view import RunView

__all__ = ["Launcher", "Session"]

Launcher = Callable[[Sequence[str], Settings, FolderSettings], Awaitable["RunView"]]
"""Starts a run and gives its view; raises ImgoptError."""
LOST = "the connection to the run is gone: {} (imgopt-tui attach looks for it again)"


class Session:
    """At most one run; ``changed`` is called after every update, ``failed`` with a sentence."""

    def __init__(
        self, mirror: Mirror, launcher: Launcher, *, changed: Callable[[], None], failed: Callable[[str], None]
    ) -> None:
        self.mirror = mirror
        self.view: RunView | None = None
        self.starting = False
        self._launcher = launcher
        self._changed, self._failed = changed, failed

    async def start(self, roots: Sequence[str], settings: Settings, own: FolderSettings) -> RunView | None:
        """Start a run, with ``own`` settings of single folders; None when that failed, which has been said then."""
        if self.starting or self.mirror.working:
            return None
        self.starting = True
        try:
            view = await self._launcher(roots, settings, own)
        except (ImgoptError, OSError) as error:
            self._failed(str(error) or type(error).__name__)
            return None
        finally:
            self.starting = False
        if self.view:
            await self.let_go()
        return view

    async def follow(self, view: RunView) -> None:
        """Take in updates until the run is over, cannot be reached any more, or another one is followed."""
        before, self.view = self.view, view
        if before is not None and before is not view:
            await close(before)
        self.mirror.open(view.info)
        self._changed()
        try:
            await view.watch()
            async for update in view.updates():
                if self.view is not view:
                    return
                self.mirror.apply(update)
                self._changed()
            ended = "it ended without a word"
        except (ImgoptError, OSError, EOFError) as error:
            ended = str(error) or type(error).__name__
        if self.view is view:
            if self.mirror.phase is None or not self.mirror.phase.over:
                self.mirror.lost = LOST.format(ended)
            self._changed()

    async def tell(self, command: Callable[[RunView], Awaitable[object]]) -> bool:
        """Send a command; False when it did not arrive, which has been said then."""
        if self.view is None:
            return False
        try:
            await command(self.view)
        except (ImgoptError, OSError, EOFError) as error:
            self._failed(str(error) or type(error).__name__)
            return False
        return True

    async def let_go(self) -> None:
        """Close the connection; the run goes on."""
        view, self.view = self.view, None
        if view:
            await close(view)


async def close(view: RunView) -> None:
    """Let go of a run, which may be gone already."""
    with contextlib.suppress(ImgoptError, OSError):
        await view.close()
