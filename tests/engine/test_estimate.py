"""What a run would come to, tried on real images by real workers, with nothing written."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from engine.estimate import Estimate, Sample, estimate
from engine.estimate_report import estimate_text
from engine.run import Run
from engine.settings import Settings

PLAIN = Settings(workers=2)


def tree(folder: Path, samples: Path, names: tuple[str, ...], copies: int = 3) -> Path:
    for number in range(copies):
        place = folder / f"album{number}"
        place.mkdir(parents=True)
        for name in names:
            shutil.copyfile(samples / name, place / name)
    return folder


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        found[str(path)] = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    return found


async def ran(root: Path, settings: Settings) -> dict[str, object]:
    async with Run([str(root)], settings) as run:
        await run.wait()
        return dict(await run.report())


async def test_of_a_small_tree_the_estimate_is_what_the_run_saves(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("photo.jpg", "small.png", "tight.jpg"))
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")

    found = await estimate([str(root)], PLAIN)
    report = await ran(root, PLAIN)

    assert found.exact
    assert found.complete
    assert found.saved is not None
    assert found.failed is not None
    assert found.saved.low == found.saved.value == found.saved.high == report["savedBytes"]
    assert (found.images, found.failed.value) == (report["found"], report["failed"])


async def test_nothing_is_written_anywhere(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("small.jpg",))
    before = listing(tmp_path)

    for settings in (PLAIN, Settings(workers=2, in_place=True), Settings(workers=2, also=("webp",))):
        assert (await estimate([str(root)], settings)).images == 3

    assert listing(tmp_path) == before
    assert not os.path.exists(os.environ["XDG_STATE_HOME"])


async def test_what_is_done_already_is_no_work(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("small.jpg",))
    await ran(root, PLAIN)
    state = listing(Path(os.environ["XDG_STATE_HOME"]))
    (root / "new.jpg").write_bytes((samples / "photo.jpg").read_bytes())

    found = await estimate([str(root)], PLAIN)

    assert (found.images, found.already) == (1, 3)
    assert listing(Path(os.environ["XDG_STATE_HOME"])) == state


async def test_estimates_on_the_way_come_to_the_last(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("photo.jpg", "small.png"), copies=6)
    told: list[Estimate] = []
    ticks = count()

    last = await estimate([str(root)], PLAIN, sample=Sample(6), progress=told.append, clock=lambda: float(next(ticks)))

    assert (told[0].sampled, told[0].saved, told[0].images) == (0, None, 12)
    assert [each.sampled for each in told] == sorted(each.sampled for each in told)
    assert (told[-1].saved, told[-1].complete) == (last.saved, True)


async def test_a_cancelled_estimate_says_that_it_is_not_complete(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("photo.png",), copies=12)
    cancel = asyncio.Event()

    found = await estimate([str(root)], PLAIN, sample=Sample(8), progress=lambda _: cancel.set(), cancel=cancel)

    assert not found.complete
    assert found.sampled < 8
    assert found.time_limit is None


async def test_an_estimate_that_ran_out_of_time_says_how_many_were_planned_and_why(
    tmp_path: Path, samples: Path
) -> None:
    root = tree(tmp_path / "in", samples, ("photo.png",), copies=12)

    found = await estimate([str(root)], PLAIN, sample=Sample(8, 0.0))

    assert (found.complete, found.planned, found.time_limit) == (False, 8, 0.0)
    assert "of the 60 planned, as its 15 seconds were over" in estimate_text(
        replace(found, planned=60, time_limit=15.0)
    )
    assert "as it was interrupted" in estimate_text(replace(found, time_limit=None))


@pytest.mark.parametrize(
    "settings",
    [
        Settings(workers=2, also=("webp",), widths=(32,)),
        Settings(workers=2, format="webp", target_quality=80),
        Settings(workers=2, in_place=True, long_edge=40),
    ],
    ids=["siblings", "target", "in place"],
)
async def test_every_way_to_run_is_estimated_as_it_runs(tmp_path: Path, samples: Path, settings: Settings) -> None:
    root = tree(tmp_path / "in", samples, ("small.jpg", "small.png"), copies=1)

    found = await estimate([str(root)], settings)
    report = await ran(root, settings)

    assert found.saved is not None
    assert found.sibling_bytes is not None
    assert found.saved.value == report["savedBytes"]
    assert (found.siblings, found.sibling_bytes.value) == (report["siblings"], report["siblingBytes"])


async def test_a_name_that_is_taken_is_expected_to_be_left_alone(tmp_path: Path, samples: Path) -> None:
    root = tree(tmp_path / "in", samples, ("small.jpg",), copies=2)
    taken = tmp_path / "out" / "album0" / "small.jpg"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"somebody else's")
    settings = Settings(workers=2, output=str(tmp_path / "out"))

    sure = await estimate([str(root)], settings)
    tried = await estimate([str(root)], replace(settings, overwrite="bigger"))
    report = await ran(root, settings)

    assert tried.skipped is not None
    assert sure.left_out == tried.skipped.value == report["skipped"] == 1
