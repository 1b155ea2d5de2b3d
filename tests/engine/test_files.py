"""Promises of the only place that writes user files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import folders, temps
from engine.errors import Declined, ImageError, Unreadable, WriteFailed
from engine.files import Target
from engine.policy import Overwrite
from engine.source import Source
from engine.transaction import PartFailed, write, write_group
from tests.conftest import ROOT

OLD, NEW = b"old bytes" * 1000, b"new bytes" * 900
TEMP = temps.temp_name("abc", 7)


def source_at(path: Path) -> Path:
    path.write_bytes(OLD)
    return path


def in_place(path: Path) -> Target:
    with Source(str(path)) as source:
        assert source.read() == OLD
        return Target(str(path), TEMP, replaces=source.identity, like=source.status)


_STRACE_CHILD = """
import sys
from engine.files import Target
from engine.temps import temp_name
from engine.source import Source
from engine.transaction import write
path, how = sys.argv[1:]
with Source(path) as source:
    source.read()
data = b"n" * 7000
if how == "unsafe":
    open(path, "wb").write(data)
else:
    write(Target(path, temp_name("t", 1), replaces=source.identity, like=source.status), data)
"""


def contents_at_every_kill(path: Path, how: str) -> set[bytes]:
    """What lies at ``path`` after a writer was killed before each of its state-changing calls in turn."""
    seen = set()
    temp = path.parent / temps.temp_name("t", 1)
    watched = [part for place in (path, temp, path.parent) for part in ("-P", str(place))]
    for call in ("openat", "write", "fsync", "rename", "renameat", "renameat2", "fchmod", "utimensat", "fchown"):
        for number in range(1, 20):
            path.write_bytes(OLD)
            temp.unlink(missing_ok=True)
            inject = ["-e", f"inject={call}:signal=KILL:when={number}", "-o", "/dev/null"]
            run = subprocess.run(
                ["strace", "-qq", *watched, *inject, sys.executable, "-c", _STRACE_CHILD, str(path), how],
                cwd=ROOT,
                check=False,
                capture_output=True,
            )
            data = path.read_bytes() if path.exists() else b"gone"
            seen.add(data[:1] + b"%d" % len(data))
            if run.returncode == 0:
                break
        else:
            raise AssertionError("the writer never came to its end")
    return seen


@pytest.mark.parametrize("how", ["safe", "unsafe"])
def test_a_kill_at_any_call_leaves_the_old_file_or_the_new_one(tmp_path: Path, how: str) -> None:
    """The checker is shown to find the fault in a writer that truncates its target."""
    if subprocess.run(["which", "strace"], check=False, capture_output=True).returncode:
        pytest.skip("needs strace")
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("needs the right to trace processes")
    seen = contents_at_every_kill(tmp_path / "a.jpg", how)
    whole = {b"o%d" % len(OLD), b"n7000"}
    assert (seen == whole) if how == "safe" else not seen <= whole


def test_the_result_never_lies_under_its_final_name_before_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = source_at(tmp_path / "a.jpg")
    order: list[str] = []

    def spy(name: str) -> None:
        real: Callable[..., object] = getattr(os, name)

        def call(*given: object, **more: object) -> object:
            order.append(name)
            if name in ("fsync", "rename") and order.count(name) == 1:
                assert path.read_bytes() == OLD
                temp = tmp_path / TEMP
                assert temp.read_bytes() == NEW
            return real(*given, **more)

        monkeypatch.setattr(os, name, call)

    for name in ("write", "fsync", "rename"):
        spy(name)
    write(in_place(path), NEW)
    assert order == ["write", "fsync", "rename", "fsync"]
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["a.jpg"]


def test_the_temp_is_private_and_never_taken_over_from_somebody_else(tmp_path: Path) -> None:
    path = source_at(tmp_path / "a.jpg")
    victim = source_at(tmp_path / "victim")
    (tmp_path / TEMP).symlink_to(victim)
    target = in_place(path)
    with pytest.raises(WriteFailed):
        write(target, NEW)
    assert victim.read_bytes() == OLD
    assert path.read_bytes() == OLD


def change_bytes(path: Path) -> None:
    path.write_bytes(OLD + b"!")


def change_same_size(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"x" * len(OLD))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_file(path: Path) -> None:
    other = source_at(path.with_name("other"))
    os.replace(other, path)


def make_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


@pytest.mark.parametrize("change", [change_bytes, change_same_size, replace_file, make_link])
def test_a_source_that_changed_since_it_was_read_is_left_alone(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = source_at(tmp_path / "a.jpg")
    target = in_place(path)
    change(path)
    before = path.read_bytes()
    with pytest.raises(ImageError):
        write(target, NEW)
    assert path.read_bytes() == before
    assert not (tmp_path / TEMP).exists()


def test_nothing_appears_where_a_source_was_removed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    path = source_at(tmp_path / "sub" / "a.jpg")
    target = in_place(path)
    path.unlink()
    with pytest.raises(Declined, match="removed"):
        write(target, NEW)
    assert os.listdir(path.parent) == []
    path.parent.rmdir()
    with pytest.raises(WriteFailed, match="folder"):
        write(target, NEW)
    assert os.listdir(tmp_path) == []


def test_in_place_keeps_mode_time_owner_and_attributes(tmp_path: Path) -> None:
    path = source_at(tmp_path / "a.jpg")
    root = os.geteuid() == 0
    if root:
        os.chown(path, 1234, 2345)
    path.chmod(0o640)
    os.utime(path, ns=(1_000_000_001, 1_500_000_000_123_456_789))
    attributes = True
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        attributes = False
    write(in_place(path), NEW)
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_mtime_ns == 1_500_000_000_123_456_789
    assert not root or (status.st_uid, status.st_gid) == (1234, 2345)
    assert not attributes or os.getxattr(path, "user.note") == b"mine"


def test_an_existing_file_that_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    path = source_at(tmp_path / "a.jpg")
    with pytest.raises(Declined, match="exists already"):
        write(Target(str(path), TEMP, overwrite=Overwrite.NEVER), NEW)
    assert path.read_bytes() == OLD
    write(Target(str(tmp_path / "b.jpg"), TEMP, overwrite=Overwrite.NEVER), NEW)
    assert (tmp_path / "b.jpg").read_bytes() == NEW
    assert (tmp_path / "b.jpg").stat().st_nlink == 1
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("place", ["in place", "beside", "group"])
def test_a_full_disk_leaves_the_original_and_no_temp(tmp_path: Path, place: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        path = source_at(disk / "a.jpg")
        target = in_place(path) if place == "in place" else Target(str(disk / "b.jpg"), TEMP)
        if place == "group":
            results = write_group([(target, b"x" * 100_000), (in_place(path), NEW)])
            assert "no space left" in str(results[0].error)
            assert results[1].error is None
        else:
            with pytest.raises(WriteFailed, match="no space left"):
                write(target, b"x" * 100_000)
        assert path.read_bytes() == (NEW if place == "group" else OLD)
        assert os.listdir(disk) == ["a.jpg"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_folders_of_results_are_made_and_a_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    write(Target(str(tmp_path / "x" / "y" / "b.jpg"), TEMP), NEW)
    assert (tmp_path / "x" / "y" / "b.jpg").read_bytes() == NEW
    source_at(tmp_path / "file")
    with pytest.raises(WriteFailed, match="folder"):
        write(Target(str(tmp_path / "file" / "b.jpg"), TEMP), NEW)


def test_sources_are_opened_without_following_or_waiting(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(source_at(tmp_path / "a.jpg"))
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, error in (("link.jpg", Declined), ("pipe.jpg", Declined), ("none.jpg", Unreadable), ("", Declined)):
        with pytest.raises(error):
            Source(str(tmp_path / name))


def test_a_source_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = source_at(tmp_path / "a.jpg")
    with Source(str(path)) as source:
        change_bytes(path)
        with pytest.raises(Unreadable, match="changed"):
            source.read()


def test_the_mark_of_our_folders_is_set_once_and_seen(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert not folders.ours(str(folder))
    folders.mark_ours(str(folder))
    folders.mark_ours(str(folder))
    assert folders.ours(str(folder))
    assert temps.is_temp(TEMP)
    temps.remove_temps(str(folder / "x.jpg"), TEMP, 0)


def test_a_folder_that_became_a_link_leads_no_result_to_the_originals(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = source_at(tmp_path / "in" / "a.jpg")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "in")
    for target in (tmp_path / "out" / "sub" / "a.jpg", tmp_path / "out" / "sub" / "deep" / "a.jpg"):
        with pytest.raises(WriteFailed, match="'sub' is a link"):
            write(Target(str(target), TEMP), NEW)
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path / "in") == ["a.jpg"]


def test_a_source_rewritten_with_the_same_size_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = source_at(tmp_path / "a.jpg")
    with Source(str(path)) as source:
        path.write_bytes(OLD[::-1])
        os.utime(path, ns=(1, 1))
        with pytest.raises(Unreadable, match="changed"):
            source.read()


def test_temps_of_dead_writers_are_removed_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    living, foreign = tmp_path / temps.temp_name("ab12", 1), tmp_path / ".imgopt-notes.tmp"
    folder = os.open(tmp_path, os.O_RDONLY)
    held = temps.create_locked(living.name, folder)
    foreign.touch()
    (tmp_path / temps.temp_name("ab12", 2)).write_bytes(b"half")
    (tmp_path / temps.temp_name("ab12", 3)).symlink_to(foreign)
    try:
        assert temps.remove_stale_temps(str(tmp_path)) == 1
        assert len(os.listdir(tmp_path)) == 3
        assert living.exists()
    finally:
        os.close(held)
        os.close(folder)
    assert temps.remove_stale_temps(str(tmp_path)) == 1
    assert not living.exists()
    assert temps.remove_stale_temps(str(tmp_path / "none")) == 0


def test_parts_of_an_image_get_their_names_together_or_not_at_all(tmp_path: Path) -> None:
    source_at(tmp_path / "file")
    paths = [tmp_path / "a-1.jpg", tmp_path / "file" / "a-2.jpg", tmp_path / "a.jpg", tmp_path / "b.jpg"]
    writes = [(Target(str(path), temps.temp_name("ab", number)), NEW) for number, path in enumerate(paths)]
    written = write_group(writes, images=[0, 0, 0, 1])
    assert [path.exists() for path in paths] == [False, False, False, True]
    assert "folder" in str(written[1].error)
    assert all(isinstance(written[number].error, PartFailed) for number in (0, 2))
    assert sorted(os.listdir(tmp_path)) == ["b.jpg", "file"]
