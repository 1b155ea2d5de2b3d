"""From the ladder to the results: what is tuned on the screen is what a run writes. Real workers, a real runner."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

from engine.runner import launch
from engine.settings import Settings
from engine.view import ImageState, Window
from tests.tui.driving import Opened
from tests.tui.fake_view import FakeView
from tui.app import ImgoptApp


async def test_an_image_is_tuned_its_folder_gets_the_target_and_the_run_writes_that_very_rung(
    samples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "p" / "a"
    folder.mkdir(parents=True)
    shutil.copy(samples / "photo.jpg", folder / "photo.jpg")
    shutil.copy(samples / "small.jpg", tmp_path / "p" / "small.jpg")
    roots = (str(tmp_path / "p"),)
    app = ImgoptApp(roots=roots, settings=Settings(workers=1), launcher=launch, ascii_only=False, mouse=False)
    async with app.run_test(size=(80, 24)) as pilot:
        it = Opened(app, pilot, cast(FakeView, None), [], [])
        files, tune = app.main.files, app.main.tune
        await it.until(lambda: len(files.model.rows) == 3)
        await pilot.press("down", "right")
        await it.until(lambda: len(files.model.rows) == 4)
        await pilot.press("down", "t")
        await it.until_text("photo.jpg", "< smallest >= 80", "CROP 1:1")
        await it.until(lambda: not tune.tuning.next_job() and not tune.work.busy)
        rung = tune.rung
        assert rung is not None
        assert rung.score is not None
        await it.until(lambda: len(tune.work.pieces) >= 2)
        before, after = (tune.work.pieces[piece] for piece in list(tune.work.pieces)[:2])
        assert before.rgb != after.rgb
        await pilot.press("b")
        await it.until_text("[showing A]")
        await pilot.press("A", "1")
        await it.until_text("a  score 80")
        await pilot.press("r")
        await it.until(lambda: app.mirror.phase and app.mirror.phase.over)
        await it.until_text("finished after")
        await pilot.press("escape", "3")
        await it.until_text("SCORE", f"{rung.score:.1f}")
        assert app.session.view is not None
        page = await app.session.view.rows(Window())
        tuned, other = sorted(page.rows, key=lambda row: row.path)
        assert tuned.path == "a/photo.jpg"
        assert tuned.measured is not None
        assert (tuned.quality, tuned.optimized_size) == (rung.quality, rung.bytes)
        assert round(tuned.measured[0], 3) == round(rung.score, 3)
        assert other.measured is None
        assert ImageState(other.state) is ImageState.DONE
