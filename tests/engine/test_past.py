"""Promises of runs that are over, opened like running ones."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import history, runner
from engine.errors import RunnerError
from engine.job import Status
from engine.journal_file import JournalFile
from engine.journal_tables import ResultRow
from engine.opening import open_run, retry_failed
from engine.past import PastView
from engine.past_rows import PastImages
from engine.places import journal_file, state_folder
from engine.report import report_text
from engine.run import Run
from engine.settings import Settings
from engine.view import ImageState, Page, Phase, Update, Window
from tests.engine.test_control import until
from tests.engine.test_run import fill, finish
from tests.engine.test_runner import end, over


async def first(view: PastView) -> Update:
    """The only one."""
    (update,) = [update async for update in view.updates()]
    return update


def but_for_precision(page: Page) -> Page:
    """A page without what the live run keeps as rounded numbers."""
    return replace(page, rows=tuple(replace(row, seconds=0.0, stages=(), peak=0) for row in page.rows))


async def test_a_run_that_is_over_shows_what_it_showed_while_it_was_there(tmp_path: Path, samples: Path) -> None:
    roots = [fill(tmp_path / "one", samples / "small.jpg", 7), fill(tmp_path / "two", samples / "photo.png", 3)]
    (roots[0] / "broken.jpg").write_bytes((samples / "photo.jpg").read_bytes()[:3000])
    (roots[1] / os.fsdecode(b"\xff.jpg")).write_bytes((samples / "tight.jpg").read_bytes())
    run = Run([str(root) for root in roots], Settings(workers=2, batch_size=4))
    last = (await finish(run))[-1]
    view = await PastView.open(run.info.run_id[:5])
    update = await first(view)
    assert (update.phase, update.states) == (Phase.FINISHED, bytes(run.state.catalog.states))
    assert replace(update.totals, bytes_found=0) == replace(last.totals, bytes_found=0)
    assert replace(view.info, pid=0, started=0.0) == replace(run.info, pid=0, started=0.0)
    for window in (
        Window(),
        Window(count=2, offset=3),
        Window(sort="path", descending=True),
        Window(sort="saved", count=4),
        Window(text="TWO/"),
        Window(states=(ImageState.FAILED,)),
        Window(sort="state", text="i000", states=(ImageState.DONE, ImageState.KEPT)),
    ):
        assert but_for_precision(await view.rows(window)) == but_for_precision(await run.rows(window)), window
    seen, was = await view.batches(0, 10), await run.batches(0, 10)
    assert [replace(row, seconds=0.0) for row in seen] == [replace(row, seconds=0.0) for row in was]
    assert await view.report() == await run.report()
    log = await view.log(0, 100)
    assert log == await run.log(0, 100)
    assert log[-1].text.startswith("finished: 12 of 12")
    row = (await view.rows(Window(text="i0000.png"))).rows[0]
    assert row.stages
    assert row.options
    await view.pause()
    assert await view.cancel_images([str(tmp_path)]) == await view.retry_failed() == 0


async def test_what_was_done_already_is_said_and_not_listed(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    await finish(Run([str(root)], Settings(workers=1)))
    fill(root, samples / "small.png", 1, first=1)
    await finish(Run([str(root)], Settings(workers=1)))
    view = await PastView.open()
    assert [row.path for row in (await view.rows(Window())).rows] == ["i0001.png"]
    assert (await first(view)).totals.found == 1
    assert (await view.log(0, 100))[-1].text.startswith("3 images had been done by earlier runs")
    assert (await view.report())["already"] == 3


@pytest.mark.alone
async def test_a_run_that_was_killed_can_be_looked_at(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    live = await runner.launch([str(root)], Settings(workers=1, batch_size=2))
    await until(live, lambda update: update.totals.done >= 5)
    while len(list(history.ask_journal(lambda file: list(file.results(1))))) < 5:  # noqa: ASYNC110
        await asyncio.sleep(0.02)  # the journal has no event for other processes
    os.kill(live.info.pid, signal.SIGKILL)
    await live.close()
    view = await open_run(live.info.run_id)
    assert isinstance(view, PastView)
    update = await first(view)
    assert update.phase is Phase.INTERRUPTED
    assert update.totals.done >= 5
    report = await view.report()
    assert (report["phase"], report["done"]) == ("interrupted", update.totals.done)
    assert report["imagesPerSecond"] > 0
    assert len(report_text(report).splitlines()) >= 6


async def test_failed_images_of_a_run_that_is_over_are_done_by_a_new_one_and_nothing_else(
    tmp_path: Path, samples: Path
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 4)
    fill(root / "sub", samples / "photo.jpg", 1)
    whole = (root / "sub" / "i0000.jpg").read_bytes()
    (root / "sub" / "i0000.jpg").write_bytes(whole[:2000])
    await finish(Run([str(root)], Settings(workers=1, format="webp")))
    (root / "sub" / "i0000.jpg").write_bytes(whole)
    fill(root, samples / "photo.jpg", 1, first=9)
    view = await retry_failed()
    try:
        last = await over(view)
        assert (last.totals.found, last.totals.done) == (1, 1)
        assert (root / "optimized" / "sub" / "i0000.webp").exists()
        assert not (root / "optimized" / "i0009.webp").exists()
    finally:
        await end(view)
    with pytest.raises(RunnerError, match=r"no image of run .* failed"):
        await retry_failed()


async def test_opening_takes_what_goes_on_before_what_is_over_and_says_when_there_is_neither(
    tmp_path: Path, samples: Path
) -> None:
    for run_id in (None, "abc"):
        with pytest.raises(RunnerError, match="is known"):
            await open_run(run_id)
    root = fill(tmp_path / "in", samples / "photo.jpg", 200)
    going = await runner.launch([str(root)], Settings(workers=1))
    try:
        await going.pause()
        later = Run([str(fill(tmp_path / "other", samples / "small.jpg", 1))], Settings(workers=1))
        await finish(later)
        opened = await open_run()
        assert opened.info == going.info
        await opened.close()
        assert isinstance(await open_run(later.info.run_id), PastView)
    finally:
        await end(going)


def row(number: int, path: bytes, status: Status, sizes: tuple[int, int]) -> ResultRow:
    return ResultRow(1, number, path, status.value, "", "", *sizes, 0.5)


names = st.binary(min_size=1, max_size=6).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(
    st.lists(
        st.tuples(names, st.sampled_from(Status), st.integers(1, 9), st.integers(0, 9), st.integers(1, 3)), max_size=30
    ),
    st.builds(
        Window,
        offset=st.integers(0, 9),
        count=st.integers(0, 9),
        sort=st.sampled_from(["index", "path", "in", "out", "saved", "state", "seconds"]),
        descending=st.booleans(),
        text=st.sampled_from(["", "a", "B", "ä", "."]),
        states=st.sampled_from([(), (ImageState.DONE,), (ImageState.FAILED, ImageState.KEPT)]),
    ),
)
def test_every_window_is_a_cut_of_the_same_order(
    images: list[tuple[bytes, Status, int, int, int]], window: Window
) -> None:
    """Rows come as sorting and filtering all of them would give them; an index is a place among all."""
    file = JournalFile(None)
    number, rows = 0, []
    for name, status, before, after, step in images:
        number += step  # what an earlier run had done leaves gaps
        rows.append(row(number, b"/r/" + name, status, (before, after)))
    file.put(rows, [], [])
    past = PastImages(1, ["/r"], 4)
    past.load(file)
    everything = past.page(file, Window(count=1000)).rows
    assert [each.index for each in everything] == list(range(len(images)))
    assert bytes(past.states) == bytes(each.state for each in everything)
    text = window.text.casefold()
    wanted = [one for one in everything if not window.states or one.state in window.states]
    wanted = [one for one in wanted if text in one.path.casefold()]
    found = past.page(file, replace(window, offset=0, count=1000))
    assert sorted(found.rows, key=lambda one: one.index) == wanted
    assert found.total == len(wanted)
    assert past.page(file, window).rows == found.rows[window.offset : window.offset + window.count]
    batches = past.batches(file, 0, 100)
    assert sum(batch.count for batch in batches) == len(images)
    assert sum(batch.failed for batch in batches) == sum(one.state is ImageState.FAILED for one in everything)
    file.close()


def test_looking_for_a_run_counts_no_images_of_runs_whose_report_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    state_folder().mkdir(parents=True)
    file = JournalFile(journal_file())
    names = ("id", "roots", "paths", "output", "settings", "records")
    for run_id in ("ended", "killed"):
        file.add_run({**dict.fromkeys(names, "[]"), "settings": "{}", "id": run_id, "started": 1.0, "in_place": 0})
    file.end_run(1, "finished", '{"done": 7}')
    file.put([row(1, b"a", Status.DONE, (9, 5))._replace(run=2)], [], [])
    file.close()
    asked: list[int] = []
    plain = JournalFile.counts

    def counts(self: JournalFile, number: int) -> dict[str, tuple[int, int, int]]:
        asked.append(number)
        return plain(self, number)

    monkeypatch.setattr(JournalFile, "counts", counts)
    killed, ended = asyncio.run(history.known_runs())
    assert (ended.report["done"], killed.report["done"], asked) == (7, 1, [2])


def test_a_journal_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = journal_file()
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE runs(id)")
    database.close()
    with pytest.raises(RunnerError, match="cannot be used"):
        asyncio.run(PastView.open())
