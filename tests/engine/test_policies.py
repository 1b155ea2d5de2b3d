"""Promises about files that are special: links, devices, modes, attributes, and places that cannot be written to."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from engine.backup import AREA
from engine.catalog import Catalog
from engine.errors import PlanError
from engine.files import ACL
from engine.job import Outcome, Status
from engine.ledger import Entry
from engine.plan import make_plan
from engine.room import BackupRoom
from engine.run import Run
from engine.settings import Settings
from engine.source import Identity
from tests.conftest import ROOT


def results(root: Path, **settings: Any) -> dict[str, tuple[Status | None, str]]:
    """State and reason of each image by its name, after a run."""

    async def go() -> Catalog:
        async with Run([str(root)], Settings(workers=1, **settings)) as run:
            await run.wait()
        return run.state.catalog

    catalog = asyncio.run(go())
    return {catalog.name(at): (catalog.status(at), catalog.reason(at)) for at in range(len(catalog))}


def test_in_place_each_kind_of_file_has_its_policy(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for name in ("plain", "readonly", "setuid", "noted", "one"):
        shutil.copy(samples / "photo.jpg", root / f"{name}.jpg")
    os.link(root / "one.jpg", root / "two.jpg")
    (root / "readonly.jpg").chmod(0o444)
    (root / "setuid.jpg").chmod(0o6755)
    os.setxattr(root / "noted.jpg", "user.note", b"mine")
    listed = _with_access_list(Path(shutil.copy(samples / "photo.jpg", root / "listed.jpg")))
    outside = shutil.copy(samples / "photo.jpg", tmp_path / "outside.jpg")
    (root / "link.jpg").symlink_to(outside)
    os.mkfifo(root / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(root / "socket.jpg"))
        found = results(root, in_place=True)
    expected = {
        "plain.jpg": (Status.DONE, ""),
        "readonly.jpg": (Status.DONE, ""),
        "setuid.jpg": (Status.DONE, ""),
        "noted.jpg": (Status.DONE, ""),
        "listed.jpg": (Status.DONE, ""),
        "one.jpg": (Status.SKIPPED, "2 hard links, which replacing it would split"),
        "two.jpg": (Status.SKIPPED, "2 hard links, which replacing it would split"),
        "link.jpg": (Status.SKIPPED, "a symbolic link, which is not followed"),
        "pipe.jpg": (Status.SKIPPED, "not a regular file"),
        "socket.jpg": (Status.SKIPPED, "not a regular file"),
    }
    assert found == expected
    modes = {name: stat.S_IMODE((root / f"{name}.jpg").stat().st_mode) for name in ("readonly", "setuid")}
    assert modes == {"readonly": 0o444, "setuid": 0o755}
    assert os.getxattr(root / "noted.jpg", "user.note") == b"mine"
    assert not listed or os.getxattr(root / "listed.jpg", ACL) == listed
    assert Path(outside).read_bytes() == (samples / "photo.jpg").read_bytes()
    assert (root / "one.jpg").stat().st_ino == (root / "two.jpg").stat().st_ino


def _with_access_list(path: Path) -> bytes:
    """Let user 1234 read a file; the list as the kernel keeps it (acl(5)), empty where there are none."""
    entries = ((0x01, 6, 2**32 - 1), (0x02, 4, 1234), (0x04, 0, 2**32 - 1), (0x10, 4, 2**32 - 1), (0x20, 0, 2**32 - 1))
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, ACL, listed)
    except OSError:
        return b""
    return listed


_AS_NOBODY = """
import os, sys
from pathlib import Path
from engine.job import Job, Recipe
from engine.pipeline import Needs, prepare
from tests.engine.replaced import replace_all
root = Path(sys.argv[1])
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
path = str(root / "closed" / "a.jpg")
outcome = prepare(Job(0, path, path, Recipe()), 2**30, "t", lambda *given: None, 0.0)
print(outcome.status, outcome.reason)
print(replace_all(root / "open", root / "area")[0].error)
"""


def test_an_ordinary_user_replaces_nothing_in_a_closed_folder_nor_what_belongs_to_others(samples: Path) -> None:
    """The second is also what ``protected_hardlinks`` would not let be linked."""
    if os.geteuid():
        pytest.skip("needs root, to become somebody else")
    root = Path(tempfile.mkdtemp(prefix="iot-"))
    try:
        for name, mode in (("closed", 0o555), ("open", 0o777), ("area", 0o777)):
            (root / name).mkdir()
            shutil.copy(samples / "small.jpg", root / name / "a.jpg")
            (root / name).chmod(mode)
        (root / "area" / "a.jpg").unlink()
        root.chmod(0o755)
        before = Identity.of((root / "open" / "a.jpg").stat())
        child = [sys.executable, "-c", _AS_NOBODY, str(root)]
        lines = subprocess.run(child, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        assert lines[0].startswith("failed not writable: its folder cannot be changed (permission denied)")
        assert lines[1] == "belongs to another user or group, which the result could not keep"
        assert Identity.of((root / "open" / "a.jpg").stat()) == before
        assert os.listdir(root / "area") == []
        assert os.listdir(root / "open") == ["a.jpg"]
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("given", [{"replace": True}, {"in_place": True, "replace": True}])
def test_replace_without_a_conversion_in_place_is_refused_before_anything(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(PlanError, match="--in-place and --format"):
        make_plan([str(tmp_path)], Settings(**given))


def test_a_folder_of_results_takes_over_what_preserve_names(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    path = Path(shutil.copy(samples / "photo.jpg", root / "a.jpg"))
    os.setxattr(path, "user.note", b"mine")
    path.chmod(0o4640)
    os.utime(path, ns=(10**18, 10**18))
    if owned := os.geteuid() == 0:
        os.chown(path, 1234, 2345)
        path.chmod(0o4640)
    results(root, output=str(tmp_path / "plain"))
    results(root, output=str(tmp_path / "full"), preserve=("time", "owner", "xattr"))
    plain, full = (tmp_path / name / "a.jpg" for name in ("plain", "full"))
    assert stat.S_IMODE(plain.stat().st_mode) == stat.S_IMODE(full.stat().st_mode) == 0o640
    assert os.listxattr(plain) == []
    assert plain.stat().st_mtime_ns != 10**18
    assert (os.getxattr(full, "user.note"), full.stat().st_mtime_ns) == (b"mine", 10**18)
    assert not owned or (plain.stat().st_uid, full.stat().st_uid, full.stat().st_gid) == (0, 1234, 2345)


def test_an_attribute_that_cannot_be_kept_is_said(tmp_path: Path, samples: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "ramfs", "none", str(disk)], check=False).returncode:
        pytest.skip("needs the right to mount a file system without attributes")
    try:
        root = tmp_path / "in"
        root.mkdir()
        os.setxattr(shutil.copy(samples / "photo.jpg", root / "a.jpg"), "user.note", b"mine")
        found = results(root, output=str(disk / "out"), preserve=("xattr",))
        assert found == {"a.jpg": (Status.DONE, "without user.note, which could not be kept")}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("marked", ["a.jpg", "."])
def test_what_is_marked_immutable_is_not_writable_before_any_work(tmp_path: Path, samples: Path, marked: str) -> None:
    root = tmp_path / "in"
    root.mkdir()
    path = Path(shutil.copy(samples / "photo.jpg", root / "a.jpg"))
    if subprocess.run(["chattr", "+i", root / marked], check=False, capture_output=True).returncode:
        pytest.skip("needs root and a file system with flags")
    try:
        found = results(root, in_place=True, backup_folder=str(tmp_path / "kept"))
    finally:
        subprocess.run(["chattr", "-i", root / marked], check=True)
    status, reason = found["a.jpg"]
    assert (status, reason.startswith("not writable: ")) == (Status.FAILED, True)
    assert path.read_bytes() == (samples / "photo.jpg").read_bytes()


def test_a_file_system_mounted_in_a_root_is_entered_and_its_originals_are_copied(tmp_path: Path, samples: Path) -> None:
    disk = tmp_path / "in" / "disk"
    disk.mkdir(parents=True)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        shutil.copy(samples / "photo.jpg", disk / "a.jpg")
        assert results(tmp_path / "in", in_place=True)["a.jpg"] == (Status.DONE, "")
        (backup,) = (tmp_path / "in" / AREA).glob("*/*-a.jpg")
        assert backup.read_bytes() == (samples / "photo.jpg").read_bytes()
        assert (disk / "a.jpg").stat().st_size < backup.stat().st_size
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_with_replace_a_converted_source_goes_into_the_backups(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(samples / "photo.jpg", root / "a.jpg")
    found = results(root, in_place=True, format="webp", replace=True)
    assert found == {"a.jpg": (Status.DONE, "")}
    assert sorted(os.listdir(root)) == [AREA, "a.webp"]
    (backup,) = (root / AREA).glob("*/*-a.jpg")
    assert backup.read_bytes() == (samples / "photo.jpg").read_bytes()


def test_what_the_backups_may_not_hold_is_skipped(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    size = (samples / "photo.jpg").stat().st_size
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.copy(samples / "photo.jpg", root / name)
    found = results(root, in_place=True, backup_limit=2 * size)
    assert [status for status, _ in found.values()] == [Status.DONE, Status.DONE, Status.SKIPPED]
    assert "--backup-limit" in found["c.jpg"][1]
    assert (root / "c.jpg").read_bytes() == (samples / "photo.jpg").read_bytes()


def test_room_that_an_image_did_not_need_is_free_again() -> None:
    room = BackupRoom(100)
    assert room.claim(0, 60)
    assert not room.claim(1, 60)
    room.settle(0, Outcome(Status.KEPT))
    assert room.claim(1, 60)
    entry = Entry("a", Identity(1, 1, 60, 1, 1), "", "", backup="b")
    room.settle(1, Outcome(Status.DONE, entry=entry))
    assert room.held == 60
    assert not room.claim(2, 41)
    assert room.claim(2, 40)
    assert BackupRoom(None).claim(0, 10**18)
