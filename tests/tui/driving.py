"""Opening the dashboard in a test: a fake run, a clock that moves with every look at it, and waiting for facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from textual.pilot import Pilot

from engine.errors import ImgoptError
from engine.folder_settings import FolderSettings
from engine.listing import Entry
from engine.settings import Settings
from engine.view import Gauges, RunView
from tests.tui.fake_view import FakeView
from tui.app import AppResult, ImgoptApp
from tui.disk import Disk


class Clock:
    """Every look is a redraw later than the one before, so that nothing is held back."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.11
        return self.now


@dataclass
class FakeDisk(Disk):
    """Folders from a table; a name that ends with ``/`` is a folder."""

    folders: dict[str, list[str]] = field(default_factory=dict)

    def list_folder(self, path: str, *, hidden: bool) -> list[Entry]:
        if path not in self.folders:
            raise PermissionError(13, "Permission denied")
        return [
            Entry(name.rstrip("/"), name.endswith("/"), 1000, None)
            for name in self.folders[path]
            if hidden or not name.startswith(".")
        ]

    def count_tree(self, path: str, *, hidden: bool, stop: Callable[[], bool]) -> tuple[int, int]:
        return 7, 7000


@dataclass
class Opened:
    """A dashboard under test."""

    app: ImgoptApp
    pilot: Pilot[AppResult]
    view: FakeView
    started: list[tuple[str, ...]]
    own: list[FolderSettings]
    """What each started run was told of single folders."""

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a fact; fails after fifteen seconds."""
        async with asyncio.timeout(15):
            while not condition():  # noqa: ASYNC110  # the screen has no event for "painted"
                await asyncio.sleep(0)

    async def until_text(self, *wanted: str) -> None:
        """Wait until the screen shows all of this."""
        try:
            await self.until(lambda: all(words in self.text for words in wanted))
        except TimeoutError:
            raise AssertionError(f"{wanted} is not on the screen:\n{self.text}") from None

    @property
    def lines(self) -> list[str]:
        """What the screen shows."""
        return ["".join(part.text for part in strip) for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@asynccontextmanager
async def opened(
    view: FakeView | None = None,
    *,
    attach: bool = True,
    size: tuple[int, int] = (80, 24),
    roots: Sequence[str] = ("/srv/media/2026",),
    fails: ImgoptError | None = None,
    **more: Any,
) -> AsyncIterator[Opened]:
    """The dashboard on a fake run; with ``attach=False`` no run is open, and the launcher gives ``view``."""
    view = view or FakeView()
    started: list[tuple[str, ...]] = []
    told: list[FolderSettings] = []

    async def launch(roots: Sequence[str], settings: Settings, own: FolderSettings) -> RunView:
        started.append(tuple(roots))
        told.append(own)
        if fails:
            raise fails
        return view

    options: dict[str, Any] = {"ascii_only": False, "mouse": True, "settings": Settings(), **more}
    app = ImgoptApp(
        roots=roots,
        launcher=launch,
        view=view if attach else None,
        clock=Clock(),
        disk=options.pop("disk", None) or FakeDisk(folders={"/srv/media/2026": ["a/", "b/", "c.jpg"]}),
        gauges=lambda: Gauges(5.0, 2.0, 2**30, 2**32),
        **options,
    )
    async with app.run_test(size=size) as pilot:
        it = Opened(app, pilot, view, started, told)
        await it.until(lambda: app.mirror.update if attach else app.mirror.idle_gauges.mem_used)
        await it.until_text("imgopt-tui" if size[0] >= 60 and size[1] >= 16 else "%")
        yield it
