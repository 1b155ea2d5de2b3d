"""Promises about disks: a full one costs no image, a broken one ends the run, and both are said in a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import disk, guard
from engine.disk import DiskRoom
from engine.events import Event, Finished
from engine.floor import DEFAULT_FLOOR, Floor
from engine.guard import ERRORS, TRIES, DiskGuard
from engine.job import Outcome, Status
from engine.run import Run
from engine.settings import Settings
from engine.view import Phase
from tests.conftest import ROOT
from tests.engine.test_run import digest, fill, finish, leftovers
from tests.test_cli import TOOL, environment

GIB = 1024**3
FILLER = "filler"


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs of that size, as root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def break_writes(monkeypatch: pytest.MonkeyPatch, number: int, flag: Path) -> None:
    """Workers whose writes end with that error as long as ``flag`` exists."""
    monkeypatch.setenv("IMGOPT_TEST_FULL", f"{number} {flag}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("engine.child.command", lambda module: [sys.executable, "-P", "-m", "tests.full_worker"])


def fill_up(folder: Path, leave: int) -> None:
    room = os.statvfs(folder)
    with open(folder / FILLER, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - leave)


async def remount(folder: Path, how: str) -> None:
    """Tried again while a write of the run keeps the disk busy."""
    async with asyncio.timeout(20):
        while True:
            mount = await asyncio.create_subprocess_exec(
                "mount", "-o", f"remount,{how}", folder, stderr=asyncio.subprocess.DEVNULL
            )
            if await mount.wait() == 0:
                return


async def waiting(run: Run) -> None:
    async for update in run.updates():
        assert not update.phase.over
        if update.waits_for:
            assert update.phase is Phase.PAUSED
            return


async def test_a_run_waits_for_room_and_goes_on_and_no_image_fails(tmp_path: Path, samples: Path) -> None:
    """The floor is off: writes themselves meet the end of the disk."""
    with small_disk(tmp_path / "small", "4m") as small:
        root = fill(tmp_path / "in", samples / "photo.png", 12)
        fill_up(small, 200_000)
        events: list[Event] = []
        settings = Settings(output=str(small / "out"), min_free=Floor(), workers=2, effort="fast")
        async with asyncio.timeout(60), Run([str(root)], settings, on_event=events.append) as run:
            await waiting(run)
            assert f"no room in {small}" in (run.update(-1).waits_for)
            assert not leftovers(small)
            (small / FILLER).unlink()
            await remount(small, "size=20m")
            await run.wait()
        totals = run.state.totals()
        assert (run.phase, totals.failed, totals.done + totals.kept) == (Phase.FINISHED, 0, 12)
        assert len([event for event in events if isinstance(event, Finished)]) == 12
        assert not run.limit
        assert any("there is room again" in line.text for line in await run.log(0, 1000))


def test_without_a_terminal_a_full_disk_ends_the_run_with_code_4_and_whole_files(tmp_path: Path, samples: Path) -> None:
    with small_disk(tmp_path / "small", "4m") as small:
        root = fill(small / "in", samples / "small.png", 10)
        before = digest(root)
        fill_up(small, 4096)
        command = [*TOOL[:-1], "tui.__main__", "run", str(root), "--in-place", "--min-free", "0", "--workers", "2"]
        for more, code in (([], 4), (["--on-full", "stop", "--min-free", "1M"], 4)):
            run = subprocess.run([*command, *more], env=environment(), capture_output=True, timeout=60, check=False)
            assert run.returncode == code, run.stderr
            assert f"no room in {small}" in run.stderr.decode()
            assert "failed" not in run.stderr.decode()
            assert {name: sum_ for name, sum_ in digest(root).items() if "backups" not in name} == before
            assert not leftovers(small)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_any_user_can_see_that_a_write_without_room_is_done_again(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A worker whose disk is full as long as FOLDER/full exists."""
    root = fill(tmp_path / "in", samples / "small.jpg", 20)
    (tmp_path / "full").touch()
    break_writes(monkeypatch, number, tmp_path / "full")
    monkeypatch.setattr("engine.disk.has_room", lambda folder, size: not (tmp_path / "full").exists())
    before = digest(root)
    async with asyncio.timeout(60), Run([str(root)], Settings(in_place=True, workers=2)) as run:
        await waiting(run)
        assert run.state.totals().through == 0
        assert {name: sum_ for name, sum_ in digest(root).items() if "backups" not in name} == before
        (tmp_path / "full").unlink()
        await run.wait()
    totals = run.state.totals()
    assert (run.phase, totals.failed, totals.done + totals.kept) == (Phase.FINISHED, 0, 20)


async def test_a_file_system_that_is_or_becomes_read_only_ends_the_run(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LOOK_SECONDS", 0.05)
    with small_disk(tmp_path / "small", "40m") as small:
        root = fill(small / "in", samples / "photo.jpg", 200)
        settings = Settings(in_place=True, backup_folder=str(tmp_path / "kept"), workers=2)
        async with asyncio.timeout(60), Run([str(root)], settings) as run:
            async for update in run.updates():
                if update.totals.through:
                    break
            await run.pause()  # a disk that is written to cannot be remounted
            await remount(small, "ro")
            await run.resume()
            after = digest(root)
            await run.wait()
        for ended in (run, second := Run([str(root)], settings)):
            if ended is second:
                await finish(second)
            assert ended.phase is Phase.STOPPED
            assert f"the file system at {small} is read-only" in ended.limit
            assert digest(root) == after
        assert second.state.totals().through == 0


async def test_images_that_the_file_system_fails_in_a_row_end_the_run(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 100)
    before = digest(root)
    (tmp_path / "broken").touch()
    break_writes(monkeypatch, errno.EIO, tmp_path / "broken")
    run = Run([str(root)], Settings(in_place=True, workers=2))
    await finish(run)
    assert run.phase is Phase.STOPPED
    assert f"{ERRORS} images in a row failed" in run.limit
    assert "input/output error" in run.limit
    assert ERRORS <= run.state.totals().failed < 100
    assert {name: sum_ for name, sum_ in digest(root).items() if "backups" not in name} == before


async def test_a_file_system_that_goes_away_ends_the_run(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LOOK_SECONDS", 0.05)
    root = fill(tmp_path / "in", samples / "photo.jpg", 300)
    async with asyncio.timeout(60), Run([str(root)], Settings(output=str(tmp_path / "out"), workers=2)) as run:
        async for update in run.updates():
            if update.totals.through:
                break
        os.rename(root, tmp_path / "elsewhere")
        await run.wait()
        assert run.phase is Phase.STOPPED
        assert run.limit.startswith(f"stopped: {root} is not the folder it was")


def made(room: DiskRoom, *, pauses: bool = True) -> tuple[DiskGuard, list[str]]:
    calls: list[str] = []

    def pause() -> bool:
        calls.append("pause")
        return calls.count("pause") == 1

    it = DiskGuard(
        room,
        pauses=pauses,
        pause=pause,
        resume=lambda: calls.append("resume"),
        stop=lambda: calls.append("stop"),
        note=lambda level, text: None,
    )
    return it, calls


class Room(DiskRoom):
    """Its answers are ours to give."""

    def __init__(self) -> None:
        super().__init__((), (), DEFAULT_FLOOR)
        self.short: disk.Shortage | None = None

    def shortage(self) -> disk.Shortage | None:
        return self.short


def test_room_that_comes_back_lets_go_on_only_what_its_lack_had_paused() -> None:
    room = Room()
    it, calls = made(room)
    for _ in range(2):
        room.short = disk.Shortage("/srv", 10, 100)
        it.look()
        it.look()
        assert it.waits_for == "no room in /srv: 10 B free, 100 B needed; goes on when there is"
        room.short = None
        it.look()
        assert it.waits_for == ""
    assert calls == ["pause", "resume", "pause"]  # the second time the user had paused it already


def test_only_errors_of_the_file_system_on_different_images_in_a_row_end_a_run() -> None:
    it, calls = made(Room())
    bad = Outcome(Status.FAILED, "input/output error", errno=errno.EIO)
    for index in range(ERRORS - 1):
        assert not it.takes_back(Finished(index, 0, bad), 1)
    it.takes_back(Finished(0, 0, bad), 1)
    it.takes_back(Finished(50, 0, Outcome(Status.FAILED, "damaged")), 1)
    assert calls == []
    it.takes_back(Finished(51, 0, Outcome(Status.DONE)), 1)
    for index in range(ERRORS):
        it.takes_back(Finished(index, 0, bad), 1)
    assert calls == ["stop"]
    assert "input/output error" in it.limit


def test_an_image_that_never_finds_the_room_that_is_there_fails_in_the_end() -> None:
    it, _ = made(Room())
    full = Outcome(Status.FAILED, "no space", errno=errno.ENOSPC, at="/")
    tries = [it.takes_back(Finished(7, 0, full), 1) for _ in range(TRIES + 1)]
    assert tries == [True] * TRIES + [False]
    assert it.takes_back(Finished(8, 0, full), 1)


def test_a_run_that_is_not_to_wait_ends_at_the_first_full_disk() -> None:
    it, calls = made(Room(), pauses=False)
    full = Outcome(Status.FAILED, "no space", errno=errno.ENOSPC, at="/")
    assert it.takes_back(Finished(1, 0, full), 1)
    assert it.takes_back(Finished(2, 0, full), 1)
    assert calls == ["stop"]
    assert "no room in /" in it.limit


@pytest.mark.parametrize(
    ("text", "total", "free"), [("0", GIB, 0), ("5%", GIB, GIB // 20), ("64M", GIB, 64 * 1024**2), ("2G", GIB, 2 * GIB)]
)
def test_a_floor_is_a_size_or_a_share(text: str, total: int, free: int) -> None:
    assert Floor.parse(text).of(total) == free


def test_nothing_set_leaves_64_mib_free_and_asks_little_of_a_small_disk() -> None:
    assert DEFAULT_FLOOR.of(100 * GIB) == 64 * 1024**2
    assert DEFAULT_FLOOR.of(100 * 1024**2) == 5 * 1024**2


def test_the_floor_is_asked_for_where_results_will_go_although_nothing_is_there_yet(tmp_path: Path) -> None:
    room = DiskRoom([str(tmp_path / "not" / "yet")], [], Floor(bytes=2**60))
    short = room.shortage()
    assert short is not None
    assert short.mount == disk.mount_of(str(tmp_path))
    assert DiskRoom([str(tmp_path)], [], Floor()).shortage() is None


def test_room_is_tried_by_writing_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk.has_room(str(tmp_path), 100_000)

    def full(fd: int, size: int) -> None:
        raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(disk, "_fill", full)
    assert not disk.has_room(str(tmp_path), 100_000)
    room = DiskRoom([], [], Floor())
    room.met(str(tmp_path), 10)
    assert "a quota or its number of files is used up" in str(room.shortage())
    monkeypatch.undo()
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    assert disk.has_room(str(tmp_path), 100_000)
    assert room.shortage() is None
    assert os.listdir(tmp_path) == []
