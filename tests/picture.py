"""Makes the README's pictures, dark and light, from a real run of the demo. Run: python -m tests.picture"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from engine.runner import launch
from engine.settings import Settings
from tui.app import AppResult, ImgoptApp
from tui.demo import make_demo

FOLDER = Path(__file__).resolve().parent.parent / "tui" / "pictures"
SHARE = 0.55
"""How far the run is when the pictures are taken."""
YEARS = ("2023", "2024", "2025", "2026")
"""Folders with the demo's images in each; of each year one image has lost its end."""
SIZES = {"dashboard": (110, 28), "all-panes": (156, 44)}
"""Columns and rows of each picture."""


async def take(folder: str) -> None:
    """All pictures, of one run."""
    columns, rows = SIZES["dashboard"]
    app = ImgoptApp(roots=[folder], settings=Settings(), launcher=launch, start=True, ascii_only=False, mouse=False)
    async with app.run_test(size=(columns, rows)) as pilot:
        while not app.mirror.totals.found or app.mirror.totals.through < SHARE * app.mirror.totals.found:
            await pilot.pause(0.05)
        assert app.session.view is not None
        for name, size in SIZES.items():
            await pilot.resize_terminal(*size)
            for light in (False, True):
                await _shoot(app, pilot, name, light=light)
        await app.session.view.cancel(now=True)


async def _shoot(app: ImgoptApp, pilot: Pilot[AppResult], name: str, *, light: bool) -> None:
    app.background_is(light)
    await pilot.pause(0.5)
    picture = app.export_screenshot(title="imgopt-tui")
    (FOLDER / f"{name}-{'light' if light else 'dark'}.svg").write_text(picture, encoding="utf-8")


def fill(folder: Path) -> None:
    """What the run of the pictures is about."""
    first = folder / YEARS[0]
    first.mkdir()
    make_demo(str(first), say=print)
    broken = sorted(first.rglob("*.jpg"))[100]
    broken.write_bytes(broken.read_bytes()[:9000])
    for year in YEARS[1:]:
        shutil.copytree(first, folder / year)


def main() -> None:
    folder = Path(tempfile.gettempdir()) / "media"
    folder.mkdir()  # what stands in the pictures' first line; never a folder that is there already
    try:
        with tempfile.TemporaryDirectory() as state:
            os.environ.update(XDG_STATE_HOME=state, XDG_CONFIG_HOME=state, COLORTERM="truecolor")
            fill(folder)
            FOLDER.mkdir(exist_ok=True)
            asyncio.run(take(str(folder)))
    finally:
        shutil.rmtree(folder)
    print(*sorted(FOLDER.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
