"""Promises about where a dashboard is opened and where not, and about which characters it draws with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.child import command, environment
from tests.terminal import on_terminal


@pytest.mark.parametrize("arguments", [["."], ["attach"]])
def test_without_a_terminal_there_is_one_line_with_the_command_for_scripts(arguments: list[str]) -> None:
    done = subprocess.run(
        [*command("tui"), *arguments], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert not done.stdout
    line = done.stderr.decode()
    assert line.count("\n") == 1
    assert ("imgopt-tui run ." if arguments == ["."] else "imgopt-tui ps") in line


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_gets_the_same_line_and_no_code(tmp_path: Path, term: str) -> None:
    with on_terminal(str(tmp_path), env={"TERM": term}) as it:
        assert it.wait() == 2
        it.until_text("imgopt-tui: no terminal for the dashboard")
        assert b"\x1b" not in it.raw


def test_a_locale_that_is_not_utf8_gets_seven_bits_the_tree_included(tmp_path: Path) -> None:
    (tmp_path / "café").mkdir()
    (tmp_path / "café" / "a.jpg").touch()
    with on_terminal(str(tmp_path), env={"LC_ALL": "C"}, size=(160, 48)) as it:
        it.until_text("q Quit", "+ cafe")
        it.send("jl")
        it.until_text("- cafe", "a.jpg")
        for keys, words in (("o", "Settings"), ("\x1b[27u", "q Quit"), ("?", "Marks")):
            it.send(keys)
            it.until_text(words)
        assert it.raw.isascii()


def test_below_sixty_columns_one_line_is_left(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path), size=(40, 10)) as it:
        it.until_text("0% 0/0", "q quit")
        assert not any(line.strip() for line in it.lines[1:])
        it.send("q")
        assert it.wait() == 0
