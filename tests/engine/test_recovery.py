"""Promises of what a run does about those that were killed, where the file system has no locks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import descriptors
from engine.areas import ABOUT
from engine.backup import AREA
from engine.journal_file import JournalFile
from engine.ledger import ledgers
from engine.recovery import REST_SECONDS, Recovered, learn
from tests.engine.replaced import NEW, OLD, make_area, replace_all, tree


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The area of a run that replaced one image and was killed before it replaced another, without locks."""
    root = tree(tmp_path / "root", "a.jpg", "b.jpg")
    area = make_area(root)
    replace_all(root, area)
    (root / "b.jpg").unlink()
    os.link(area / "0000001-b.jpg", root / "b.jpg")
    monkeypatch.setattr(descriptors, "lock", lambda fd: descriptors.Lock.NONE)
    return area


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def owned(area: Path, pid: int, where: str = "") -> None:
    """Have the area say that another process works in it."""
    about = json.loads((area / ABOUT).read_text())
    about["owner"] = [where or about["owner"][0], pid]
    (area / ABOUT).write_text(json.dumps(about))


def rested(area: Path) -> None:
    """Nothing was written in it for long."""
    for path in ledgers(str(area)):
        old = os.stat(path).st_mtime - 2 * REST_SECONDS
        os.utime(path, (old, old))


def recovered(area: Path) -> Recovered:
    journal = JournalFile(None)
    try:
        return learn(journal, [str(area)], [], pytest.fail)
    finally:
        journal.close()


def test_a_run_whose_process_is_gone_for_long_is_brought_in_order(killed: Path) -> None:
    owned(killed, gone())
    rested(killed)
    assert recovered(killed) == Recovered(results=1, originals=1)
    assert not (killed / "0000001-b.jpg").exists()
    root = killed.parent.parent
    assert (root / "a.jpg").read_bytes() == NEW
    assert (root / "b.jpg").read_bytes() == OLD + b"1"


@pytest.mark.parametrize("doubt", ["alive", "elsewhere", "just now", "not said"])
def test_in_doubt_a_run_counts_as_going_on_and_its_backups_stay(killed: Path, doubt: str) -> None:
    owned(killed, os.getpid() if doubt == "alive" else gone(), "another host" if doubt == "elsewhere" else "")
    if doubt != "just now":
        rested(killed)
    if doubt == "not said":
        (killed / ABOUT).unlink()
    assert recovered(killed) == Recovered()
    assert (killed / "0000001-b.jpg").exists()


def test_the_records_of_a_tree_that_moved_speak_of_where_it_is_now(killed: Path, tmp_path: Path) -> None:
    """Also where the area does not say any more where it was."""
    (tmp_path / "root").rename(tmp_path / "moved")
    area = tmp_path / "moved" / AREA / "run1"
    (area / ABOUT).unlink()
    journal = JournalFile(None)
    learn(journal, [str(area)], [], pytest.fail)
    (mark,) = {mark.backup for mark in journal.marks(journal.hash_of(os.stat(tmp_path / "moved" / "a.jpg")) or b"")}
    assert Path(os.fsdecode(mark)).parent == area  # both results have the same bytes
    journal.close()
