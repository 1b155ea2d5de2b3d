"""Promises about images that are set aside: they are listed with what to do, and one key lets them be tried again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import quarantine
from engine.journal_file import JournalFile
from engine.places import journal_file
from tests.tui.driving import opened
from tests.tui.fake_view import FakeView
from tui.__main__ import main


def blamed(path: str, reason: str, times: int = 2) -> None:
    """An image that cost workers."""
    file, name = JournalFile(journal_file()), os.fsencode(path)
    for _ in range(times):
        file.blame(name[-16:], 5_000_000, name, reason, "0a1b")
    file.close()


@pytest.fixture
def aside(tmp_path: Path) -> list[str]:
    """Two images that are set aside, and one that cost a worker only once; the newest first."""
    names = [str(tmp_path / name) for name in ("once.jpg", "a\udce9.png", "slow.avif")]
    for name in names[1:]:
        Path(name).touch()
    blamed(names[0], "worker died (11, SIGSEGV)", 1)
    blamed(names[1], "worker died (11, SIGSEGV)")
    blamed(names[2], "worker took longer than 60 s", 3)
    return names[:0:-1]


async def test_the_list_says_of_each_why_and_what_to_do(aside: list[str]) -> None:
    async with opened(attach=False) as it:
        await it.pilot.press("Q")
        await it.until_text("slow.avif", "a\\xe9.png", "worker took longer than 60 s, 3 times, last in run 0a1b")
        assert "once.jpg" not in it.text
        assert "--timeout" in it.text
        await it.pilot.press("down")
        await it.until_text("(11, SIGSEGV), 2 times", "with another program")


async def test_one_is_tried_again_by_the_next_run_and_by_one_at_work(aside: list[str]) -> None:
    view = FakeView()
    view.step(10)
    async with opened(view) as it:
        await it.pilot.press("Q", "down")
        await it.until_text("2 times")
        await it.pilot.press("enter")
        await it.until_text("the next run tries 1 image again; the run at work tries 1 image now")
        assert view.calls == [f"retry quarantined {aside[1]}"]
        assert [image.path for image in quarantine.set_aside()] == aside[:1]
        await it.pilot.press("A")
        await it.until_text("no image is set aside")
    assert quarantine.set_aside() == []


async def test_a_journal_that_cannot_be_read_is_one_sentence_in_the_list(aside: list[str]) -> None:
    journal_file().write_bytes(b"no journal")
    async with opened(attach=False) as it:
        await it.pilot.press("Q")
        await it.until_text("cannot be used")
        await it.pilot.press("enter", "A", "escape")
        await it.until_text("[1 Files]")


def test_the_command_names_them_and_lets_those_below_a_path_be_tried_again(
    aside: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quarantine"]) == 0
    said = capsys.readouterr()
    first, advice, second, _ = said.out.splitlines()
    assert first.startswith(f"{aside[0]}: 4.77 MiB, cost 3 workers: worker took longer than 60 s (run 0a1b, ")
    assert "--timeout" in advice
    assert second.startswith(aside[1].replace("\udce9", "\\xe9"))
    assert "--clear" in said.err
    assert main(["quarantine", aside[0], "--clear"]) == 0
    assert "1 image no longer set aside" in capsys.readouterr().err
    assert [image.path for image in quarantine.set_aside()] == aside[1:]
    assert main(["quarantine", "/elsewhere", "--clear"]) == 0
    assert "0 images" in capsys.readouterr().err
    assert main(["quarantine", "--clear"]) == 0
    file = JournalFile.reading(journal_file())
    assert file.quarantined(1) == []
    file.close()
