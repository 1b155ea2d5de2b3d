"""Promises of ``imgopt-tui ctl`` and ``ps``."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest

from engine import runner
from engine.run import Run
from engine.settings import Settings
from engine.view import Phase
from tests.engine.test_control import nices, until
from tests.engine.test_run import fill, finish
from tests.engine.test_runner import end, over
from tests.test_machine import holds
from tui import ctl_command
from tui.__main__ import main
from tui.ctl_words import WORDS


async def tell(words: str) -> int:
    return await asyncio.to_thread(main, shlex.split(words))


async def test_scripts_tell_a_run_what_its_screen_can(
    tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "a b", samples / "photo.jpg", 200)
    view = await runner.launch([str(root)], Settings(workers=1))
    run = view.info.run_id
    try:
        assert await tell("ctl pause") == 0
        await until(view, lambda update: update.phase is Phase.PAUSED and not update.totals.scanning)
        for words in (
            "workers 2",
            "memory 400M",
            "nice 3",
            "on-hangup pause",
            "retry-failed",
            "retry-quarantined",
            "retry-quarantined a b",
        ):
            assert await tell(f"ctl {run[:4]} {words}") == 0
        assert (
            await tell(f"ctl cancel {shlex.quote(str(root / 'i0150.jpg'))} {shlex.quote(str(root / 'i0160.jpg'))}") == 0
        )
        seen = await until(view, lambda update: update.totals.skipped == 2 and len(update.workers) == 2)
        assert nices(seen) == {3}
        said = capsys.readouterr()
        assert said.out == ""
        assert f"run {run} leaves out 2 images" in said.err
        assert await tell("ctl status --json") == 0
        status = json.loads(capsys.readouterr().out)
        holds(status, "ctlStatus")
        assert (status["run"], status["phase"], status["workers_wanted"]) == (run, "paused", 2)
        assert (status["memory_limit"], status["nice"], status["on_hangup"]) == (400 << 20, 3, "pause")
        assert status["totals"]["skipped"] == 2
        assert await tell("status --json") == 0
        holds(json.loads(capsys.readouterr().out), "summary")
        assert await tell("ctl status") == 0
        assert "is paused: " in capsys.readouterr().out
        assert await tell("ps") == 0
        line = capsys.readouterr().out.splitlines()[1]
        assert line.split()[:2] == [run, "paused"]
        assert line.endswith(f"{root} -> {root / 'optimized'}")
        assert await tell("ps --json") == 0
        (listed,) = json.loads(capsys.readouterr().out)
        holds([listed], "running")
        assert (listed["run"], listed["found"], listed["roots"]) == (run, 200, [str(root)])
        assert 0 <= listed["percent"] < 100
        assert await tell("ctl stop --now") == 0
        await until(view, lambda update: update.phase is Phase.STOPPED)
        capsys.readouterr()
        assert await tell("ps --json") == 0
        assert json.loads(capsys.readouterr().out) == []
        assert await tell(f"ctl {run} pause") == 1
        assert f"run {run} is over" in capsys.readouterr().err
    finally:
        await end(view)


@pytest.mark.parametrize("words", ["pauze", "ab12 pauze"])
async def test_a_slip_in_a_command_is_answered_with_what_was_meant(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await tell(f"ctl {words}") == 2
    assert "'pauze' is none (did you mean pause?)" in capsys.readouterr().err


async def test_what_can_be_said_to_a_run_that_is_over(
    tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    broken = root / "broken.jpg"
    broken.write_bytes((samples / "photo.jpg").read_bytes()[:2000])
    await finish(Run([str(root)], Settings(workers=1)))
    broken.write_bytes((samples / "photo.jpg").read_bytes())
    assert await tell("ctl status --json") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["phase"], status["totals"]["failed"]) == ("finished", 1)
    assert await tell("ctl retry-failed") == 0
    said = capsys.readouterr().err.split()
    assert said[2:] == f"does the failed images of run {status['run']} again".split()
    view = await runner.attach(said[1])
    try:
        assert (await over(view)).totals.done == 1
    finally:
        await end(view)
    assert (root / "optimized" / "broken.jpg").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("dance", "; there are status, pause"),
        ("1a2b dance", "'dance' is none"),
        ("1a2b", "'1a2b' is none"),
        ("workers", "ctl [RUN] workers N"),
        ("workers 1 2", "ctl [RUN] workers N"),
        ("pause 3", "ctl [RUN] pause"),
        ("cancel", "ctl [RUN] cancel PATH ..."),
        ("workers 0", "from 1 to 256"),
        ("memory much", "'much' is not allowed"),
        ("memory 1M", "is not allowed"),
        ("nice 20", "use 0 to 19"),
        ("nice -5", "use 0 to 19"),
        ("on-hangup shrug", "use finish, pause, stop"),
        ("pause --now", "--now goes with stop"),
        ("stop --json", "--json goes with status"),
    ],
)
def test_what_cannot_be_said_is_one_sentence_that_says_how(
    words: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ctl", *words.split()]) == 2
    said = capsys.readouterr()
    assert wanted in said.err
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_a_run_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ctl", "pause"]) == 1
    assert capsys.readouterr().err == "imgopt-tui: no run is going on\n"


def test_every_word_does_something_and_reads_what_follows_it() -> None:
    assert set(ctl_command.DOES) == set(WORDS)
    assert set(ctl_command.READS) == {word.name for word in WORDS.values() if word.value}
