"""Promises about what a run knows of earlier ones: nothing is done twice, nothing lossy made from its own kind."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from engine.history import known_runs
from engine.job import Status
from engine.journal_file import JournalFile
from engine.known import hash_file
from engine.ledger import MARK, ledgers, read_ledger
from engine.places import state_folder
from engine.run import Run
from engine.settings import Settings
from engine.source import Identity
from engine.view import Phase
from tests.engine.test_run import digest, finish
from tests.pools import FAULTY

AVIF = (
    Path(__file__).parent.parent
    / "data"
    / "avif-linku__plum-blossom-small.profile0.8bpc.yuv420.alpha-limited.monochrome.avif"
)
IN_PLACE = Settings(in_place=True, workers=2)


def make_tree(root: Path, samples: Path) -> Path:
    """A lossy photo, a lossless drawing, an AVIF, and one that is as small as can be."""
    root.mkdir(parents=True)
    for name in ("photo.jpg", "small.png", "tight.jpg"):
        shutil.copy(samples / name, root)
    shutil.copy(AVIF, root / "view.avif")
    return root


async def outcomes(root: Path, settings: Settings, **how: str) -> tuple[dict[str, tuple[Status, str]], Run]:
    """By file name, how each image ended and why."""
    run = Run([str(root)], settings, **how)  # type: ignore[arg-type]
    await finish(run)
    assert run.phase is Phase.FINISHED
    catalog = run.state.catalog
    ends = {catalog.name(index): (catalog.status(index), catalog.reason(index)) for index in range(len(catalog))}
    return ends, run  # type: ignore[return-value]


def done_already(ends: dict[str, tuple[Status, str]]) -> bool:
    return all(status is Status.SKIPPED and reason.startswith("done already") for status, reason in ends.values())


async def warnings(run: Run) -> list[str]:
    return [line.text for line in await run.log(0, 1000) if line.level in ("warning", "error")]


async def test_in_place_nothing_is_done_twice_also_when_moved_copied_or_touched(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    ends, _ = await outcomes(root, IN_PLACE)
    assert Counter(status for status, _ in ends.values())[Status.DONE] >= 3
    before = digest(root)
    ends, run = await outcomes(root, IN_PLACE)
    assert done_already(ends)
    assert run.state.already == len(ends) == 4
    assert digest(root) == before

    moved = root.rename(tmp_path / "elsewhere")
    (moved / "photo.jpg").rename(moved / "renamed.jpg")
    (moved / "view.avif").chmod(0o600)
    shutil.copyfile(moved / "small.png", moved / "copy.png")
    os.utime(moved / "small.png", ns=(0, 0))
    before = digest(moved)
    ends, _ = await outcomes(moved, IN_PLACE)
    assert done_already(ends)
    assert len(ends) == 5
    assert digest(moved) == before


async def test_a_file_that_was_exported_again_or_put_back_is_done_again(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    original = (root / "photo.jpg").read_bytes()
    times = os.stat(root / "photo.jpg").st_mtime_ns
    await outcomes(root, IN_PLACE)
    result = (root / "photo.jpg").read_bytes()
    (root / "photo.jpg").write_bytes(original)
    os.utime(root / "photo.jpg", ns=(times, times))
    ends, _ = await outcomes(root, IN_PLACE)
    assert ends["photo.jpg"][0] is Status.DONE
    assert (root / "photo.jpg").read_bytes() == result


async def test_a_lossy_result_is_made_anew_only_from_its_kept_original(tmp_path: Path, samples: Path) -> None:
    root, fresh = make_tree(tmp_path / "in", samples), make_tree(tmp_path / "fresh", samples)
    lower, higher = Settings(in_place=True, quality=40), Settings(in_place=True, quality=90)
    await outcomes(fresh, higher)
    for settings in (IN_PLACE, lower, higher):  # the last original is a backup of a backup
        ends, _ = await outcomes(root, settings)
        assert ends["photo.jpg"] == (Status.DONE, "")
    assert (root / "photo.jpg").read_bytes() == (fresh / "photo.jpg").read_bytes()
    assert done_already((await outcomes(root, higher))[0])

    shutil.rmtree(root / ".imgopt-backups")
    before = digest(root)
    ends, _ = await outcomes(root, lower)
    assert "original is not kept" in ends["photo.jpg"][1]
    assert digest(root)["photo.jpg"] == before["photo.jpg"]
    ends, _ = await outcomes(root, Settings(in_place=True, quality=40, force=True))
    assert ends["photo.jpg"][0] is Status.DONE
    assert digest(root)["photo.jpg"] != before["photo.jpg"]


async def test_an_original_that_is_better_after_all_comes_back(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    original = hash_file(str(root / "photo.jpg"))
    await outcomes(root, Settings(in_place=True, metadata="keep", quality=40))
    strict = Settings(in_place=True, metadata="keep").with_values({"min_savings": "99%"})
    ends, _ = await outcomes(root, strict)
    assert ends["photo.jpg"][0] is Status.KEPT
    assert hash_file(str(root / "photo.jpg")) == original


async def test_a_lost_journal_is_made_again_from_what_lies_beside_the_backups(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    await outcomes(root, IN_PLACE)
    before = digest(root)
    shutil.rmtree(state_folder())
    moved = root.rename(tmp_path / "moved")
    shutil.copyfile(samples / "photo.jpg", moved / "new.jpg")
    (moved / "view.avif").rename(moved / "other.avif")
    ends, _ = await outcomes(moved, IN_PLACE)
    assert {name for name, end in ends.items() if end[1].startswith("done already")} >= {"other.avif", "small.png"}
    assert ends["new.jpg"][0] is Status.DONE
    assert digest(moved)["other.avif"] == before["view.avif"]


@pytest.mark.parametrize("remember", ["journal", "xattr"])
async def test_an_output_tree_is_completed_and_nothing_in_it_written_again(
    tmp_path: Path, samples: Path, remember: str
) -> None:
    root, settings = make_tree(tmp_path / "in", samples), Settings(remember=remember)
    await outcomes(root, settings)
    assert not list((state_folder() / "records").iterdir()), "what the journal has is not kept twice"
    results = {path.name: Identity.of(path.stat()) for path in (root / "optimized").glob("*.*")}
    if remember == "xattr":
        if MARK not in os.listxattr(root / "optimized" / "photo.jpg"):
            pytest.skip("the file system of the temporary folder has no extended attributes")
        shutil.rmtree(state_folder())
    (root / "optimized" / "view.avif").unlink()
    (root / "small.png").write_bytes((samples / "photo.png").read_bytes())
    ends, _ = await outcomes(root, settings)
    assert {name for name, end in ends.items() if not end[1].startswith("done already")} == {"view.avif", "small.png"}
    for name in ("photo.jpg", "tight.jpg"):
        assert Identity.of((root / "optimized" / name).stat()) == results[name]
    assert done_already((await outcomes(root, settings))[0])
    ends, _ = await outcomes(root, Settings(remember=remember, quality=40))
    assert ends["photo.jpg"] == (Status.DONE, ""), "an original stays one, whatever was made of it"


async def test_marks_in_the_files_are_enough_in_place(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    settings = Settings(in_place=True, remember="xattr", backup=False)
    await outcomes(root, settings)
    if MARK not in os.listxattr(root / "photo.jpg"):
        pytest.skip("the file system of the temporary folder has no extended attributes")
    before = digest(root)
    for again in (settings, Settings(in_place=True, quality=40)):
        shutil.rmtree(state_folder())
        ends, _ = await outcomes(root, again)
        assert ends["photo.jpg"][0] is Status.SKIPPED
        assert digest(root)["photo.jpg"] == before["photo.jpg"]


async def test_siblings_that_are_gone_are_made_again(tmp_path: Path, samples: Path) -> None:
    root, settings = make_tree(tmp_path / "in", samples), Settings(widths=(100,))
    await outcomes(root, settings)
    (root / "optimized" / "photo-100.jpg").unlink()
    ends, _ = await outcomes(root, settings)
    assert [name for name, (_, reason) in ends.items() if not reason.startswith("done already")] == ["photo.jpg"]
    assert (root / "optimized" / "photo-100.jpg").exists()
    assert done_already((await outcomes(root, settings))[0])


async def test_nothing_is_remembered_where_that_is_wanted(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    ends = [(await outcomes(root, Settings(remember="none")))[0] for _ in range(2)]
    assert ends[0] == ends[1]
    assert not list(state_folder().glob("journal*"))
    assert not (state_folder() / "records").exists()


def _overwrite_pages(path: Path) -> None:
    chance, data = random.Random(4), bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096, 2):
        data[page * 4096 : (page + 1) * 4096] = chance.randbytes(4096)
    path.write_bytes(data)


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "pages": (_overwrite_pages, "was damaged"),
    "half": (lambda path: os.truncate(path, 10_000), "was damaged"),
    "text": (lambda path: path.write_text("not a database" * 500), "was damaged"),
    "newer": (_newer, "newer version"),
    "folder": (_folder, "cannot be used"),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_journal_that_cannot_be_read_costs_no_image(tmp_path: Path, samples: Path, name: str) -> None:
    root = make_tree(tmp_path / "in", samples)
    await outcomes(root, IN_PLACE)
    before = digest(root)
    damage, said = DAMAGES[name]
    damage(state_folder() / "journal.sqlite")
    ends, run = await outcomes(root, IN_PLACE)
    assert done_already(ends)
    assert digest(root) == before
    found = await warnings(run)
    assert len(found) == 1
    assert said in found[0]
    if said == "was damaged":
        assert list(state_folder().glob("journal.sqlite.damaged-*"))
        assert await warnings((await outcomes(root, IN_PLACE))[1]) == []


async def test_a_journal_whose_maker_was_killed_before_it_held_anything_knows_of_no_run() -> None:
    state_folder().mkdir(parents=True)
    sqlite3.connect(state_folder() / "journal.sqlite").execute("PRAGMA journal_mode=WAL").connection.close()
    assert await known_runs() == []


async def test_a_journal_that_another_process_keeps_locked_costs_no_image(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.journal_file.LOCK_SECONDS", 0.1)
    root = make_tree(tmp_path / "in", samples)
    shutil.copy(samples / "photo.jpg", tmp_path / "photo.jpg")
    await outcomes(root, IN_PLACE)
    shutil.move(tmp_path / "photo.jpg", root / "new.jpg")
    other = sqlite3.connect(state_folder() / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    ends, run = await outcomes(root, IN_PLACE)
    other.execute("ROLLBACK")
    other.close()
    assert ends.pop("new.jpg")[0] is Status.DONE
    assert done_already(ends)
    assert ["locked" in line for line in await warnings(run)] == [True]
    assert done_already((await outcomes(root, IN_PLACE))[0]), "the ledgers told what the journal could not be told"


async def test_a_full_disk_ends_the_writing_down_and_not_the_run(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_tree(tmp_path / "in", samples)
    put, full = JournalFile.put, sqlite3.OperationalError("database or disk is full")

    def fails(self: JournalFile, *rows: object) -> None:
        if self.path is not None:
            raise full
        put(self, *rows)  # type: ignore[arg-type]

    monkeypatch.setattr(JournalFile, "put", fails)
    ends, run = await outcomes(root, IN_PLACE)
    assert ends["photo.jpg"][0] is Status.DONE
    assert ["disk is full" in line for line in await warnings(run)] == [True]
    monkeypatch.undo()
    assert done_already((await outcomes(root, IN_PLACE))[0])


async def test_what_crashed_workers_twice_is_set_aside_until_it_changes_or_is_asked_for(
    tmp_path: Path, samples: Path
) -> None:
    root = tmp_path / "in"
    root.mkdir()
    shutil.copyfile(samples / "small.png", root / "abort.png")
    shutil.copyfile(samples / "small.jpg", root / "fine.jpg")

    async def ends_of(settings: Settings) -> dict[str, tuple[Status, str]]:
        run = Run([str(root)], settings)
        run._pool.workers._module = FAULTY
        await finish(run)
        catalog = run.state.catalog
        return {catalog.name(index): (catalog.status(index), catalog.reason(index)) for index in range(len(catalog))}  # type: ignore[misc]

    assert (await ends_of(Settings()))["abort.png"][0] is Status.FAILED
    (root / "abort.png").rename(root / "abort-renamed.png")
    status, reason = (await ends_of(Settings()))["abort-renamed.png"]
    assert status is Status.SKIPPED
    assert "set aside" in reason
    assert "--retry-quarantined" in reason
    assert (await ends_of(Settings(retry_quarantined=True)))["abort-renamed.png"][0] is Status.FAILED
    (root / "abort-renamed.png").write_bytes((samples / "photo.png").read_bytes())
    assert (await ends_of(Settings()))["abort-renamed.png"][0] is Status.FAILED, "another picture is tried"


async def test_what_a_worker_hung_on_counts_once_for_each_run(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    shutil.copyfile(samples / "small.png", root / "hang.png")
    ends = []
    for _ in range(3):
        run = Run([str(root)], Settings(timeout=1, workers=1))
        run._pool.workers._module = FAULTY
        await finish(run)
        ends.append(run.state.catalog.status(0))
    assert ends == [Status.FAILED, Status.FAILED, Status.SKIPPED]


async def test_ledgers_and_journal_agree_on_every_image(tmp_path: Path, samples: Path) -> None:
    root = make_tree(tmp_path / "in", samples)
    _, run = await outcomes(root, IN_PLACE)
    folder = root / ".imgopt-backups" / run.info.run_id
    entries = [entry for path in ledgers(str(folder)) for entry in read_ledger(path)]
    file = JournalFile(state_folder() / "journal.sqlite")
    assert len(entries) == 4
    for entry in entries:
        (mark,) = file.marks(bytes.fromhex(entry.after_hash))
        assert (mark.recipe, mark.kept, mark.lossy) == (entry.recipe, entry.kept, entry.lossy)
        assert file.hash_of(os.stat(entry.target)) == bytes.fromhex(entry.after_hash)
    assert sum(images for images, _, _ in file.counts(1).values()) == 4
    file.forget(entries)
    assert {mark.lossy for entry in entries for mark in file.marks(bytes.fromhex(entry.after_hash))} == {True}
    file.close()
