"""Promises of the Tune tab, on a tuner without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.forecast import Estimate
from engine.interval import Range
from engine.presets import apply
from engine.settings import Settings
from engine.tuning import LARGEST_CROP
from tests.tui.driving import FakeDisk, Opened, opened
from tests.tui.fake_tuner import FakeTuner
from tests.tui.fake_view import FakeView
from tests.tui.test_text import HOSTILE
from tui import crop_listing
from tui.crop import Preview
from tui.graphics import Graphics
from tui.tuning_export import RESULTS


@asynccontextmanager
async def tuning(
    tuner: FakeTuner | None = None, file: str = "c.jpg", roots: Sequence[str] = ("/tmp",), **more: Any
) -> AsyncIterator[tuple[Opened, FakeTuner]]:
    """The tab open on the third entry of the tree."""
    tuner = tuner or FakeTuner()
    disk = FakeDisk(folders={"/tmp": ["a/", "b/", file]})
    async with opened(attach=False, tuner=lambda: tuner, roots=roots, disk=disk, **more) as it:
        await it.until(lambda: len(it.app.main.files.model.rows) == 4)
        await it.pilot.press("down", "down", "down", "t")
        await it.until(lambda: it.app.main.active == "tune")
        yield it, tuner


async def settled(it: Opened) -> None:
    """Everything is measured and the crop is here."""
    work = it.app.main.tune.work
    await it.until(lambda: work.tuning.subject and not work.tuning.next_job() and not work.busy and work.pieces)


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (60, 16)])
async def test_ladder_crop_target_and_command_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with tuning(size=size) as (it, _):
        await settled(it)
        await it.until_text("c.jpg", "6000×4000 sRGB", "<", "[showing B]", "CROP 1:1")
        await it.until_text("equal command: imgopt-tui run /tmp --target-quality 80", "q Quit")
        assert len(it.lines) == size[1]
        assert all(len(line) == size[0] for line in it.lines)


async def test_rungs_appear_one_by_one_and_the_mark_moves_to_the_smallest_that_passes() -> None:
    tuner = FakeTuner()
    tuner.gate.clear()
    async with tuning(tuner) as (it, _):
        await it.until_text("jpeg Q60", "CROP 1:1")
        assert "smallest" not in it.text
        tuner.gate.set()
        await it.until_text("80.2", "< smallest >= 80", "larger")
        marked = [line for line in it.lines if "< smallest" in line]
        assert len(marked) == 1
        assert " 80 " in marked[0]


async def test_a_typed_target_picks_another_rung_and_a_wrong_one_is_refused() -> None:
    async with tuning() as (it, tuner):
        await settled(it)
        await it.pilot.press("t", "backspace", "backspace", *"101", "enter")
        await it.until_text("use a whole number from 30 to 100")
        await it.pilot.press("backspace", "backspace", "backspace", *"70", "enter")
        await it.until_text("score >= 70", "< smallest >= 70", "--target-quality 70")
        await it.pilot.press("right_square_bracket")
        await it.until_text("score >= 71", "--target-quality 71")
        assert ("reach", "jpeg", 71) in tuner.asked


async def test_left_and_right_make_rungs_of_their_own_and_enter_takes_a_score_as_the_target() -> None:
    async with tuning() as (it, _):
        await settled(it)
        await it.pilot.press("right", "right")
        await it.until_text("B = jpeg Q82", "81.2")
        await it.pilot.press("enter")
        await it.until_text("score >= 81")


async def test_formats_are_compared_at_one_score_and_enter_takes_one() -> None:
    async with tuning() as (it, _):
        await settled(it)
        await it.pilot.press("c")
        await it.until_text("format: all", " jpeg", " webp", "avif", "< smallest")
        await it.pilot.press("down", "down", "enter")
        await it.until_text("format: avif", "--format avif", "B = avif")


async def test_the_crop_flips_moves_zooms_and_shows_difference_and_worst_place() -> None:
    async with tuning() as (it, tuner):
        await settled(it)
        await it.pilot.press("b")
        await it.until_text("[showing A]")
        await it.pilot.press("x")
        await it.until_text("[difference x8]")
        await it.until(lambda: any(one[0] == "difference" for one in tuner.asked))
        await it.pilot.press("x", "n", "z")
        await it.until_text("CROP 2:1", "x665 y1306")
        await it.pilot.press("L", "K")
        await it.until_text("x671 y1300")


async def test_the_other_side_is_here_before_it_is_asked_for() -> None:
    async with tuning() as (it, tuner):
        await settled(it)
        await it.until(lambda: {one[1] for one in tuner.asked if one[0] == "crop"} >= {"original", 80})
        before = len(tuner.asked)
        await it.pilot.press("b", "b")
        await it.until_text("[showing B]")
        assert len(tuner.asked) == before


async def test_flicker_ends_by_itself_and_with_any_other_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_listing, "_FLIPS_A_SECOND", 500)
    monkeypatch.setattr(crop_listing, "_FLIPS", 4)
    async with tuning() as (it, _):
        await settled(it)
        tune = it.app.main.tune
        await it.pilot.press("f")
        await it.until(lambda: tune.flickers)
        await it.until(lambda: not tune.flickers)
        assert tune.place.result
        await it.pilot.press("f", "b")
        assert not tune.flickers


async def test_apply_is_shown_in_the_tree_and_undo_takes_it_back() -> None:
    async with tuning() as (it, _):
        await settled(it)
        await it.pilot.press("A", "1")
        await it.until_text("score 80")
        assert it.app.tuned.by_path == {"/tmp": {"target_quality": 80, "format": "original"}}
        await it.pilot.press("up", "up", "space", "4")
        await it.until_text("[4 Tune]")
        await it.pilot.press("F", "A")
        assert it.app.tuned.by_path == {
            "/tmp": {"target_quality": 80, "format": "original"},
            "/tmp/a": {"target_quality": 80, "format": "webp"},
        }
        await it.pilot.press("1")
        await it.until_text("score 80 webp")
        await it.pilot.press("4", "u", "u")
        assert it.app.tuned.by_path == {}
        await it.pilot.press("u")
        await it.until_text("nothing was applied")


async def test_an_image_opens_with_what_its_folder_was_given() -> None:
    async with tuning() as (it, _):
        await settled(it)
        await it.pilot.press("F", "left_square_bracket", "A", "escape", "1", "t")
        await it.until_text("score >= 79", "format: webp", "--format webp")
        assert it.app.main.tune.values == {"target_quality": 79, "format": "webp"}
        await it.pilot.press("F", "F")
        assert it.app.main.tune.values == {"target_quality": 79, "format": "original"}


async def test_a_lossless_image_says_so_and_can_be_tried_in_a_lossy_format() -> None:
    async with tuning(file="c.png") as (it, _):
        await it.until_text("PNG stays lossless", "F tries the image")
        await it.pilot.press("A")
        await it.until_text("PNG stays lossless, a target does nothing for it (F: lossy); score 80 for")
        await it.pilot.press("F")
        await it.until_text("format: jpeg", "< smallest >= 80", "--format jpeg")
        await it.pilot.press("A")
        await it.until_text("score 80 jpeg for /tmp: r runs it")


async def test_an_image_that_cannot_be_tuned_says_why_in_one_sentence() -> None:
    async with tuning(FakeTuner(refused="an animation, and only single pictures can be tuned")) as (it, _):
        await it.until_text("an animation, and only single pictures")


async def test_without_an_image_the_tab_says_how_to_get_one() -> None:
    disk = FakeDisk(folders={"/tmp": []})
    async with opened(attach=False, tuner=FakeTuner, roots=("/tmp",), disk=disk) as it:
        await it.pilot.press("4")
        await it.until_text("[4 Tune]", "press t")
        await it.pilot.press("b", "x", "n", "z", "L", "A", "left", "up", "enter", "E", "escape")
        await it.until_text("[1 Files]")


async def test_t_tunes_the_image_of_a_run_also_from_its_details() -> None:
    tuner = FakeTuner()
    view = FakeView(30)
    view.step(20)
    async with opened(view, tuner=lambda: tuner) as it:
        await it.pilot.press("3")
        await it.until(lambda: it.app.main.images.chosen)
        await it.pilot.press("enter")
        await it.until_text("Image", "encoder")
        await it.pilot.press("t")
        await it.until_text("[4 Tune]", "< smallest")
        assert tuner.asked[0] == ("open", view.row(0).source)
        await it.pilot.press("escape")
        await it.until_text("[3 Images]")


async def test_esc_ends_the_measuring_and_leaving_ends_the_worker() -> None:
    tuner = FakeTuner()
    tuner.gate.clear()
    async with tuning(tuner) as (it, _):
        await it.until(lambda: ("ladder", "jpeg", 60) in tuner.asked)
        await it.pilot.press("escape")
        await it.until(lambda: not it.app.main.tune.work.busy)
        tuner.gate.set()
        await it.pilot.press("4")
        await it.until_text("< smallest")
    assert tuner.closed


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (60, 16)])
async def test_ascii_mode_paints_seven_bits_and_hostile_names_are_escaped(size: tuple[int, int]) -> None:
    async with tuning(file=HOSTILE.replace("/", "") + "é.jpg", ascii_only=True, size=size) as (it, _):
        await settled(it)
        for key in ("b", "x", "c", "c", "n", "y"):
            await it.pilot.press(key)
            assert it.text.isascii()
            assert all(char.isprintable() or char == "\n" for char in it.text)


async def test_the_equal_command_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with tuning(settings=Settings(effort="fast")) as (it, _):
        await settled(it)
        await it.pilot.press("y")
        await it.until_text("copied")
        (copied,) = tmp_path.glob("imgopt-tui/copied.txt")
        assert copied.read_text() == "imgopt-tui run /tmp --target-quality 80 --effort fast\n"


async def test_the_equal_command_names_the_whole_folder_however_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    async with tuning(roots=("tmp",)) as (it, _):
        it.app.main.tune.open("/tmp/a/d.jpg")
        assert it.app.main.tune.roots == ("/tmp",)
        it.app.main.tune.open("/srv/d.jpg")
        assert it.app.main.tune.roots == ("/srv",)


async def test_other_settings_of_the_next_run_make_another_ladder() -> None:
    async with tuning() as (it, tuner):
        await settled(it)
        await it.pilot.press("n")
        place = it.app.main.tune.place
        it.app.settings = Settings(target_quality=70, effort="fast")
        it.app.main.repaint()
        await it.until_text("effort: fast", "< smallest >= 70", "--effort fast")
        assert [one for one in tuner.asked if one[0] == "open"] == [("open", "/tmp/c.jpg")] * 2
        assert it.app.main.tune.place is place


async def test_the_whole_folder_is_estimated_on_request_and_another_target_makes_that_void() -> None:
    asked: list[tuple[object, ...]] = []
    more = asyncio.Event()

    async def estimator(roots: Sequence[str], settings: Settings, *, progress: Callable[[Estimate], None]) -> Estimate:
        asked.append((tuple(roots), settings.target_quality))
        counted = Estimate(10_000, 12, 24, 0, 0, 10 * 2**30)
        progress(replace(counted, saved=Range(5 * 2**30, 4 * 2**30, 6 * 2**30)))
        await more.wait()
        return replace(counted, sampled=24, saved=Range(4.4 * 2**30, 4.2 * 2**30, 4.6 * 2**30), complete=True)

    async with tuning(estimator=estimator) as (it, _):
        await settled(it)
        await it.until_text("E estimates it")
        await it.pilot.press("E")
        await it.until_text("est. 10000 img  10.00 GiB → 5.00 GiB ±20% (12 of 24 sampled)")
        more.set()
        await it.until_text("→ 5.60 GiB ±4% (24 sampled)")
        await it.pilot.press("right_square_bracket")
        await it.until_text("E estimates it")
    assert asked == [(("/tmp",), 80)]


async def test_a_preset_is_saved_under_a_name() -> None:
    async with tuning(settings=Settings(effort="small")) as (it, _):
        await settled(it)
        await it.pilot.press("S", *"my web", "enter")
        await it.until_text("a name is made of")
        await it.pilot.press(*["backspace"] * 4, "enter")
        await it.until_text("preset my is in")
    assert apply("my", Settings()) == Settings(effort="small", target_quality=80)


async def test_ladder_and_crops_are_written_as_one_page_and_never_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with tuning() as (it, tuner):
        await settled(it)
        await it.pilot.press("e")
        await it.until_text("Export ladder and crops", "c-tuned.html")
        await it.pilot.press("enter")
        await it.until_text("written to")
        page = (tmp_path / "c-tuned.html").read_text(encoding="utf-8")
        shown = [one for one in tuner.asked if one[0] == "crop" and one[4:6] == LARGEST_CROP]
        assert page.count("data:image/png") == len(shown) == 2 * (1 + RESULTS)
        await it.pilot.press("e")
        await it.until_text("c-tuned-1.html")
        await it.pilot.press(*"c-tuned.html", "enter")
        await it.until_text("that is there already")
    assert page == (tmp_path / "c-tuned.html").read_text(encoding="utf-8")


async def test_cells_under_a_picture_are_not_blank_and_v_goes_round(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tuning(graphics=Graphics(kitty=True, asked=True)) as (it, _):
        await settled(it)
        tune = it.app.main.tune
        sent: list[str] = []
        monkeypatch.setattr(it.app._driver, "write", sent.append)
        await it.pilot.press("v")
        assert tune.preview is Preview.KITTY
        await it.until(lambda: any("\x1b_Ga=T" in data for data in sent))
        column, line = tune.region.x + 54, tune.region.y + 4
        assert any(f"\x1b[{line + 1};{column + 1}H\x1b_G" in data for data in sent)
        assert "│" + 25 * "." in it.text
        await it.pilot.press("v")
        assert any("a=d" in data for data in sent)
        assert "│" + 25 * "." not in it.text


async def test_without_pictures_v_says_what_would_bring_them() -> None:
    async with tuning() as (it, _):
        await settled(it)
        await it.pilot.press("v")
        await it.until_text("--preview auto")
