"""The oracle finds what it is there to find: every clause on a tree that is wrong in that way and no other."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.judge import Judge
from tests.faults.oracle import Tree, bad_words
from tests.faults.trees import plant

Spoil = Callable[[Path, Path], object]
"""Does something wrong to the first file; the second is another picture of the same format."""


def _like(path: Path, do: Callable[[], object]) -> None:
    """Keep mode and time over what ``do`` does."""
    status = path.stat()
    do()
    path.chmod(stat.S_IMODE(status.st_mode))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _truncate(path: Path, _: Path) -> None:
    _like(path, lambda: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]))


def _empty(path: Path, _: Path) -> None:
    _like(path, lambda: path.write_bytes(b""))


def _swap(path: Path, other: Path) -> None:
    _like(path, lambda: path.write_bytes(other.read_bytes()))


def _link(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def _vips(path: Path, code: str) -> None:
    words = f"import sys, pyvips; i = pyvips.Image.new_from_file(sys.argv[1]); {code}.write_to_file(sys.argv[2])"
    new = path.with_name(f"new-{path.name}")
    subprocess.run([sys.executable, "-W", "ignore", "-c", words, str(path), str(new)], check=True)
    _like(path, lambda: os.replace(new, path))


SPOILT: list[tuple[str, str, Spoil]] = [
    ("missing", "p000.jpg", lambda path, _: path.unlink()),
    ("missing", "p000.jpg", _link),
    ("damaged", "p000.jpg", _truncate),
    ("damaged", "p001.png", _truncate),
    ("damaged", "p002.webp", _truncate),
    ("damaged", "p004.gif", _truncate),
    ("damaged", "p000.jpg", _empty),
    ("damaged", "p000.jpg", _swap),
    ("damaged", "p001.png", lambda path, _: _like(path, lambda: path.write_bytes(path.read_bytes()[:-12]))),
    ("damaged", "p000.jpg", lambda path, _: _vips(path, "i.rot180()")),
    ("damaged", "p000.jpg", lambda path, _: _vips(path, "i.crop(0, 0, 95, 72)")),
    ("damaged", "p001.png", lambda path, _: _vips(path, "i[0]")),
    ("attributes", "p000.jpg", lambda path, _: path.chmod(0o444)),
    ("attributes", "p000.jpg", lambda path, _: os.utime(path)),
    ("temp", "p000.jpg", lambda path, _: path.with_name(".imgopt-0123456789ab-4.tmp").touch()),
    ("stray", "p000.jpg", lambda path, _: path.with_name("p000.jpg.orig").touch()),
    ("backup", "p000.jpg", lambda path, _: _backup(path, b"half")),
]


def _backup(path: Path, data: bytes) -> None:
    area = path.parent / ".imgopt-backups" / "run"
    area.mkdir(parents=True)
    (area / path.name).write_bytes(data)


@pytest.fixture
def tree(tmp_path: Path, pictures: list[Path], judge: Judge) -> Tree:
    plant(pictures, tmp_path / "in")
    return Tree(tmp_path / "in", tmp_path / "pristine", judge)


@pytest.mark.parametrize(("clause", "name", "spoil"), SPOILT)
def test_each_clause_sees_its_own_loss_and_no_other_does(clause: str, name: str, spoil: Spoil, tree: Tree) -> None:
    assert tree.losses(replaced=True, over=True) == []
    path = Path(tree.root) / name
    spoil(path, path.with_name("p003.jpg" if name == "p000.jpg" else name))
    assert [loss.clause for loss in tree.losses(replaced=True, over=True)] == [clause]


def test_a_smaller_file_of_the_same_picture_is_no_loss(tree: Tree) -> None:
    path = Path(tree.root) / "p000.jpg"
    _vips(path, "i.gaussblur(0.1)")
    assert tree.losses(replaced=True, over=True) == []
    assert [loss.clause for loss in tree.losses(replaced=False, over=True)] == ["changed"]


def test_temps_may_lie_about_until_the_next_run_is_over(tree: Tree) -> None:
    (Path(tree.root) / ".imgopt-0123456789ab-4.tmp").touch()
    assert tree.losses(replaced=True, over=False) == []


def test_a_backup_with_the_bytes_of_an_original_is_no_loss(tree: Tree) -> None:
    path = Path(tree.root) / "p000.jpg"
    _backup(path, path.read_bytes())
    assert tree.losses(replaced=True, over=True) == []


def test_a_result_apart_is_compared_with_its_source(tree: Tree, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    good, bad, late = (os.fspath(output / name) for name in ("good.jpg", "bad.jpg", "late.jpg"))
    source, other = (os.path.join(tree.root, name) for name in ("p000.jpg", "p003.jpg"))
    for path in (good, bad):
        shutil.copyfile(source, path)
    planned = {good: source, bad: other, late: source}
    assert [(loss.clause, loss.path) for loss in tree.bad_results(planned)] == [("result", bad)]
    (output / "more.jpg").touch()
    strays = tree.losses(replaced=False, over=True, also=planned, folders=[os.fspath(output)])
    assert [loss.clause for loss in strays] == ["stray"]


def _result(path: str, **other: Any) -> dict[str, Any]:
    return {"original_path": path, "status": "kept", "reason": "", "error": None, "optimized_path": "", **other}


def test_a_report_names_every_file_once_and_in_words_for_users(tree: Tree) -> None:
    first, *rest = tree.before
    good = [_result(path) for path in tree.before]
    assert tree.unreported(good) == []
    for bad in (
        good[1:],
        [*good, good[0]],
        [*good, _result("/elsewhere.jpg")],
        [_result(first, reason="unexpected error, please report it: ValueError: x"), *good[1:]],
        [_result(first, status=""), *good[1:]],
    ):
        assert [loss.clause for loss in tree.unreported(bad)] == ["report"]
    assert len(tree.unreported([], expected=rest[:2])) == 2
    assert [loss.clause for loss in bad_words('x\nTraceback (most recent call last):\n  File "a.py", line 1')] == (
        ["report", "report"]
    )


def test_a_report_that_says_the_reverse_of_what_is_on_disk_is_seen(tree: Tree) -> None:
    path = os.path.join(tree.root, "p000.jpg")
    done = _result(path, status="done", optimized_path=path)
    failed = _result(path, status="failed", reason="no space left on device")
    assert [loss.clause for loss in tree.untold([done])] == ["report"]
    assert tree.untold([failed]) == []
    _vips(Path(path), "i.gaussblur(0.1)")
    assert tree.untold([done]) == []
    assert [loss.clause for loss in tree.untold([failed])] == ["changed"]
