"""Promises of ``imgopt-tui service``: systemd takes its units, a run can live with them, they start what was said."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import PlanError
from tests.conftest import ROOT
from tests.test_cli import call, environment
from tests.test_watch import QUICK, watching
from tui import notify
from tui.__main__ import main
from tui.unit_text import quoted

MOST_EXPOSED = 2.0
"""Of 10, as ``systemd-analyze security`` counts; below 2 it says OK."""
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an awkward name, and the working directory."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'a "b" $HOME %h \\ ä'
    root.mkdir()
    return root


def made(tmp_path: Path, *given: str | Path) -> dict[str, str]:
    folder = tmp_path / "units"
    folder.mkdir()
    assert main(["service", "--write", str(folder), *map(str, given)]) == 0
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def value(text: str, key: str) -> str:
    (found,) = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return str(found)


@needs_systemd
@pytest.mark.parametrize("inner", [("watch", "--in-place"), ("run", "-Q", "--format", "webp", "--csv", "last.csv")])
def test_systemd_takes_the_units_and_finds_them_little_exposed(
    tmp_path: Path, tree: Path, inner: tuple[str, ...]
) -> None:
    units = made(tmp_path, "--name", "images", "--user", "root", inner[0], tree, *inner[1:])
    paths = [str(tmp_path / "units" / name) for name in units]
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert not [line for line in checked.stderr.splitlines() if "images." in line], "it warns of nothing in them"
    (service,) = (path for path in paths if path.endswith(".service"))
    security = ["systemd-analyze", "security", "--offline=yes", "--no-pager", service]
    rated = subprocess.run(security, capture_output=True, text=True)
    if "unrecognized option" in rated.stderr:
        pytest.skip("this systemd rates running services only")
    (score,) = re.findall(r"exposure level for \S+: ([\d.]+)", rated.stdout)
    assert float(score) < MOST_EXPOSED, rated.stdout


def test_a_run_gets_a_timer_and_a_watch_none(tmp_path: Path, tree: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    units = made(tmp_path, "--on-calendar", "*-*-* 03:00", "run", tree, "-o", out)
    assert set(units) == {"imgopt-run.service", "imgopt-run.timer"}
    assert value(units["imgopt-run.timer"], "OnCalendar") == "*-*-* 03:00"
    assert value(units["imgopt-run.service"], "Type") == "oneshot"
    assert value(units["imgopt-run.service"], "ReadWritePaths") == str(out)


def test_it_may_change_only_what_the_command_changes(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, kept, out = tree.parent / "in", tmp_path / "kept", tmp_path / "out"
    for folder in (root, kept, out):
        folder.mkdir()

    def writes(*given: str | Path) -> list[str]:
        assert main(["service", "watch", *map(str, given)]) == 0
        return value(capsys.readouterr().out, "ReadWritePaths").split()

    assert writes(root, "--in-place") == [str(root)]
    assert writes(root, "--in-place", "--backup-folder", kept) == [str(root), str(kept)]
    assert writes(root, "-o", out) == [str(out)]
    assert writes(root) == [str(root)], "its folder of results is not there yet"
    (root / "optimized").mkdir()
    assert writes(root) == [str(root / "optimized")]
    assert main(["service", "watch", str(root), "-o", str(tmp_path / "new")]) == 2
    assert "is not there: make it first" in capsys.readouterr().err


def test_what_cannot_be_a_service_is_answered_with_a_sentence(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(os.fsencode(tree.parent) + b"/\xff")
    os.mkdir(odd)
    for words, said in (
        (["service"], "what is it to start?"),
        (["service", "watch"], "the following arguments are required: DIR"),
        (["service", "watch", str(tree), "--qualty", "3"], "did you mean --quality?"),
        (["service", "run", "-"], "has nothing on its stdin"),
        (["service", "--name", "a/b", "watch", str(tree)], "is no name for a unit"),
        (["service", "--user", "nobody at all", "watch", str(tree)], "there is no such user"),
        (["service", "watch", odd], "units of systemd hold names in UTF-8 only"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err
    assert main(["service", "--write", str(tree), "watch", str(tree)]) == 0
    assert main(["service", "--write", str(tree), "watch", str(tree)]) == 2
    assert "imgopt-watch.service is not written: file exists" in capsys.readouterr().err


def _as_systemd_reads(line: str) -> list[str]:
    """The words of a command line: quotes, escapes of C, ``%%`` and ``$$``; a specifier or variable is an error."""
    words: list[bytes] = []
    for quote, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|([^" ]+)', line):
        data = re.sub(r"\\x(..)", lambda m: chr(int(m[1], 16)), (quote or plain).encode().decode("latin-1"))
        data = re.sub(r"\\(.)", r"\1", data)
        assert not re.search(r"(?<!%)(%%)*%(?!%)", data)
        words.append(data.replace("%%", "%").replace("$$", "$").encode("latin-1"))
    return [word.decode() for word in words]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_any_name_comes_back_from_a_command_line(words: list[str]) -> None:
    line = " ".join(quoted(word, command=True) for word in words)
    assert line.isprintable()
    assert _as_systemd_reads(line) == words


def test_names_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(PlanError):
        quoted("\udcff")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux'")
def test_the_service_manager_is_told_when_it_watches_what_came_and_when_it_ends(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "in"
    root.mkdir()
    address = os.path.join(os.environ["XDG_STATE_HOME"], "n")
    os.makedirs(os.path.dirname(address), exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with watching(root, *QUICK, "-QQ", begins=b"") as it:
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=")
            shutil.copy(samples / "small.jpg", root / "a.jpg")
            assert b"STATUS=1 done, 0 kept, 0 skipped, 0 failed" in manager.recv(4096)
            assert it.end(signal.SIGTERM) == 0
            assert manager.recv(4096) == b"STOPPING=1"
    monkeypatch.setenv("NOTIFY_SOCKET", "/nothing/there")
    notify.notify(notify.READY)


def test_a_service_may_not_map_memory_as_code_nor_gain_rights_and_works_all_the_same(
    tmp_path: Path, samples: Path
) -> None:
    """What of ``MemoryDenyWriteExecute`` and ``NoNewPrivileges`` the kernel does for a process that asks for it."""
    for name in ("small.jpg", "small.png", "small.gif", "small.tif"):
        shutil.copy(samples / name, tmp_path / name)
    code = (
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "sys.exit(77) if libc.prctl(65, 1, 0, 0, 0) or libc.prctl(38, 1, 0, 0, 0) else None\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'tui', *sys.argv[1:]])\n"
    )
    given = (
        "run",
        str(tmp_path),
        "--format",
        "avif",
        "--target-quality",
        "70",
        "--also",
        "jpeg,png",
        "--effort",
        "fast",
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *given], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert done.returncode == 0, done.stderr
    assert "4 done" in done.stdout
    assert call("runs").returncode == 0
