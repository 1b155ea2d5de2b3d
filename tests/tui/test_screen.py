import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from engine import past_report
from engine.errors import RunnerError
from engine.history import PastRun
from engine.listing import Entry
from engine.view import ImageRow, ImageState, Phase
from tests.tui.driving import FakeDisk, opened
from tests.tui.fake_view import FakeView
from tests.tui.test_text import HOSTILE
from tui import earlier, report_command
from tui.grid import BatchGrid
from tui.look import Parts
from tui.main_screen import visible


def half_done(images: int = 3000) -> FakeView:
    view = FakeView(images)
    view.log_line("info", "run begins")
    view.step(images // 2)
    return view


async def test_eighty_by_twenty_four_shows_everything() -> None:
    async with opened(half_done()) as it:
        await it.until_text("hold 0", "held", "skipped")
        lines = it.lines
        assert len(lines) == 24
        assert "RUN" in lines[0]
        assert "ETA" in lines[0]
        assert lines[0].rstrip().endswith("10Hz")
        assert " 50%  1500/3000 img" in lines[1]
        assert "saved" in lines[2]
        assert "fail 7" in lines[2]
        assert " of 4.0 thr 12%" in lines[3]
        assert lines[3].rstrip().endswith("cg")
        assert "W4 wri 140M" in lines[4]
        assert "[2 Batches]" in lines[6]
        assert "failed" in lines[20]
        assert "q Quit" in lines[23]
        assert all(len(line) == 80 for line in lines)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_ascii_mode_paints_seven_bits_only(size: tuple[int, int]) -> None:
    view = FakeView(300, names=dict.fromkeys(range(300), HOSTILE + "é…"))
    view.step(201)
    async with opened(view, ascii_only=True, size=size) as it:
        for key in ("1", "2", "3", "5", "question_mark", "colon", "o", "q", "slash", "i"):
            await it.pilot.press(key)
            await it.until_text("[" if key in "1235" else "Esc")
            assert it.text.isascii(), (key, [char for char in it.text if not char.isascii()])
            if key not in "1235":
                await it.pilot.press("escape")


async def test_hostile_names_reach_the_screen_only_escaped() -> None:
    view = FakeView(300, names=dict.fromkeys(range(300), HOSTILE))
    view.set(0, ImageState.FAILED)
    async with opened(view, size=(160, 48)) as it:
        await it.pilot.press("3")
        await it.until_text("\\x1b[31mred", "[bold]x[/]")
        await it.pilot.press("enter")
        await it.until_text("Image", "\\u202egpj")
        assert all(char.isprintable() or char == "\n" for char in it.text)


async def test_a_list_of_fifty_thousand_asks_for_visible_rows_only() -> None:
    view = FakeView(50_000)
    async with opened(view) as it:
        await it.pilot.press("3")
        await it.until_text("1 of 50000")
        await it.pilot.press("G")
        await it.until_text("50000 of 50000", view.name(49_999))
        await it.pilot.press(*["pageup"] * 20)
        await it.until(lambda: it.app.main.images.chosen)
        assert max(window.count for window in view.asked) <= 24
        assert len(view.asked) <= 60


class Scored(FakeView):
    """A run with a target quality."""

    def row(self, index: int) -> ImageRow:
        return replace(super().row(index), measured=(80.4, 3, 71.0, 64, 0))


async def test_scores_are_listed_beside_the_quality_they_took() -> None:
    view = Scored(30)
    view.step(20)
    async with opened(view) as it:
        await it.pilot.press("3")
        await it.until_text("SCORE", "80.4")
    async with opened(half_done()) as it:
        await it.pilot.press("3")
        await it.until_text("SAVED")
        assert "SCORE" not in it.text


async def test_filter_and_sort_are_answered_by_the_run() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("slash", *"pano", "enter")
        await it.until_text("of 600", "/pano")
        await it.pilot.press("s", "s", "S")
        await it.until(lambda: view.asked[-1].sort == "in" and view.asked[-1].descending)
        await it.pilot.press("f")
        await it.until_text("failed /pano")
        await it.pilot.press("slash", *"nowhere", "enter")
        await it.until_text("no image is like that: f shows other states, / takes another text")
        await it.until(lambda: it.app.main.images.chosen is None)
        await it.pilot.press("t")
        await it.until_text("choose one image first", "[3 Images]")


async def test_with_an_empty_list_of_images_none_is_chosen() -> None:
    async with opened(half_done(), size=(160, 48)) as it:
        await it.pilot.press("3")
        await it.until_text("predicted")
        await it.pilot.press("slash", *"nowhere", "enter")
        await it.until_text("no image is chosen")


async def test_what_the_run_says_is_named_as_its_own_until_a_key_is_pressed() -> None:
    view = half_done()
    async with opened(view) as it:
        view.log_line("error", "b.jpg: JPEG data ends early")
        view.publish()
        await it.until_text("from the run: b.jpg: JPEG data ends early")
        await it.pilot.press("1")
        await it.until(lambda: "from the run" not in it.text)
        view.log_line("error", "d.jpg: JPEG data ends early")
        view.publish()
        await it.until_text("from the run: d.jpg")


@pytest.mark.parametrize(
    ("keys", "calls", "choice"),
    [
        (["enter"], [], "left"),
        (["down", "enter"], ["cancel"], "stopping"),
        (["down", "down", "enter"], ["cancel now"], "stopped"),
    ],
)
async def test_quit_asks_and_does_what_was_chosen(keys: list[str], calls: list[str], choice: str) -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("q")
        await it.until_text("leave it running", "stop after current images", "stop now")
        await it.pilot.press(*keys)
        await it.until(lambda: it.app.return_value)
        assert view.calls == calls
        assert view.closed
        assert it.app.return_value is not None
        assert (it.app.return_value.choice, it.app.return_value.run_id) == (choice, "1a2b3c")


async def test_a_box_stands_in_the_middle_with_the_picture_behind_it() -> None:
    async with opened(half_done(), size=(120, 40)) as it:
        await it.pilot.press("question_mark")
        await it.until_text("Marks of images")
        box = it.app.screen.query_one("#box").region
        assert abs(box.x - (120 - box.right)) <= 1
        assert abs(box.y - (40 - box.bottom)) <= 1
        assert it.app.screen.styles.background.is_transparent


async def test_escape_from_the_question_goes_on() -> None:
    async with opened(half_done()) as it:
        await it.pilot.press("q", "escape", "3")
        await it.until_text("[3 Images]")
        assert it.app.return_value is None


async def test_quit_without_a_run_just_quits() -> None:
    async with opened(attach=False) as it:
        await it.pilot.press("q")
        await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert it.app.return_value.choice == "nothing"


async def test_keys_of_the_run_send_its_commands() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("p")
        await it.until_text("PAUSED", "p Continue")
        await it.pilot.press("p")
        await it.until_text("RUN ")
        await it.pilot.press("plus", "minus", "R")
        await it.until(lambda: len(view.calls) == 5)
        assert view.calls == ["pause", "resume", "workers 5", "workers 4", "retry"] or view.calls[2] == "workers 5"


async def test_the_end_of_a_run_shows_its_summary() -> None:
    view = half_done()
    async with opened(view) as it:
        view.step(3000)
        view.publish()
        await it.until_text("finished after", "outcomes", "freed", "R retry failed", "e export")
        await it.until_text("14 images failed", "a00/DSC_0100.jpg: JPEG data ends early", "and 8 more: 3 then f")
        await it.pilot.press("pagedown")
        await it.until_text("report", "11.3 images/s")
        await it.pilot.press("e")
        await it.until_text("Export the report to")
        await it.pilot.press("escape")
        await it.until_text("FINISHED", "no workers")


async def test_a_run_that_cannot_start_is_one_sentence() -> None:
    async with opened(attach=False, fails=RunnerError("The output folder is not ours: use -o.")) as it:
        await it.pilot.press("r")
        await it.until_text("That did not work", "The output folder is not ours: use -o.")
        await it.pilot.press("enter", "3")
        await it.until_text("[3 Images]")


async def test_a_runner_that_is_gone_is_one_line_and_the_screen_stays_usable() -> None:
    view = half_done()
    async with opened(view) as it:
        view.fail("the socket was closed")
        await it.until_text("LOST", "the connection to the run is gone: the socket was closed")
        await it.pilot.press("3", "2", "p", "q")
        await it.until(lambda: it.app.return_value)


async def test_tiny_terminals_get_one_line() -> None:
    async with opened(half_done(), size=(59, 15)) as it:
        await it.until_text("50% 1500/3000", "q quit")
        assert not any(line.strip() for line in it.lines[1:])
        await it.pilot.resize_terminal(80, 24)
        await it.until_text("[2 Batches]")


async def test_no_size_is_refused() -> None:
    async with opened(half_done()) as it:
        for size in [(1, 1), (5, 3), (60, 16), (79, 23), (139, 48), (300, 90)]:
            await it.pilot.resize_terminal(*size)
            for key in ("1", "3", "o", "escape"):
                await it.pilot.press(key)
            assert it.app.is_running
            assert len(it.lines) == size[1]


async def test_repaint_paints_everything_again() -> None:
    async with opened(half_done()) as it:
        await it.until_text("batch 21  ")
        it.app.main.heed()
        await it.until(lambda: "from the run" not in it.text)
        before = it.lines
        await it.pilot.press("ctrl+l")
        assert it.lines == before


def test_wide_screens_show_all_panes_unless_one_is_alone() -> None:
    assert visible(80, 24, "files", alone=False) == {"files"}
    assert visible(160, 48, "files", alone=True) == {"files"}
    assert {"files", "batches", "images", "log", "side"} <= visible(160, 48, "files", alone=False)
    assert visible(59, 24, "files", alone=False) == set()


async def test_clicks_choose_tabs_cells_and_rows() -> None:
    async with opened(half_done()) as it:
        await it.pilot.click("Tabs", offset=(24, 0))
        await it.until_text("[3 Images]", "1 of 3000")
        await it.until_text(it.view.name(5))
        await it.pilot.click("#images", offset=(10, 6))
        await it.until_text("6 of 3000")
        await it.pilot.press("2", "g")
        await it.pilot.click("#batches", offset=(5 + 30, 2))
        await it.until(lambda: it.app.main.grid.index == 2 * 75 + 30)


async def test_copy_writes_the_exact_bytes_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    view = FakeView(10, names={0: "caf\udce9.jpg"})
    async with opened(view) as it:
        await it.pilot.press("3")
        await it.until_text("caf\\xe9.jpg")
        await it.pilot.press("y")
        await it.until_text("copied")
    assert (tmp_path / "imgopt-tui" / "copied.txt").read_bytes() == b"/srv/media/2026/caf\xe9.jpg\n"


async def test_the_palette_runs_a_command_in_its_own_pane() -> None:
    async with opened(half_done()) as it:
        await it.pilot.press("colon", *"states", "enter")
        await it.until_text("[3 Images]", "failed  1 of 7")


async def test_log_stays_at_its_end_until_the_cursor_leaves_it() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("5")
        for number in range(40):
            view.log_line("warning", f"line number {number}")
        view.publish()
        await it.until_text("line number 39")
        await it.pilot.press("g")
        await it.until_text("run begins")
        view.log_line("info", "later")
        view.publish()
        await it.until(lambda: it.app.main.log_pane.total == len(view.lines))
        assert "run begins" in it.text


async def test_redraw_rate_is_what_was_asked_for() -> None:
    async with opened(half_done()) as it:
        await it.pilot.press("less_than_sign", "less_than_sign")
        await it.until_text(" 2Hz", "at most 2 redraws a second")
        await it.pilot.press(*["greater_than_sign"] * 9)
        await it.until_text("10Hz")


class HangingDisk(FakeDisk):
    """A disk that answers when it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(folders={str(root): ["a/", "b/", "c.jpg"]})
        self.answers = threading.Event()

    def list_folder(self, path: str, *, hidden: bool) -> list[Entry]:
        self.answers.wait(15)
        return super().list_folder(path, hidden=hidden)


async def test_the_screen_is_painted_and_takes_keys_before_the_disk_has_answered(tmp_path: Path) -> None:
    disk = HangingDisk(tmp_path)
    try:
        async with opened(attach=False, disk=disk, roots=[str(tmp_path)]) as it:
            await it.until_text(tmp_path.name, "q Quit")
            assert "c.jpg" not in it.text
            await it.pilot.press("question_mark")
            await it.until_text("Marks of images")
            await it.pilot.press("escape")
            disk.answers.set()
            await it.until_text("c.jpg")
    finally:
        disk.answers.set()


async def test_only_lines_in_view_are_drawn_and_nothing_moves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    view = FakeView(100_000)
    view.step(50_000)
    async with opened(view, size=(80, 24)) as it:
        drawn: list[int] = []
        draw_row = BatchGrid.draw_row

        def noted(grid: BatchGrid, row: int, width: int, *, chosen: bool) -> Parts:
            drawn.append(row)
            return draw_row(grid, row, width, chosen=chosen)

        monkeypatch.setattr(BatchGrid, "draw_row", noted)
        view.step(1)
        view.publish()
        await it.until_text("50001/100000")
        assert len(set(drawn)) <= 2 * it.app.main.grid.page
        assert it.app.animation_level == "none"


async def test_a_run_that_waits_for_room_says_so_at_eighty_columns() -> None:
    view = FakeView()
    view.phase = Phase.PAUSED
    view.waits_for = "no room in /srv/media: 12.0 MiB free, 64.0 MiB needed; goes on when there is"
    async with opened(view) as it:
        await it.until_text("PAUSED", view.waits_for[:70])


async def test_one_filter_key_narrows_what_is_looked_at() -> None:
    view = half_done()
    for number in range(2500):
        view.log_line("warning" if number % 500 == 0 else "info", f"line {number}")
    async with opened(view) as it:
        await it.pilot.press("5", "slash", *"LINE 2", "enter")
        await it.until_text("/line 2", f"of {111 + 500}")  # 2, 2x, 2xx, 2000 to 2499
        await it.pilot.press("f")
        await it.until_text("warnings /line 2  1 of 1", "line 2000")
        view.log_line("error", "line 2 again")
        view.publish()
        await it.until_text("warnings /line 2  2 of 2", "line 2 again")
        await it.pilot.press("f", "slash", *["backspace"] * 6, "enter")
        await it.until_text(f"of {len(view.lines)}")


async def test_the_list_of_images_follows_the_work_until_the_cursor_is_moved() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("3", "s", "slash", *"pano", "enter", "F")
        await it.until_text(view.name(1503), "of 3000")
        view.step(300)
        view.publish()
        await it.until_text(view.name(1803))
        await it.pilot.press("up")
        view.step(300)
        view.publish()
        await it.until(lambda: it.app.mirror.totals.through == 2100)
        await it.until_text(view.name(1803))


async def test_a_held_image_says_why_and_until_when() -> None:
    view = FakeView(30)
    view.set(3, ImageState.HELD)
    async with opened(view) as it:
        await it.pilot.press("3", "g", "down", "down", "down")
        await it.until_text("needs 180 MiB, which is free: begins next")


async def test_the_machine_is_shown_on_small_screens_too() -> None:
    async with opened(half_done(), ascii_only=True) as it:
        await it.pilot.press("I")
        await it.until_text(
            "MEMORY", "stops at         1.4G", "throttled 12%", "write 3.0M/s", "40G free", "6.6s last", "W1"
        )
        assert it.text.isascii()
        await it.pilot.press("escape")
        await it.until_text("[2 Batches]")


async def test_a_report_is_written_where_the_user_says_and_never_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_command, "made", lambda found, form: f"{found} as {form}")
    monkeypatch.setattr(past_report, "load", lambda run_id, against: f"report of {run_id}")
    there = tmp_path / "there.txt"
    there.write_text("mine")
    async with opened(half_done()) as it:
        for path in (there, tmp_path / "none" / "a.txt", tmp_path / "report.json"):
            await it.pilot.press("e")
            await it.until_text("Export the report to", "imgopt-1a2b3c.html")
            field = it.app.screen.query_one(Input)
            field.value = str(path)
            await it.pilot.press("enter")
            if path.name != "report.json":
                await it.until_text("already" if path == there else "there is no folder")
                await it.pilot.press("escape")
        await it.until_text("written to")
    assert there.read_text() == "mine"
    assert (tmp_path / "report.json").read_text() == "report of 1a2b3c as json"


def past_run(id: str, phase: str) -> PastRun:
    report = {"processed": 150, "failed": 3, "savedBytes": 2**20}
    return PastRun(1, id, 1.79e9, None, phase, ("/srv/media",), ("/srv/media",), "/out", False, {}, "", report)


async def test_an_earlier_run_is_opened_in_place_of_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    other, asked = FakeView(75), list[str]()

    async def runs() -> list[PastRun]:
        return [past_run("1a2b3c", "running"), past_run("9f9f9f", "finished")]

    async def open_run(run_id: str) -> FakeView:
        asked.append(run_id)
        return other

    monkeypatch.setattr(earlier, "past_runs", runs)
    monkeypatch.setattr(earlier, "open_run", open_run)
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("P")
        await it.until_text("running         150     3    1.0M  /srv/media", "finished")
        await it.pilot.press("down", "enter")
        await it.until_text("0/75 img")
        assert asked == ["9f9f9f"]
        assert view.closed
        view.fail("nobody listens to this any more")
        other.step(5)
        other.publish()
        await it.until_text("5/75 img")
        assert "LOST" not in it.text


async def test_a_journal_that_cannot_be_read_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def runs() -> list[PastRun]:
        raise RunnerError("the journal cannot be used")

    monkeypatch.setattr(earlier, "past_runs", runs)
    async with opened(attach=False) as it:
        await it.pilot.press("P")
        await it.until_text("the journal cannot be used")


async def test_every_control_of_a_run_has_a_key_and_says_what_it_did() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("m", *"lots", "enter")
        await it.until_text("Memory of the run", "is not allowed")
        await it.pilot.press(*["backspace"] * 4, *"600M", "enter")
        await it.until_text("may take 600 MiB of memory from now on")
        await it.pilot.press("N", *"10", "enter")
        await it.until_text("works with the nice value 10 from now on")
        await it.pilot.press("D", "down", "enter")
        await it.until_text("on hang-up from now on: pause")
        assert view.calls == ["memory 629145600", "nice 10", "on-hangup pause"]


async def test_one_image_is_left_out_from_the_list_and_from_its_details() -> None:
    view = half_done()
    async with opened(view) as it:
        await it.pilot.press("3", "g")
        await it.until(lambda: it.app.main.images.chosen)
        await it.pilot.press("X")
        await it.until_text("that image is through already")
        await it.pilot.press("G")
        await it.until_text("3000 of 3000", view.name(2999))
        await it.until(lambda: it.app.main.images.chosen)
        await it.pilot.press("enter")
        await it.until_text("X leave out image")
        await it.pilot.press("X")
        await it.until_text("their originals stay as they are")
        assert view.calls == [f"cancel /srv/media/2026/{view.name(2999)}"]


async def test_after_the_end_a_new_run_does_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    view, again = half_done(), FakeView(14)
    asked: list[str] = []

    async def retry_failed(run_id: str) -> FakeView:
        asked.append(run_id)
        return again

    monkeypatch.setattr(earlier, "retry_failed", retry_failed)
    async with opened(view) as it:
        view.step(3000)
        view.publish()
        await it.until_text("14 images failed")
        await it.pilot.press("escape", "R")
        await it.until_text("0/14 img", "RUN")
        assert asked == ["1a2b3c"]
