"""Promises of files that are written where the user says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import PlanError
from tui.export import proposed, refused, write_new
from tui.named_file import NamedFile, write_file


def test_a_new_file_is_whole_and_like_any_other_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    path = write_new(str(tmp_path / "new.html"), "page", "text\udcff")
    assert Path(path).read_text(encoding="utf-8") == "text\\udcff"
    assert os.stat(path).st_mode == os.stat(tmp_path / "usual").st_mode
    assert sorted(os.listdir(tmp_path)) == ["new.html", "usual"]


def test_nothing_is_written_over_and_nothing_is_left_of_a_write_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "link.html").symlink_to("nowhere")
    for name in ("mine.html", "link.html"):
        with pytest.raises(PlanError, match="file exists"):
            write_new(str(tmp_path / name), "page", "text")
        assert refused(str(tmp_path / name))
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    for write in (write_new, write_file):
        with pytest.raises(PlanError, match=r"new.html: the page cannot be written: no space left.*; choose another"):
            write(str(tmp_path / "new.html"), "page", "text")
    assert sorted(os.listdir(tmp_path)) == ["link.html", "mine.html"]
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_an_error_that_is_not_of_the_file_is_not_told_as_one_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), NamedFile(str(tmp_path / "t.csv"), "CSV"):
        raise BrokenPipeError
    assert not os.listdir(tmp_path)
    with pytest.raises(PlanError, match="no such file"):
        NamedFile(str(tmp_path / "none" / "t.csv"), "CSV")


def test_a_file_of_a_command_takes_the_place_of_what_a_link_leads_to_and_goes_into_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("old.csv")
    write_file(str(tmp_path / "link.csv"), "CSV", "new")
    assert ((tmp_path / "old.csv").read_text(), (tmp_path / "link.csv").is_symlink()) == ("new", True)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(str(tmp_path / "pipe"), "CSV", "rows")
    assert os.read(reader, 10) == b"rows"
    os.close(reader)
    assert sorted(os.listdir(tmp_path)) == ["link.csv", "old.csv", "pipe"]


def test_a_name_that_is_free_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert proposed("a") == str(tmp_path / "a.html")
    (tmp_path / "a.html").touch()
    assert proposed("a") == str(tmp_path / "a-1.html")
    assert not refused(proposed("a"))
