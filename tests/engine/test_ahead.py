"""Promises of read-ahead: nothing is read ahead of a quick disk, and what was read ahead is what lies at the path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import ahead
from engine.ahead import ReadAhead
from engine.errors import Unreadable


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ReadAhead:
    """One that found each file slow so far."""
    monkeypatch.setattr(ahead, "WAIT_SECONDS", -1.0)
    reader = ReadAhead()
    path = tmp_path / "first"
    path.write_bytes(b"first")
    for number in range(ahead.WAITS + 1):
        with reader.open(number, str(path)) as source:
            source.read()
    assert reader.on
    return reader


def fetch(reader: ReadAhead, index: int, path: Path) -> None:
    """Until it has been read ahead."""
    reader.want(index, str(path))
    reader._wanted[index].result()


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_nothing_is_read_ahead_where_files_come_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "WAIT_SECONDS", 3600.0)
    reader = ReadAhead()
    path = tmp_path / "a"
    path.write_bytes(b"a")
    for number in range(2 * ahead.LOOKED_AT):
        reader.want(number, str(path))
        with reader.open(number, str(path)) as source:
            assert source.read() == b"a"
    assert not reader.on
    assert reader._threads is None


def test_what_was_read_ahead_is_there_when_its_turn_comes(slow: ReadAhead, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    fetch(slow, 10, path)
    with slow.open(10, str(path)) as source:
        assert source.fetched == 7
        assert source.read() == b"content"
        assert source.fetched == 0


def test_a_file_that_changed_after_it_was_read_ahead_is_not_taken(slow: ReadAhead, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    fetch(slow, 10, path)
    path.write_bytes(b"another")
    os.utime(path, ns=(1, 1))
    with slow.open(10, str(path)) as source, pytest.raises(Unreadable, match="changed"):
        source.read()


def test_what_is_not_wanted_any_more_is_let_go(slow: ReadAhead, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    before = descriptors()
    for index in range(100, 200):
        slow.want(index, str(path))
        slow.forget(index)
    assert slow._threads is not None
    slow._threads.shutdown()
    assert (descriptors(), slow._held) == (before, 0)


def test_no_more_is_held_than_allowed(slow: ReadAhead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "HELD_BYTES", 10)
    contents = {}
    for index in range(3):
        path = tmp_path / str(index)
        path.write_bytes(bytes([index]) * 6)
        fetch(slow, 10 + index, path)
        contents[10 + index] = path
    assert slow._held == 6
    for index, path in contents.items():
        with slow.open(index, str(path)) as source:
            assert source.read() == path.read_bytes()
    assert slow._held == 0


def test_what_cannot_be_read_is_said_when_its_turn_comes(slow: ReadAhead, tmp_path: Path) -> None:
    fetch(slow, 10, tmp_path / "none")
    with pytest.raises(Unreadable, match="cannot be opened"):
        slow.open(10, str(tmp_path / "none"))
    assert slow._held == 0


def test_a_refused_thread_ends_reading_ahead_and_no_image(
    slow: ReadAhead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    path = tmp_path / "a"
    path.write_bytes(b"a")
    slow.want(10, str(path))
    assert not slow.on
    with slow.open(10, str(path)) as source:
        assert source.read() == b"a"
