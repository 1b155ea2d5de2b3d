"""Promises of the completions and the man page: made of the parser, they know all of it, in the real shells."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.settings import SCHEMA
from tests.conftest import ROOT
from tests.test_cli import call
from tui.completions import SCRIPTS, bash, fish, zsh
from tui.grammar import COMMANDS
from tui.man_page import man_page
from tui.spoken import Kind, spoken

WAIT = 30.0
"""Seconds for a shell to answer, on any machine."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``imgopt-tui`` on the path, with a folder to stand in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "imgopt-tui"
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m tui "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    place = tmp_path / "place"
    (place / "some folder").mkdir(parents=True)
    (place / "photo.jpg").touch()
    monkeypatch.chdir(place)
    return file


def test_every_command_and_option_is_in_every_script_and_in_the_manual() -> None:
    commands = spoken()
    assert [command.name for command in commands] == ["", *COMMANDS]
    names = {name for command in commands for option in command.options for name in option.names}
    assert names >= {flag for entry in SCHEMA for flag in entry.flags}
    for text in (bash(commands), zsh(commands)):
        assert all(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names)
    told = fish(commands)
    for name in names:
        assert f"-l {name[2:]} " in told if name.startswith("--") else f"-s {name[1:]} " in told
    manual = man_page(commands).replace("\\-", "-")
    shown = {name for command in commands for option in command.options if option.help for name in option.names}
    assert all(f"\\fB{name}\\fR" in manual for name in shown)
    assert all(f".SS {name}\n" in manual for name in COMMANDS)


def test_what_a_value_is_is_known_of_each_option() -> None:
    options = {(command.name, name): each for command in spoken() for each in command.options for name in each.names}
    for entry in SCHEMA:
        for flag in entry.flags:
            values = options["watch" if entry.section == "watch" else "", flag].values
            assert (values.words if values else ()) == entry.choices
    kinds = {key: option.values.kind for key, option in options.items() if option.values}
    assert kinds["run", "--also"] is Kind.LIST
    assert (kinds["run", "-o"], kinds["report", "-o"]) == (Kind.FOLDER, Kind.FILE)
    assert (kinds["backups", "--prune"], kinds["run", "--quality"]) == (Kind.RUN, Kind.TEXT)


IN_BASH = """
source /dev/stdin <<< "$(imgopt-tui completions bash)"
complete -p imgopt-tui
for line in "$@"; do
    IFS=$'\\t' read -r -a COMP_WORDS <<< "$line"
    [[ $line == *$'\\t' ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _imgopt_tui "${COMP_WORDS[0]}"
    printf '%s\\t' "${COMPREPLY[@]}"; printf '\\n'
done
"""


def in_bash(*lines: Sequence[str]) -> list[set[str]]:
    """What bash offers for each line; the last word is the one that is completed."""
    given = ["\t".join(line) for line in lines]
    shell = ["bash", "--norc", "-u", "-c", IN_BASH, "bash", *given]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stderr == ""
    first, *rest = done.stdout.splitlines()
    assert first == "complete -o default -F _imgopt_tui imgopt-tui"
    return [set(filter(None, line.split("\t"))) for line in rest]


def test_bash_completes_commands_options_and_values(program: Path) -> None:
    lines = {
        ("imgopt-tui", "ru"): {"run", "runs"},
        ("imgopt-tui", "pho"): {"photo.jpg"},
        ("imgopt-tui", "run", "--form"): {"--format"},
        ("imgopt-tui", "run", "--format", "w"): {"webp"},
        ("imgopt-tui", "run", "--format", "=", "w"): {"webp"},
        ("imgopt-tui", "run", "--effort", "="): {"fast", "balanced", "small"},
        ("imgopt-tui", "run", "--also", "webp,a"): {"webp,avif"},
        ("imgopt-tui", "run", "--", "--f"): set(),
        ("imgopt-tui", "ps", "--f"): set(),
        ("imgopt-tui", "ctl", "pa"): {"pause"},
        ("imgopt-tui", "completions", ""): set(SCRIPTS),
        ("imgopt-tui", "--the"): {"--theme"},
    }
    assert in_bash(*lines) == list(lines.values())


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes_commands_options_and_values(program: Path) -> None:
    lines = {
        "imgopt-tui ru": {"run", "runs"},
        "imgopt-tui pho": {"photo.jpg"},
        "imgopt-tui run --form": {"--format"},
        "imgopt-tui run --format w": {"webp"},
        "imgopt-tui run --format=w": {"--format=webp"},
        "imgopt-tui run --also webp,a": {"webp,avif"},
        "imgopt-tui run -o some": {"some folder/"},
        "imgopt-tui ps pho": set(),
        "imgopt-tui ctl pa": {"pause"},
        "imgopt-tui completions ": set(SCRIPTS),
        "imgopt-tui --the": {"--theme"},
    }
    code = "imgopt-tui completions fish | source; for line in $argv; complete -C $line; echo ==; end"
    shell = ["fish", "--no-config", "-c", code, *lines]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stderr == ""
    found = done.stdout.split("==\n")[:-1]
    assert [{line.split("\t")[0] for line in part.splitlines()} for part in found] == list(lines.values())


def in_zsh(folder: Path, typed: str, wanted: str) -> str:
    """What zsh shows on a terminal after ``typed`` and Tab, as soon as ``wanted`` is in it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", PS1="ready> ", ZDOTDIR=str(folder))
        os.execvp("zsh", ["zsh", "-f", "-i"])
    start = f"stty cols 200; autoload -Uz compinit; compinit -u -d {folder}/dump; source {folder}/_imgopt-tui"
    seen = ""
    try:
        for keys, until in ((f"{start}; print -r set''up\n", "setup"), (f"{typed}\t", wanted)):
            os.write(terminal, keys.encode())
            seen, end = "", time.monotonic() + WAIT
            while until not in seen and time.monotonic() < end:
                if select.select([terminal], [], [], 0.5)[0]:
                    seen += os.read(terminal, 65536).decode(errors="replace")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)
    return seen


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("imgopt-tui qua", "quarantine "),
        ("imgopt-tui pho", "photo.jpg "),
        ("imgopt-tui run --forma", "--format="),
        ("imgopt-tui run --format=we", "webp "),
        ("imgopt-tui run --also webp,av", "webp,avif"),
        ("imgopt-tui run -o so", "some\\ folder/"),
        ("imgopt-tui ctl pau", "pause "),
        ("imgopt-tui completions fi", "fish "),
    ],
)
def test_zsh_completes_commands_options_and_values(program: Path, tmp_path: Path, typed: str, wanted: str) -> None:
    (tmp_path / "_imgopt-tui").write_text(zsh(spoken()), encoding="utf-8")
    assert wanted in in_zsh(tmp_path, typed, wanted)


def test_every_shell_completes_the_runs_there_are(program: Path, samples: Path, tmp_path: Path) -> None:
    call("run", samples / "small.jpg", "-o", tmp_path / "out", "-Q")
    run = call("runs").stdout.decode().split()[0]
    lines = [("imgopt-tui", *words, "") for words in (["report"], ["undo"], ["backups", "--prune"])]
    assert in_bash(*lines) == [{run}] * 3
    assert run in in_bash(("imgopt-tui", "ctl", ""))[0]
    if shutil.which("fish"):
        code = "imgopt-tui completions fish | source; complete -C 'imgopt-tui report '"
        done = subprocess.run(["fish", "--no-config", "-c", code], capture_output=True, text=True, check=True)
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [run]
    if shutil.which("zsh"):
        (tmp_path / "_imgopt-tui").write_text(zsh(spoken()), encoding="utf-8")
        assert run in in_zsh(tmp_path, "imgopt-tui report ", run)


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_is_read_without_a_warning() -> None:
    manual = call("man").stdout
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=manual, capture_output=True, timeout=WAIT, check=True
    )
    assert done.stderr == b""
    shown = re.sub(rb".\x08|\x1b\[[0-9;]*m", b"", done.stdout).decode()
    assert "imgopt-tui optimize-batch [options] JSON|FILE|-" in shown
    assert "--target-quality N" in shown
