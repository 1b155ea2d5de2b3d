import pytest

from engine.view import STATE_MARKS, ImageState
from tests.tui.driving import opened
from tests.tui.fake_view import FakeView
from tui.grid import Shape, cells_of
from tui.parts import text_of


@pytest.mark.parametrize(("batch", "cells"), [(75, 75), (10, 75), (200, 75), (1, 75), (75, 40), (1000, 7)])
@pytest.mark.parametrize("images", [0, 1, 74, 75, 76, 1234])
def test_every_image_has_exactly_one_cell(batch: int, cells: int, images: int) -> None:
    shape = Shape(batch, min(batch, cells), images)
    seen = [
        first + column
        for line in range(shape.lines)
        for _, first, count in [shape.span(line)]
        for column in range(count)
    ]
    assert seen == list(range(images))
    for index in range(0, images, 13):
        line, column = shape.place(index)
        assert shape.span(line)[1] + column == index


def test_neighbours_of_one_state_are_one_part() -> None:
    states = bytes([3] * 40 + [6] + [3] * 30 + [0] * 4)
    parts = list(cells_of(states, -1, STATE_MARKS))
    assert text_of(parts) == "#" * 40 + "!" + "#" * 30 + "...."
    assert len(parts) == 4


@pytest.mark.parametrize(("batch", "lines_each"), [(75, 1), (10, 1), (200, 3)])
async def test_grid_shows_the_mark_of_every_image(batch: int, lines_each: int) -> None:
    view = FakeView(600, batch)
    view.step(120)
    view.set(5, ImageState.FAILED)
    async with opened(view, ascii_only=True) as it:
        await it.pilot.press("g")
        await it.until_text("   1 ")
        width = min(75, batch)
        start = next(at for at, line in enumerate(it.lines) if line.startswith("   1 "))
        shown = ""
        while len(shown) < 10 * batch and not it.lines[start].strip().startswith(("# done", "batch ")):
            shown += it.lines[start][5 : 5 + width].rstrip()
            start += 1
        wanted = "".join(STATE_MARKS[state] for state in view.states[: len(shown)])
        assert len(shown) >= min(600, 2 * batch)
        assert shown == wanted
        assert lines_each == it.app.main.grid.shape.lines_each


async def test_cursor_moves_over_cells_and_enter_shows_the_image() -> None:
    view = FakeView(600)
    view.step(300)
    async with opened(view) as it:
        await it.pilot.press("g", "right", "l", "down", "j", "k", "h")
        assert it.app.main.grid.index == 75 + 1
        await it.pilot.press("enter")
        await it.until_text("77 of the run", view.name(76))


async def test_following_keeps_the_images_in_work_in_view_until_the_cursor_moves() -> None:
    view = FakeView(7500)
    async with opened(view) as it:
        view.step(3000)
        view.publish()
        await it.until_text("batch 41 of 100")
        await it.pilot.press("up")
        assert not it.app.main.grid.following
        view.step(3000)
        view.publish()
        await it.until(lambda: it.app.mirror.totals.through == 6000)
        assert it.app.main.grid.batch_number == 39
        await it.pilot.press("F")
        await it.until_text("batch 81 of 100")


async def test_wide_lines_carry_the_figures_of_their_batch() -> None:
    view = FakeView(1500)
    view.step(700)
    async with opened(view, size=(160, 48)) as it:
        await it.pilot.press("g", "Z")
        await it.until_text("saved   time fail", " -46%  00:06")
        await it.pilot.press("Z")
        await it.until_text("WORKERS", "Chosen image")


async def test_a_failed_image_under_the_cursor_says_why() -> None:
    view = FakeView(600)
    view.step(300)
    async with opened(view) as it:
        await it.pilot.press("g", "down", *["right"] * 25)
        await it.until_text("a00/DSC_0100.jpg: JPEG data ends early (Enter: details, R: retry)")


async def test_the_batch_under_the_cursor_says_what_its_line_has_no_room_for() -> None:
    view = FakeView(600)
    view.step(120)
    async with opened(view, ascii_only=True) as it:
        await it.pilot.press("g", "down")
        await it.until_text("batch 2  45 of 75 images  00:03  1 failure  172M -> 93M  -46%, 79M saved")
        await it.pilot.resize_terminal(200, 24)
        await it.until_text("saved   time fail     in    out  saved")
        assert "batch 2  45" not in it.text
