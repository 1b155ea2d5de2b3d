"""Makes the README's picture from a real run of the demo. Run: python -m tests.picture [COLUMNS ROWS]"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from engine.runner import launch
from engine.settings import Settings
from tui.app import ImgoptApp
from tui.demo import make_demo

TARGET = Path(__file__).resolve().parent.parent / "tui" / "pictures" / "dashboard.svg"
SHARE = 0.55
"""How far the run is when the picture is taken."""


async def take(folder: str, columns: int, rows: int) -> str:
    app = ImgoptApp(roots=[folder], settings=Settings(), launcher=launch, start=True, ascii_only=False, mouse=False)
    async with app.run_test(size=(columns, rows)) as pilot:
        while not app.mirror.totals.found or app.mirror.totals.through < SHARE * app.mirror.totals.found:
            await pilot.pause(0.05)
        await pilot.pause(0.3)
        picture = app.export_screenshot(title="imgopt-tui")
        assert app.session.view is not None
        await app.session.view.cancel(now=True)
    return picture


def main() -> None:
    columns, rows = (int(text) for text in sys.argv[1:3]) if len(sys.argv) > 2 else (120, 30)
    with tempfile.TemporaryDirectory() as place:
        os.environ.update(XDG_STATE_HOME=place, COLORTERM="truecolor")
        folder = Path(place) / "pictures"
        folder.mkdir()
        make_demo(str(folder), say=print)
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(asyncio.run(take(str(folder), columns, rows)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
    print(TARGET)


if __name__ == "__main__":
    main()
