"""Promises of files that are written where the user says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.export import proposed, refused, write_new


def test_a_new_file_is_whole_and_like_any_other_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    path = write_new(str(tmp_path / "new.html"), "text\udcff")
    assert Path(path).read_text(encoding="utf-8") == "text\\udcff"
    assert os.stat(path).st_mode == os.stat(tmp_path / "usual").st_mode
    assert sorted(os.listdir(tmp_path)) == ["new.html", "usual"]


def test_nothing_is_written_over_and_nothing_is_left_of_a_write_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "link.html").symlink_to("nowhere")
    for name in ("mine.html", "link.html"):
        with pytest.raises(FileExistsError):
            write_new(str(tmp_path / name), "text")
        assert refused(str(tmp_path / name))
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_new(str(tmp_path / "new.html"), "text")
    assert sorted(os.listdir(tmp_path)) == ["link.html", "mine.html"]
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_a_name_that_is_free_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert proposed("a") == str(tmp_path / "a.html")
    (tmp_path / "a.html").touch()
    assert proposed("a") == str(tmp_path / "a-1.html")
    assert not refused(proposed("a"))
