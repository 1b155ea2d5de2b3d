"""Promises of ``imgopt-tui doctor``: each check says what is so, what that means and what to do."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine import machine
from engine.finding import Finding, Level
from engine.journal import RunRow
from engine.journal_file import JournalFile
from engine.machine_checks import cpus, libvips, memory, open_files, packages, size_limits
from engine.place_checks import room, runs_left, settings_files, sockets_left, writable
from engine.places import journal_file, socket_path
from tests.cgroups import memory_group
from tests.conftest import ROOT
from tests.test_cli import environment
from tui.doctor_command import lines
from tui.terminal_checks import colours, kills_user_processes, link, locale, logout, terminal

GIB = 1024**3
FORMATS = {"jpeg": True, "avif": True}


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (cpus(8.0, 8), Level.OK, "8; 6 workers"),
        (cpus(1.5, 64), Level.OK, "1.5 of 64"),
        (cpus(0.5, 8), Level.WARN, "-j 1"),
        (memory(8 * GIB, 4 * GIB, 3 * GIB, "machine", 0), Level.OK, "8.00 GiB (machine)"),
        (memory(8 * GIB, 4 * GIB, 3 * GIB, "machine", 2), Level.NOTE, "ended 2 processes"),
        (memory(GIB // 4, GIB // 8, GIB // 10, "cgroup", 0), Level.WARN, "256 MiB (cgroup)"),
        (open_files(-1, 100, 6), Level.OK, "no limit"),
        (open_files(64, 4, 6), Level.WARN, "4 workers instead of 6"),
        (next(size_limits(GIB, -1)), Level.WARN, "--memory-limit"),
        (next(size_limits(-1, GIB)), Level.WARN, "no larger file"),
        (libvips({"libvips": "8.18.7", "formats": FORMATS}), Level.OK, "8.18.7, no known flaws; jpeg, avif"),
        (libvips({"libvips": "8.17.1", "formats": FORMATS}), Level.WARN, "known flaws"),
        (libvips({"libvips": "8.19.0", "formats": {**FORMATS, "avif": False}}), Level.WARN, "here: avif"),
        (libvips(None, "no module named pyvips"), Level.BAD, "no module named pyvips"),
        (packages({}), Level.OK, "all"),
        (packages({"numpy": "--target-quality is refused"}), Level.NOTE, "--target-quality is refused"),
        (terminal({"TERM": "xterm"}, (80, 24)), Level.OK, "80 columns"),
        (terminal({"TERM": "xterm"}, (60, 20)), Level.NOTE, "80 x 24"),
        (terminal({"TERM": "dumb"}, (80, 24)), Level.NOTE, "cannot be drawn"),
        (terminal({}, None), Level.NOTE, "ssh -t"),
        (colours({"TERM": "xterm-256color"}), Level.OK, "256"),
        (colours({"TERM": "xterm-256color", "NO_COLOR": "1"}), Level.NOTE, "NO_COLOR"),
        (locale({"LANG": "de_DE.UTF-8"}), Level.OK, "de_DE.UTF-8"),
        (locale({"LANG": "C"}), Level.NOTE, "LANG=C.UTF-8"),
        (link({}), Level.OK, "local"),
        (link({"SSH_CONNECTION": "10.0.0.9 5 10.0.0.1 22", "TMUX": "x"}), Level.OK, "SSH from 10.0.0.9 inside tmux"),
        (logout(None), Level.OK, "goes on"),
        (logout(False), Level.OK, "goes on"),
        (logout(True), Level.WARN, "systemd-run --user --scope"),
    ],
    ids=lambda value: value.name if isinstance(value, Finding) else "",
)
def test_what_is_found_is_said_with_what_it_means_and_what_to_do(finding: Finding, level: Level, words: str) -> None:
    said = " ".join((finding.value, finding.meaning, finding.action))
    assert finding.level is level
    assert words in said
    assert level in (Level.OK, Level.NOTE) or (finding.meaning or finding.action)
    assert all(len(line) <= 79 and line.isascii() for line in lines(finding, 79))


def test_logind_is_understood_with_the_files_dropped_beside_its_own(tmp_path: Path) -> None:
    assert kills_user_processes(tmp_path) is None
    (tmp_path / "run/systemd/seats").mkdir(parents=True)
    assert kills_user_processes(tmp_path) is False
    (tmp_path / "etc/systemd/logind.conf.d").mkdir(parents=True)
    (tmp_path / "etc/systemd/logind.conf").write_text("[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes\n")
    assert kills_user_processes(tmp_path) is True
    (tmp_path / "etc/systemd/logind.conf.d/b.conf").write_text("[Login]\nKillUserProcesses=no\n")
    (tmp_path / "etc/systemd/logind.conf.d/c.conf").write_text("nonsense")
    assert kills_user_processes(tmp_path) is False


def test_folders_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    assert writable("state", tmp_path / "not" / "yet", "", "").level is Level.OK
    assert not (tmp_path / "not").exists(), "looking makes nothing"
    found = writable("state", Path("/proc"), "nothing is remembered", "set XDG_STATE_HOME")
    assert (found.level, found.value.partition(":")[0]) == (Level.BAD, "/proc")
    assert " free at " in room("room", tmp_path / "not" / "yet").value


def test_what_was_left_behind_is_found() -> None:
    assert [finding.level for finding in runs_left()] == [Level.OK]
    file = JournalFile(journal_file())
    with file.transaction():
        file.add_run(RunRow("deadbeef", ("/a",), ("/a",), "/b", False, {}, ()).values())
    for _ in range(2):
        file.blame(bytes(16), 5, b"/a/\xff.jpg", "crashed", "deadbeef")
    file.close()
    said = {finding.name: finding for finding in runs_left()}
    assert said["runs"].action == "imgopt-tui resume deadbeef"
    assert said["set aside"].value == "1 image"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path("deadbeef")))
    assert "1 sockets" in sockets_left().meaning
    assert sockets_left().level is Level.OK, "it is gone"
    journal_file().write_bytes(b"no database" * 900)
    assert [finding.level for finding in runs_left()] == [Level.WARN]


def test_a_wrong_settings_file_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_files().level is Level.OK
    (tmp_path / "imgopt-tui.toml").write_text("[encode]\nquality = 0\n")
    found = settings_files()
    assert found.level is Level.BAD
    assert "encode.quality" in found.value


def test_json_holds_to_the_schema_and_no_pixels_are_loaded() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    code = "import sys; from tui.__main__ import main; main(['doctor', '--json']); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    schema = {**json.loads(machine.schema_text()), "$ref": "#/$defs/doctor"}
    value = json.loads(run.stdout)
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)
    levels = {finding["name"]: finding["level"] for finding in value["findings"]}
    assert levels["libvips"] == "ok"
    assert not {"pyvips", "numpy", "textual"} & set(run.stderr.decode().split())


def test_it_is_right_in_a_dumb_terminal_of_80_columns_inside_512_mib() -> None:
    with memory_group(512 * 1024**2) as group:
        command = group.around([sys.executable, "-m", "tui", "doctor"])
        master, slave = pty.openpty()
        dumb = {**environment(), "TERM": "dumb", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
        size = ["sh", "-c", 'stty rows 24 cols 80; exec "$@"', "sh", *command]
        with subprocess.Popen(size, env=dumb, cwd=ROOT, stdin=slave, stdout=slave, stderr=subprocess.STDOUT) as run:
            os.close(slave)
            seen = b""
            try:
                while part := os.read(master, 65536):
                    seen += part
            except OSError:
                pass  # the other end is closed
            finally:
                os.close(master)
        assert run.returncode == 0
        assert group.kills == 0
    said = seen.decode("ascii").splitlines()
    assert all(len(line) < 80 for line in said)
    assert "\x1b" not in seen.decode("ascii")
    words = " ".join(" ".join(said).split())
    assert "512 MiB (cgroup)" in words
    assert "dumb, 80 columns, 24 lines" in words
    assert "the dashboard cannot be drawn" in words
    assert "no known flaws" in words
