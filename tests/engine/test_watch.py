"""Promises of a tree that is watched, on a real file system with the kernel's own news; no image is done here."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import extras, notices
from engine.errors import PlanError
from engine.job import Outcome, Status
from engine.ledger import Entry
from engine.settings import Settings
from engine.source import Identity
from engine.watch import Watch

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux'")
QUICK = {"settle": 0.1}


class Watched:
    """A watch whose images are taken by a thread, as a run does."""

    def __init__(self, root: Path, watch: Watch, *, does: bool) -> None:
        self.root = root
        self.watch = watch
        self.does = does
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._found: queue.Queue[str] = queue.Queue()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._take, daemon=True)

    def start(self) -> None:
        """Returns once the tree was looked through."""
        self._thread.start()
        assert self._quiet.wait(20)

    def _take(self) -> None:
        for chunk in self.watch.scan(self.lines.append):
            if chunk is None:
                self._quiet.set()
                continue
            folder, found = chunk
            self.watch.took(folder, found)
            for each in found:
                path = os.path.join(folder.source, each.name)
                if self.does:
                    self.watch.finished(path, os.path.join(folder.target, each.target_name), Outcome(Status.KEPT))
                self._found.put(os.path.relpath(path, self.root))
        self.ended.set()

    def next(self, count: int = 1) -> list[str]:
        """The next images that are handed over, sorted."""
        return sorted(self._found.get(timeout=20) for _ in range(count))

    def close(self) -> list[str]:
        """End; what was handed over and not asked for."""
        self.watch.stop()
        self._thread.join(20)
        left = []
        with contextlib.suppress(queue.Empty):
            while True:
                left.append(self._found.get_nowait())
        return left


@contextlib.contextmanager
def watched(root: Path, *, does: bool = True, **settings: object) -> Iterator[Watched]:
    """``does``: images are through as soon as they are taken."""
    root.mkdir(exist_ok=True)
    values = {**QUICK, "in_place": True, **settings}
    with Watch([str(root)], Settings().with_values(values)) as watch:
        it = Watched(root, watch, does=does)
        it.start()
        try:
            yield it
        finally:
            left = it.close()
        assert left == []


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_what_is_there_and_what_comes_is_handed_over_once_each(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write(root / "old.jpg")
    write(root / "notes.txt")
    with watched(root) as it:
        assert it.next() == ["old.jpg"]
        write(root / "a.jpg")
        write(root / "half.jpg.part").rename(root / "b.jpg")
        os.link(root / "old.jpg", root / "c.jpg")
        assert it.next(3) == ["a.jpg", "b.jpg", "c.jpg"]
        write(root / "a.jpg", b"changed")
        assert it.next() == ["a.jpg"]


def test_without_catching_up_only_what_comes_is(tmp_path: Path) -> None:
    root = tmp_path / "in"
    old = write(root / "old.jpg")
    os.utime(old, (1e9, 1e9))
    with watched(root, catch_up=False) as it:
        write(root / "a.jpg")
        assert it.next() == ["a.jpg"]
        write(old, b"changed")
        assert it.next() == ["old.jpg"]


def test_names_of_any_bytes_come_through(tmp_path: Path) -> None:
    root = tmp_path / "in"
    with watched(root) as it:
        for name in (b"\xff.jpg", b"line\nbreak.jpg", b"\xc3\xa4.JPG"):
            write(root / os.fsdecode(name))
        folder = root / os.fsdecode(b"\xfe")
        write(folder / "a.jpg")
        expected = [os.fsdecode(name) for name in (b"\xff.jpg", b"line\nbreak.jpg", b"\xc3\xa4.JPG", b"\xfe/a.jpg")]
        assert it.next(4) == sorted(expected)


def test_nothing_is_missed_in_folders_that_are_made_filled_and_renamed_at_once(tmp_path: Path) -> None:
    root, other = tmp_path / "in", tmp_path / "other"
    for number in range(200):
        write(other / f"{number % 7}" / f"{number % 5}" / f"{number}.jpg")
    with watched(root) as it:
        for number in range(200):
            write(root / f"{number % 7}" / f"{number % 5}" / f"{number}.jpg")
        (root / "3").rename(root / "moved")
        other.rename(root / "moved in")
        wanted = {os.path.relpath(path, root) for path in root.rglob("*.jpg")}
        found: set[str] = set()
        while not wanted <= found:
            found.update(it.next())  # those of the folder that was renamed may come under both names
        assert len(wanted) == 400
        write(root / "moved" / "late.jpg")
        while "moved/late.jpg" not in it.next():
            pass
        it.watch.stop()


def test_a_folder_that_was_moved_away_is_not_watched_any_more(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write(root / "a" / "b" / "one.jpg")
    with watched(root) as it:
        it.next()
        (root / "a").rename(tmp_path / "away")
        write(tmp_path / "away" / "b" / "two.jpg")
        write(root / "a" / "b" / "three.jpg")
        assert it.next() == ["a/b/three.jpg"]
        shutil.rmtree(root / "a")
        write(root / "a" / "four.jpg")
        assert it.next() == ["a/four.jpg"]


def test_what_the_kernel_did_not_tell_is_found_by_looking(tmp_path: Path) -> None:
    """The queue overflows while nobody reads it."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 50_000:
        pytest.skip("the queue of this kernel is too long to fill it in a test")
    root = tmp_path / "in"
    root.mkdir()
    unheard = ["a.jpg", "b.jpg", "new/c.jpg"]
    found: list[str] = []
    lines: list[str] = []
    with Watch([str(root)], Settings().with_values({**QUICK, "in_place": True})) as watch:
        for chunk in watch.scan(lines.append):
            if chunk is None and not os.listdir(root):
                for number in range(most + 10):  # the kernel folds news that is the same as the one before
                    os.close(os.open(root / f"{number % 2}.txt", os.O_WRONLY | os.O_CREAT))
                for name in unheard:
                    write(root / name)
            elif chunk is not None:
                found += [os.path.relpath(os.path.join(chunk[0].source, each.name), root) for each in chunk[1]]
            if len(found) == len(unheard):
                watch.stop()
        assert watch.folders == 2
    assert sorted(found) == unheard
    assert lines == ["the system lost news of changes: everything is looked through"]


def test_results_put_there_by_the_run_are_nothing_new_whenever_it_is_told_of_them(tmp_path: Path) -> None:
    root = tmp_path / "in"
    with watched(root, does=False) as it:
        path = write(root / "a.jpg", b"as it came")
        assert it.next() == ["a.jpg"]
        temp = write(root / ".imgopt-00-0.tmp", b"small")
        after = Identity.of(temp.stat())
        temp.rename(path)
        write(root / "b.jpg")  # is settled after the result is
        assert it.next() == ["b.jpg"]
        entry = Entry(str(path), after, "0" * 32, "recipe", target=str(path), after=after)
        it.watch.finished(str(path), str(path), Outcome(Status.DONE, target=str(path), entry=entry))
        write(root / "c.jpg")
        assert it.next() == ["c.jpg"]
        write(path, b"from outside")
        assert it.next() == ["a.jpg"]


def test_what_changes_while_it_is_in_work_is_done_again_once_it_is_through(tmp_path: Path) -> None:
    root = tmp_path / "in"
    with watched(root, does=False) as it:
        path = write(root / "a.jpg", b"as it came")
        assert it.next() == ["a.jpg"]
        write(path, b"as it was saved again")
        write(root / "b.jpg")
        assert it.next() == ["b.jpg"]
        it.watch.finished(str(path), str(path), Outcome(Status.SKIPPED, "changed during the run"))
        assert it.next() == ["a.jpg"]


def test_an_ignore_file_counts_as_soon_as_it_is_there_and_no_longer_than_that(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write(root / ".imgoptignore", b"raw/\n")
    with watched(root) as it:
        write(root / "raw" / "a.jpg")
        write(root / "b.jpg")
        assert it.next() == ["b.jpg"]
        (root / ".imgoptignore").unlink()
        assert it.next() == ["raw/a.jpg"]


def test_a_watched_folder_that_goes_away_ends_it_with_a_sentence(tmp_path: Path) -> None:
    root = tmp_path / "in"
    with watched(root) as it:
        root.rename(tmp_path / "gone")
        assert it.ended.wait(20)
        assert it.watch.lost.startswith(f"{root} is gone or was renamed")


def test_enough_images_for_one_run_end_its_share_and_the_next_one_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "in"
    names = {f"{number}/a.jpg" for number in range(6)}
    for name in names:
        write(root / name)
    shares: list[list[str]] = []
    with Watch([str(root)], Settings().with_values({**QUICK, "in_place": True}), most_images=2) as watch:
        while sum(map(len, shares)) < len(names):
            shares.append([])
            for chunk in watch.scan(lambda line: None):
                if chunk is not None:
                    shares[-1] += [os.path.relpath(os.path.join(chunk[0].source, each.name), root) for each in chunk[1]]
        assert watch.goes_on
    assert [len(share) for share in shares] == [2, 2, 2]
    assert {name for share in shares for name in share} == names


# ── where the system does not tell ───────────────────────────────────────────────────────────────────────────────────


def test_folders_beyond_the_limit_of_watches_are_looked_at_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inotify_simple import INotify

    add = INotify.add_watch

    def refused(self: Any, path: Any, mask: int) -> Any:
        if os.fspath(path).endswith("beyond"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return add(self, path, mask)

    monkeypatch.setattr(INotify, "add_watch", refused)
    monkeypatch.setattr("engine.watch.POLL_SECONDS", 0.2)
    root = tmp_path / "in"
    write(root / "beyond" / "a.jpg")
    with watched(root) as it:
        assert it.next() == ["beyond/a.jpg"]
        write(root / "beyond" / "b.jpg")
        assert it.next() == ["beyond/b.jpg"]
        limit = Path("/proc/sys/fs/inotify/max_user_watches").read_text().strip()
        (line,) = it.lines
        assert f"(this one has 1 folders, all programs of this user together may have {limit})" in line
        assert "raise fs.inotify.max_user_watches with sysctl; until then the whole tree is looked through" in line


def test_too_many_programs_that_watch_are_said_and_the_tree_is_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Any, **how: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("inotify_simple.INotify.__init__", refused)
    monkeypatch.setattr("inotify_simple.INotify.__del__", lambda self: None, raising=False)
    monkeypatch.setattr("engine.watch.POLL_SECONDS", 0.2)
    root = tmp_path / "in"
    with watched(root) as it:
        write(root / "a.jpg")
        assert it.next() == ["a.jpg"]
        assert "raise fs.inotify.max_user_instances with sysctl" in it.lines[0]


def test_without_the_package_it_says_what_to_do_or_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "installed", lambda module: False)
    with pytest.raises(PlanError, match=r"pip install 'imgopt-tui\[all\]'; or let it look by itself: --rescan 60"):
        Watch([str(tmp_path)], Settings())
    root = tmp_path / "in"
    monkeypatch.setattr(extras, "installed", lambda module: False)
    with watched(root, rescan=1) as it:
        write(root / "new" / "a.jpg")
        assert it.next() == ["new/a.jpg"]
        shutil.rmtree(root)
        assert it.ended.wait(20)
        assert it.watch.lost


def test_results_beside_their_originals_are_nothing_new(tmp_path: Path) -> None:
    root = tmp_path / "in"
    with watched(root, in_place=False, output=str(root), suffix="-small") as it:
        write(root / "a.jpg")
        assert it.next() == ["a.jpg"]
        write(root / "a-small.jpg")
        write(root / "b.jpg")
        assert it.next() == ["b.jpg"]


def test_what_a_watch_cannot_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="--flat names results by all images"):
        Watch([str(tmp_path)], Settings(flat=True, output=str(tmp_path / "out")))
    with pytest.raises(PlanError, match=r"a.jpg is a file: watch takes folders"):
        Watch([str(write(tmp_path / "a.jpg"))], Settings())
