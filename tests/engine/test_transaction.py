"""Promises of one transaction: the order of its steps, and what is left when it is cut off at any of them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.backup import AREA, backup_name
from engine.files import Target
from engine.ledger import Ledgers
from engine.policy import Overwrite
from engine.transaction import write_group
from engine.undo import REMOVED
from tests.conftest import ROOT
from tests.engine.replaced import NEW, OLD, area_at, make_area, replace_all, target_of, tree
from tests.engine.test_undo import facts, kills, undo_all, verdicts

CONVERT = """
import sys
from pathlib import Path
from tests.engine.test_transaction import conversion, write_one
write_one(conversion(Path(sys.argv[1]), Path(sys.argv[2])))
"""
REPLACE = """
import sys
from pathlib import Path
from tests.engine.replaced import target_of
from tests.engine.test_transaction import write_one
write_one(target_of(Path(sys.argv[1]), Path(sys.argv[2]), 0))
"""
UNSAFE = """
import os, sys
os.unlink(sys.argv[1])
with open(sys.argv[1], "wb") as file:
    os.fsync(file.fileno())
"""


def conversion(path: Path, area: Path) -> Target:
    """``path`` gets a result beside it, and goes itself."""
    target = target_of(path, area, 0)
    assert target.entry is not None
    beside = str(path.with_suffix(".webp"))
    return replace(
        target, path=beside, source=str(path), overwrite=Overwrite.NEVER, entry=replace(target.entry, target=beside)
    )


def write_one(target: Target) -> None:
    ledgers = Ledgers()
    written = write_group([(target, NEW)], ledgers)
    ledgers.close()
    if written[0].error is not None:
        raise written[0].error


def spied(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """The calls of ``os`` that are made from now on, in order."""
    order: list[str] = []

    def spy(name: str) -> None:
        real: Callable[..., object] = getattr(os, name)

        def call(*given: object, **more: object) -> object:
            order.append(name)
            return real(*given, **more)

        monkeypatch.setattr(os, name, call)

    for name in names:
        spy(name)
    return order


def test_the_original_is_safe_and_written_down_before_anything_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in", "a.jpg")
    target = target_of(root / "a.jpg", make_area(root), 0)
    order = spied(monkeypatch, "link", "fsync", "rename", "unlink")
    write_one(target)
    # temp; area; ledger and its folder; then the name and its folder
    assert order == ["fsync", "link", "fsync", "fsync", "fsync", "rename", "fsync"]


def test_a_source_goes_only_when_its_conversion_is_there_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in", "a.jpg")
    before = facts(root)
    target = conversion(root / "a.jpg", make_area(root))
    order = spied(monkeypatch, "link", "fsync", "rename", "unlink")
    write_one(target)
    # …; the temp's second name, its first goes, folder; the source goes, folder
    assert order[:5] == ["fsync", "link", "fsync", "fsync", "fsync"]
    assert order[5:] == ["link", "unlink", "fsync", "unlink", "fsync"]
    assert [path.name for path in root.iterdir() if path.is_file()] == ["a.webp"]
    status = (root / "a.webp").stat()
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o640, 10**18)
    results = undo_all(root / AREA / "run1")
    assert [(str(one.verdict), one.reason) for one in results] == [("back", REMOVED)]
    assert facts(root) == before
    assert os.listdir(root) == ["a.jpg"]


def test_a_converted_file_that_was_changed_stays_when_its_source_comes_back(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", "a.jpg")
    write_one(conversion(root / "a.jpg", make_area(root)))
    (root / "a.webp").write_bytes(b"edited")
    assert "stays" in undo_all(root / AREA / "run1")[0].reason
    assert (root / "a.webp").read_bytes() == b"edited"
    assert (root / "a.jpg").read_bytes() == OLD + b"0"


def test_a_source_that_changed_at_the_last_moment_stays_and_its_conversion_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in", "a.jpg")
    target = conversion(root / "a.jpg", make_area(root))
    real = Target.take_name

    def changed(self: Target, folder: int) -> None:
        real(self, folder)
        (root / "a.jpg").write_bytes(b"edited")

    monkeypatch.setattr(Target, "take_name", changed)
    with pytest.raises(Exception, match="changed during the run"):
        write_one(target)
    assert sorted(os.listdir(root)) == [AREA, "a.jpg"]
    assert (root / "a.jpg").stat().st_nlink == 1


@pytest.mark.parametrize("child", [REPLACE, CONVERT, UNSAFE])
def test_a_kill_at_any_call_keeps_the_original_and_undo_finds_it(tmp_path: Path, child: str) -> None:
    """With a backup area. The checker is shown to find the fault in a writer that removes first."""
    if not shutil.which("strace") or subprocess.run(["strace", "-qqo", "/dev/null", "true"], check=False).returncode:
        pytest.skip("needs strace and the right to trace processes")
    root = tree(tmp_path / "in", "a.jpg")
    area = make_area(root)
    lost = killed = 0
    for code in kills([sys.executable, "-B", "-c", child, str(root / "a.jpg"), str(area)]):
        killed += code != 0
        undo_all(area)
        path = root / "a.jpg"
        back = path.exists() and path.read_bytes() == OLD + b"0" and path.stat().st_nlink == 1
        lost += not back or (root / "a.webp").exists()
        shutil.rmtree(root)
        tree(root, "a.jpg")
        make_area(root)
    assert killed
    assert bool(lost) == (child == UNSAFE)


def test_a_full_disk_for_backups_leaves_the_original_and_no_half_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No links here, so the original would be copied; the disk is full in the middle of that."""
    root = tree(tmp_path / "in", "a.jpg")
    area = make_area(root)

    def refused(*given: object, **more: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    real = os.write

    def full(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(area)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr("engine.backup.FICLONE", 0)
    written = replace_all(root, area)
    assert "cannot be kept as a backup: no space left" in str(written[0].error)
    assert (root / "a.jpg").read_bytes() == OLD + b"0"
    assert os.listdir(area) == ["run.json"]
    assert sorted(os.listdir(root)) == [AREA, "a.jpg"]


def test_a_try_after_a_kill_takes_the_link_that_is_there_and_a_taken_number_gets_another_name(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", "a.jpg", "b.jpg")
    area = make_area(root)
    os.link(root / "a.jpg", area / backup_name(0, "a.jpg"))
    (area / backup_name(1, "b.jpg")).write_bytes(b"another's")
    written = replace_all(root, area)
    assert [each.error for each in written] == [None, None]
    names = [os.path.basename(each.entry.backup) for each in written if each.entry is not None]
    assert names == ["0000000-a.jpg", "0000001.1-b.jpg"]
    assert (area / names[1]).read_bytes() == OLD + b"1"


def test_names_as_long_as_they_can_be_are_kept_and_come_back(tmp_path: Path) -> None:
    name = "ä" * 125 + ".jpg"
    root = tree(tmp_path / "in", name)
    before = facts(root)
    replace_all(root, make_area(root))
    (backup,) = area_at(root / AREA / "run1").backups()
    assert len(os.fsencode(backup.name)) == 255
    assert [str(one) for one in verdicts(undo_all(root / AREA / "run1"))] == ["back"]
    assert facts(root) == before


def test_the_child_scripts_of_these_tests_work(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", "a.jpg")
    command = [sys.executable, "-B", "-c", CONVERT, str(root / "a.jpg"), str(make_area(root))]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (root / "a.webp").read_bytes() == NEW
