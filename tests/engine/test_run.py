"""Promises of a whole run in this process, with real workers and real images."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.backup import AREA
from engine.catalog import Folder
from engine.errors import PlanError
from engine.events import Event, Finished
from engine.job import Status
from engine.plan import Found
from engine.report import image_result, report_text
from engine.run import Run
from engine.settings import Settings
from engine.view import ImageState, Phase, Update, Window


def fill(folder: Path, sample: Path, count: int, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        shutil.copyfile(sample, folder / f"i{number:04}{sample.suffix}")
    return folder


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "optimized" not in path.parts
    }


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".imgopt-*") if path.name.endswith(".tmp")]


async def finish(run: Run) -> list[Update]:
    async with asyncio.timeout(100), run:
        return [update async for update in run.updates()]


@pytest.mark.parametrize(
    ("images", "size"), [(1, 75), (74, 75), (75, 75), (76, 75), (150, 75), (12, 1), (76, 10), (76, 74), (76, 200)]
)
async def test_every_image_is_in_one_batch_one_result_and_the_figures(
    tmp_path: Path, samples: Path, images: int, size: int
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", images)
    before = digest(root)
    ended: list[int] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Finished):
            ended.append(event.index)

    run = Run([str(root)], Settings(batch_size=size, workers=2), on_event=on_event)
    updates = await finish(run)
    last = updates[-1]
    assert sorted(ended) == list(range(images))
    assert (last.phase, last.totals.found, last.totals.through) == (Phase.FINISHED, images, images)
    batches = await run.batches(0, 1000)
    assert [row.count for row in batches] == [min(size, images - first) for first in range(0, images, size)]
    assert all(row.complete and row.finished == row.count and row.seconds > 0 for row in batches)
    assert (
        sum(row.bytes_in for row in batches) == last.totals.bytes_in == images * (samples / "small.jpg").stat().st_size
    )
    metrics = run.state.metrics
    assert (metrics.total_processed, metrics.completed_batches, metrics.concurrent_batches) == (images, len(batches), 0)
    assert sum(metrics.per_worker.values()) == images
    report = await run.report()
    assert (report["batches"], report["processed"], report["failed"]) == (len(batches), images, 0)
    assert report["commonBatchSize"] == max(min(size, images), 1) or len(batches) == 2
    assert report["savedBytes"] == report["bytesIn"] - report["bytesOut"] > 0
    assert report["peakMemory"] > 0
    assert len(report_text(report).splitlines()) == 6
    assert digest(root) == before
    assert len(list((root / "optimized").glob("*.jpg"))) == images
    (row,) = (await run.rows(Window(count=1))).rows
    assert sum(row.stages) == pytest.approx(row.seconds, rel=0.01)
    assert "subsample_mode=on" in row.options
    assert last.batch_median > 0
    assert last.gauges.mem_stop > 0
    assert all(free > floor > 0 for _, free, floor in last.gauges.disks)
    assert last.gauges.disks


async def test_a_thousand_images_come_through(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    for number in range(10):
        fill(root / f"d{number}", samples / "tight.jpg", 100)
    run = Run([str(root)], Settings(workers=2))
    updates = await finish(run)
    assert updates[-1].totals.through == 1000
    assert [row.count for row in await run.batches(0, 100)] == [75] * 13 + [25]
    mirror = bytearray()
    for update in updates:
        if update.states is not None:
            mirror = bytearray(update.states)
        for index, state in update.changes:
            mirror.extend(bytes(max(0, index + 1 - len(mirror))))
            mirror[index] = state
    assert mirror == run.state.catalog.states


async def test_workers_killed_all_the_time_lose_no_image(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 120)
    before = digest(root)
    run = Run([str(root)], Settings(workers=2))
    killed = 0

    async def kill() -> None:
        nonlocal killed
        turn = through = 0
        while True:
            await asyncio.sleep(0.2)
            pids = run._pool.pids()
            # On a machine too busy to do some images between two kills one of them would be killed again and again.
            if pids and run.state.totals().through >= through + 5:
                turn, through = turn + 1, run.state.totals().through
                os.kill(list(pids.values())[turn % len(pids)], signal.SIGKILL)
                killed += 1

    killer = asyncio.create_task(kill())
    updates = await finish(run)
    killer.cancel()
    totals = updates[-1].totals
    assert killed >= 3
    assert (totals.through, totals.failed, totals.skipped) == (120, 0, 0)
    assert totals.retried <= killed
    assert len(list((root / "optimized").glob("*.jpg"))) == 120
    assert digest(root) == before
    assert leftovers(tmp_path) == []


async def test_what_is_left_out_is_reported_once_with_its_reason(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 30)
    for number in range(30):
        (root / f"link{number}.jpg").symlink_to("i0000.jpg")
    (root / "bad.png").write_bytes(b"no image")
    ended: list[int] = []
    run = Run(
        [str(root)],
        Settings(batch_size=10, workers=2),
        on_event=lambda event: ended.append(event.index) if isinstance(event, Finished) else None,
    )
    updates = await finish(run)
    totals = updates[-1].totals
    assert sorted(ended) == list(range(61))
    assert (totals.done, totals.skipped, totals.failed) == (30, 30, 1)
    assert run.state.metrics.total_processed == 61
    assert all(row.complete for row in await run.batches(0, 99))
    page = await run.rows(Window(states=(ImageState.FAILED,)))
    assert page.rows[0].path == "bad.png"
    result = image_result(run.state.catalog, page.rows[0].index)
    assert (result["success"], result["status"], result["optimized_path"]) == (False, "failed", "")
    assert result["original_size"] == result["optimized_size"] == 8


async def test_a_kept_original_is_copied_so_that_the_tree_is_complete(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "tight.jpg", 1)
    run = Run([str(root)], Settings(quality=100))
    await finish(run)
    assert run.state.catalog.status(0) is Status.KEPT
    assert (root / "optimized" / "i0000.jpg").stat().st_size <= (root / "i0000.jpg").stat().st_size
    assert run.state.totals().saved >= 0


async def test_a_second_run_over_the_same_folder_sees_the_same_images(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.png", 5)
    for done_already in (0, 5):
        run = Run([str(root)], Settings())
        updates = await finish(run)
        assert updates[-1].totals.found == 5
        assert (updates[-1].totals.failed, updates[-1].totals.skipped) == (0, done_already)


async def test_in_place_replaces_and_a_second_run_keeps(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 4)
    size = (root / "i0000.jpg").stat().st_size
    first = await finish(Run([str(root)], Settings(in_place=True)))
    assert first[-1].totals.done == 4
    assert (root / "i0000.jpg").stat().st_size < size
    assert sorted(os.listdir(root)) == [AREA, *(f"i000{n}.jpg" for n in range(4))]
    assert leftovers(root) == []


async def test_a_cancelled_run_ends_and_says_so_however_many_wait(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    run = Run([str(root)], Settings(workers=2))
    async with asyncio.timeout(30), run:
        async for update in run.updates():
            if update.totals.through and update.phase is Phase.RUNNING:
                await run.cancel()
    assert run.phase is Phase.STOPPED
    totals = run.state.totals()
    assert 0 < totals.through < 300
    assert totals.running == totals.held == 0
    assert len(list((root / "optimized").glob("*.jpg"))) == totals.through
    assert leftovers(root) == []


async def test_leaving_the_context_ends_the_run_at_once(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 200)
    run = Run([str(root)], Settings(workers=2))
    async with asyncio.timeout(20), run:
        await anext(aiter(run.updates()))
    assert run.phase is Phase.STOPPED
    assert leftovers(root) == []


async def test_a_paused_run_stands_still_and_goes_on(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 60)
    run = Run([str(root)], Settings(workers=2))
    paused = False
    async with asyncio.timeout(60), run:
        async for update in run.updates():
            if update.totals.through >= 4 and not paused:
                paused = True
                await run.pause()
            elif update.phase is Phase.PAUSED and not run._pool.active():
                still = run.state.totals().through
                assert still < 60
                assert not run._pool.active()
                await run.resume()
    assert run.state.totals().done == 60


async def test_failed_images_can_be_tried_again_even_at_the_very_end(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 40)
    (root / "a.jpg").write_bytes(b"not yet an image")
    ended: list[int] = []
    run = Run(
        [str(root)],
        Settings(workers=2),
        on_event=lambda event: ended.append(event.index) if isinstance(event, Finished) else None,
    )
    again = 0
    async with asyncio.timeout(60), run:
        async for update in run.updates():
            if update.totals.failed and not again:
                shutil.copyfile(samples / "small.jpg", root / "a.jpg")
                again = await run.retry_failed()
    assert again == 1
    totals = run.state.totals()
    assert (totals.failed, totals.done, totals.waiting) == (0, 41, 0)
    assert len(ended) == 42, "a retry does the failed image once more and no other"


async def test_the_first_batches_are_done_before_the_scan_ends(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 10)
    run = Run([str(root)], Settings(workers=1, batch_size=4))
    scan, goes_on = run._plan.scan, threading.Event()

    def slow(note: Callable[[str], None]) -> Iterator[tuple[Folder, list[Found]]]:
        yield from scan(note)
        goes_on.wait(60)

    monkeypatch.setattr(type(run._plan), "scan", lambda self, note: slow(note))
    async with run:
        try:
            async with asyncio.timeout(20):
                async for update in run.updates():
                    if update.totals.through == 8 and update.totals.scanning:
                        goes_on.set()
            assert update.totals.through == 10
        finally:
            goes_on.set()


async def test_a_scan_that_breaks_ends_the_run_with_a_word(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    run = Run([str(root)], Settings())

    def broken(note: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(type(run._plan), "scan", lambda self, note: iter_once(broken))
    await finish(run)
    assert run.phase is Phase.FAILED
    assert any("boom" in line.text for line in await run.log(0, 100))


def iter_once(broken: object) -> object:
    yield from ()
    raise RuntimeError("boom")


async def test_workers_that_cannot_start_end_the_run_as_failed(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 200)
    monkeypatch.setattr("engine.child.command", lambda module: ["/bin/false"])
    run = Run([str(root)], Settings())
    await finish(run)
    assert run.phase is Phase.FAILED
    assert any("no worker can be started" in line.text for line in await run.log(0, 1000))


def test_a_bad_root_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(PlanError):
        Run([str(tmp_path / "nothing")], Settings())
    assert os.listdir(tmp_path) == []


async def test_images_named_with_bytes_that_are_not_text_come_through(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    for name in (b"\xff\xfe.jpg", b"new\nline.jpg", b"esc\x1b[31m.jpg", b"a.jpg[Q=1].jpg"):
        shutil.copyfile(samples / "small.jpg", os.path.join(os.fsencode(root), name))
    run = Run([str(root)], Settings())
    await finish(run)
    assert run.state.totals().done == 5
    assert sorted(os.listdir(os.fsencode(root / "optimized")))[1:] == sorted(
        name for name in os.listdir(os.fsencode(root)) if name.endswith(b".jpg")
    )


async def test_the_log_names_what_failed(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    (root / "broken.jpg").write_bytes(b"broken")
    run = Run([str(root)], Settings())
    updates = await finish(run)
    lines = [(line.level, line.text) for line in await run.log(0, 1000)]
    assert ("failed", "broken.jpg: not an image") in lines
    assert updates[-1].message == "broken.jpg: not an image"
    assert await run.log(len(lines), 10) == ()


async def test_times_before_1970_and_after_2106_are_kept_in_place(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 4)
    times = {f"i{number:04}.jpg": at * 10**9 + 123 for number, at in enumerate((-86_400, 0, 2**32 + 5, 2**31))}
    for name, at in times.items():
        os.utime(root / name, ns=(at, at))
    await finish(Run([str(root)], Settings(in_place=True)))
    assert (root / "i0000.jpg").stat().st_size < (samples / "photo.jpg").stat().st_size
    assert {name: (root / name).stat().st_mtime_ns for name in times} == times


async def test_a_clock_that_is_set_during_a_run_changes_no_figure_of_it(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 40)
    real, steps = time.time, itertools.cycle((0.0, -86_400.0, 86_400.0, -1e9))
    monkeypatch.setattr(time, "time", lambda: real() + next(steps))
    updates = await finish(Run([str(root)], Settings(workers=2)))
    assert updates[-1].totals.failed == 0
    elapsed = [update.elapsed for update in updates]
    assert elapsed == sorted(elapsed)
    assert 0 <= elapsed[0] <= elapsed[-1] < 100
    assert all(update.eta is None or update.eta >= 0 for update in updates)
    assert all(0 <= worker.seconds < 100 for update in updates for worker in update.workers)
