"""Promises of undo: every original comes back as it was, and nothing that is not ours is touched."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import areas, holdings
from engine.areas import chosen, find_areas, read_area
from engine.backup import AREA
from engine.errors import PlanError
from engine.source import Identity
from engine.undo import Undone, Verdict, undo
from tests.conftest import ROOT
from tests.engine.replaced import NEW, OLD, area_at, make_area, replace_all, tree

NAMES = ("a.jpg", "sub/b.jpg", "sub/deep/c.jpg")


def facts(root: Path) -> dict[str, tuple[object, ...]]:
    """What must be as before: inode, bytes, mode, owner, times, number of names, attributes."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*.jpg")):
        if AREA in path.parts:
            continue
        status = path.stat()
        kept = (status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_nlink)
        found[str(path.relative_to(root))] = (path.read_bytes(), *kept, tuple(os.listxattr(path)))
    return found


def undo_all(folder: Path, wanted: Callable[[str], bool] = lambda path: True, *, dry_run: bool = False) -> list[Undone]:
    return list(undo(area_at(folder), wanted, dry_run=dry_run))


def verdicts(results: list[Undone]) -> list[Verdict]:
    return [result.verdict for result in results]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tree(tmp_path / "pictures", *NAMES)


@pytest.fixture(params=["link", "copy"])
def kept_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How originals are kept: where the system refuses links they are copied."""
    if request.param == "copy":
        real = os.link

        def refused(source: str, target: str, **how: int) -> None:
            if source.endswith(".jpg") and target[:7].isdigit():
                raise OSError(errno.EPERM, "no links here")
            real(source, target, **how)  # type: ignore[arg-type]  # descriptors and a flag, as they came

        monkeypatch.setattr(os, "link", refused)
    return str(request.param)


def test_everything_comes_back_exactly_and_nothing_of_ours_is_left(root: Path, kept_by: str) -> None:
    before = facts(root)
    replace_all(root, make_area(root))
    assert {data[0] for data in facts(root).values()} == {NEW}
    assert verdicts(undo_all(root / AREA / "run1")) == [Verdict.BACK] * 3
    after = facts(root)
    if kept_by == "copy":
        before, after = ({name: (data[0], *data[2:]) for name, data in one.items()} for one in (before, after))
    assert after == before
    assert not (root / AREA).exists()


def test_a_part_comes_back_and_later_the_rest(root: Path) -> None:
    before = facts(root)
    replace_all(root, make_area(root))
    folder = root / AREA / "run1"
    assert verdicts(undo_all(folder, lambda path: path.startswith(str(root / "sub" / "deep")))) == [Verdict.BACK]
    now = facts(root)
    assert now["sub/deep/c.jpg"] == before["sub/deep/c.jpg"]
    assert now["a.jpg"][0] == NEW
    assert verdicts(undo_all(folder)) == [Verdict.BACK, Verdict.BACK, Verdict.NOTHING]
    assert facts(root) == before


def test_a_dry_run_says_the_same_and_touches_nothing(root: Path) -> None:
    replace_all(root, make_area(root))
    (root / "a.jpg").unlink()
    shutil.rmtree(root / "sub" / "deep")
    now = facts(root)
    assert verdicts(undo_all(root / AREA / "run1", dry_run=True)) == [Verdict.BACK] * 3
    assert facts(root) == now
    assert len(os.listdir(root / AREA / "run1")) == 5


def same_size_and_times(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def other_bytes(path: Path) -> None:
    path.write_bytes(b"edited")


def linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to("elsewhere")


@pytest.mark.parametrize("change", [same_size_and_times, other_bytes, linked, folder_instead, linked_folder])
def test_what_changed_since_is_refused_and_left_as_it_is(root: Path, change: Callable[[Path], None]) -> None:
    replace_all(root, make_area(root))
    path = root / "sub" / "b.jpg"
    change(path)
    now = path.read_bytes() if path.is_file() else b""
    results = undo_all(root / AREA / "run1", lambda source: source == str(path))
    assert verdicts(results) == [Verdict.REFUSED]
    assert (path.read_bytes() if path.is_file() else b"") == now
    kept = [each.read_bytes() for each in (root / AREA / "run1").glob("*b.jpg")]
    assert kept == [OLD + b"1"], "the original is still there"


def other_mode(path: Path) -> None:
    path.chmod(0o600)


def copied(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def removed(path: Path) -> None:
    path.unlink()


def removed_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("change", [other_mode, copied, removed, removed_folder])
def test_what_is_still_ours_or_gone_comes_back(root: Path, change: Callable[[Path], None]) -> None:
    before = facts(root)
    replace_all(root, make_area(root))
    change(root / "sub" / "deep" / "c.jpg")
    results = undo_all(root / AREA / "run1")
    assert verdicts(results) == [Verdict.BACK] * 3
    assert ("missing" in results[-1].reason) == (change in (removed, removed_folder))
    assert facts(root) == before


def test_a_backup_that_was_changed_is_not_put_back(root: Path) -> None:
    replace_all(root, make_area(root))
    backup = next((root / AREA / "run1").glob("*a.jpg"))
    backup.write_bytes(b"x")
    result = undo_all(root / AREA / "run1")[0]
    assert result.verdict is Verdict.REFUSED
    assert (root / "a.jpg").read_bytes() == NEW


def test_runs_are_undone_newest_first(root: Path) -> None:
    before = facts(root)
    replace_all(root, make_area(root, "run1", 1.0))
    between = facts(root)
    replace_all(root, make_area(root, "run2", 2.0), NEW[:-1])
    results = undo_all(root / AREA / "run1")
    assert verdicts(results) == [Verdict.REFUSED] * 3
    assert "imgopt-tui undo run2" in results[0].reason
    assert verdicts(undo_all(root / AREA / "run2")) == [Verdict.BACK] * 3
    assert facts(root) == between
    assert verdicts(undo_all(root / AREA / "run1")) == [Verdict.BACK] * 3
    assert facts(root) == before


def test_a_tree_that_moved_is_put_back_where_it_is_now(root: Path, tmp_path: Path) -> None:
    before = facts(root)
    replace_all(root, make_area(root))
    moved = tmp_path / "elsewhere"
    root.rename(moved)
    assert verdicts(undo_all(moved / AREA / "run1")) == [Verdict.BACK] * 3
    assert facts(moved) == before
    assert not root.exists()


def test_originals_that_were_linked_and_never_replaced_leave_the_area(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the link and the rename; once with a line in the ledger, once without."""
    before = facts(root)

    class KillError(BaseException):
        pass

    def killed(*given: object, **more: object) -> None:
        raise KillError

    real = os.unlink
    area = make_area(root)
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", killed)
        patched.setattr(os, "unlink", lambda *given, **more: None)
        with pytest.raises(KillError):
            replace_all(root, area)
    for temp in root.rglob(".imgopt-*.tmp"):
        real(temp)
    os.link(root / "a.jpg", area / "0000099-orphan.jpg")
    assert (root / "a.jpg").stat().st_nlink == 3
    assert verdicts(undo_all(area)) == [Verdict.NOTHING] * 3
    assert facts(root) == before
    assert not (root / AREA).exists()


def test_what_another_run_took_after_this_one_was_killed_is_named_with_that_run(root: Path) -> None:
    """The ledger of the killed run speaks of it as well, and its original is with the other."""
    before = facts(root)
    first, second = make_area(root), make_area(root, "run2", 2.0)
    replace_all(root, second)
    for ledger in second.glob("*.ledger"):
        (first / ledger.name).write_bytes(ledger.read_bytes())
    found = undo_all(first)
    assert verdicts(found) == [Verdict.REFUSED] * 3
    assert {one.reason for one in found} == {
        "was replaced by run run2, not by this one: undo that, with: imgopt-tui undo run2"
    }
    assert verdicts(undo_all(second)) == [Verdict.BACK] * 3
    assert facts(root) == before


def test_undo_works_across_file_systems(root: Path, tmp_path: Path) -> None:
    """The originals are in a folder of another file system: copied there, and copied back."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        area = disk / "run1" / "0"
        area.mkdir(parents=True)
        areas.describe(str(area), str(root), "run1", 1.0, "")
        os.setxattr(root / "a.jpg", "user.note", b"mine")
        os.chown(root / "a.jpg", 1234, 2345)
        before = facts(root)
        assert all(written.error is None for written in replace_all(root, area))
        found = chosen(find_areas([str(disk)], known=False), "run1")
        assert [result.verdict for one in found for result in undo(one, lambda path: True)] == [Verdict.BACK] * 3
        after = facts(root)
        assert [(data[0], *data[2:]) for data in after.values()] == [(data[0], *data[2:]) for data in before.values()]
        assert os.getxattr(root / "a.jpg", "user.note") == b"mine"
        assert not area.exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


_STRACE_CHILD = """
import sys
from engine.areas import read_area
from engine.undo import undo
list(undo(read_area(sys.argv[1]), lambda path: True))
"""
_CALLS = ("rename,renameat,renameat2", "unlink,unlinkat", "fsync", "rmdir", "link,linkat")


def kills(command: list[str]) -> Iterator[int]:
    """Run a command, killed before each of its state-changing calls in turn; the codes it ended with."""
    for calls in _CALLS:
        for number in range(1, 30):
            how = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}", "-o", "/dev/null"]
            code = subprocess.run(["strace", "-qq", *how, *command], cwd=ROOT, check=False).returncode
            yield code
            if code == 0:
                break
        else:
            raise AssertionError("it never came to its end")


@pytest.mark.parametrize("missing", [False, True])
def test_a_kill_at_any_call_loses_nothing_and_undo_again_finishes(tmp_path: Path, missing: bool) -> None:
    if not shutil.which("strace") or subprocess.run(["strace", "-qqo", "/dev/null", "true"], check=False).returncode:
        pytest.skip("needs strace and the right to trace processes")
    root = tree(tmp_path / "pictures", "a.jpg", "sub/b.jpg")
    folder = root / AREA / "run1"

    def replaced() -> dict[str, tuple[object, ...]]:
        found = facts(root)
        replace_all(root, make_area(root))
        if missing:
            (root / "a.jpg").unlink()
        return found

    before = replaced()
    killed = 0
    for code in kills([sys.executable, "-B", "-c", _STRACE_CHILD, str(folder)]):
        killed += code != 0
        for name, (data, *_) in facts(root).items():
            assert data in (before[name][0], NEW)
        if read_area(str(folder)) is not None:
            assert Verdict.REFUSED not in verdicts(undo_all(folder))
        assert facts(root) == before
        shutil.rmtree(root / AREA, ignore_errors=True)
        replaced()
    assert killed >= 8


def test_areas_are_found_by_id_from_below_from_notes_and_by_last(root: Path, tmp_path: Path) -> None:
    for number, run in enumerate(("abc1", "abd2")):
        areas.note_areas(run, [str(make_area(root, run, float(number)))])
    assert [area.run for area in find_areas([str(root / "sub")], known=False)] == ["abc1", "abd2"]
    assert find_areas([str(tmp_path)], known=False) == []
    found = find_areas([str(tmp_path)])
    assert [area.run for area in chosen(found, "last")] == ["abd2"]
    assert [area.root for area in chosen(found, "abc")] == [str(root)]
    assert chosen(found, "x") == []
    with pytest.raises(PlanError, match="several"):
        chosen(found, "ab")


def test_an_entry_says_what_it_was(root: Path) -> None:
    """The checker itself: a backup is the very inode that the ledger speaks of."""
    written = replace_all(root, make_area(root))
    entry = written[0].entry
    assert entry is not None
    kept = os.stat(entry.backup)
    assert Identity.of(kept).inode == entry.before.inode
    assert stat.S_IMODE(kept.st_mode) == 0o640


def test_an_area_in_which_somebody_is_at_work_is_left_alone(root: Path) -> None:
    replace_all(root, make_area(root))
    held = areas.take(area_at(root / AREA / "run1"))
    try:
        with pytest.raises(PlanError, match="at work"):
            undo_all(root / AREA / "run1")
        with pytest.raises(PlanError, match="at work"):
            holdings.prune(area_at(root / AREA / "run1"))
    finally:
        os.close(held)
    assert (root / "a.jpg").read_bytes() == NEW
    assert holdings.prune(area_at(root / AREA / "run1")) == 3


def test_other_files_in_an_area_count_as_nothing_and_keep_nobody_from_tidying_up(root: Path) -> None:
    area = make_area(root)
    replace_all(root, area)
    (area / "complete").touch()
    assert holdings.held(area_at(area)).images == holdings.held(area_at(area)).links == 3
    assert verdicts(undo_all(area)) == [Verdict.BACK] * 3
    assert not (root / AREA).exists()
