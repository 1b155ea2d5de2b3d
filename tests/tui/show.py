"""Open the dashboard on a run that never was: ``python -m tests.tui.show --help``."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from engine.folder_settings import FolderSettings
from engine.settings import Settings
from engine.view import RunView
from tests.tui.fake_view import FakeView
from tui.app import ImgoptApp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=75)
    parser.add_argument("--done", type=int, default=2870)
    parser.add_argument("--speed", type=float, default=0.1, help="seconds between two steps")
    parser.add_argument("roots", nargs="*", default=["."])
    options = parser.parse_args()

    async def advance(view: FakeView) -> None:
        while not view.phase.over:
            await asyncio.sleep(options.speed)
            if view.phase is not view.phase.PAUSED:
                view.step()
                view.publish()

    async def launch(roots: Sequence[str], settings: Settings, own: FolderSettings) -> RunView:
        view = FakeView(options.images, options.batch)
        view.log_line("info", f"run of {len(roots)} roots")
        view.step(options.done)
        tasks.append(asyncio.create_task(advance(view)))
        return view

    tasks: list[asyncio.Task[None]] = []
    app = ImgoptApp(
        roots=options.roots, settings=Settings(), launcher=launch, start=True, ascii_only=options.ascii, mouse=True
    )
    print(app.run())


if __name__ == "__main__":
    main()
