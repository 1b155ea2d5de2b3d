"""Promises of the script in front of the program in one file, with a program small enough for every run of the tests;
``tests.single_file`` holds the real one to them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

PROGRAM = """#!/bin/sh
[ "$1" = --version ] && exit 0
printf '%s\\n' "$@"
exit 7
"""


def builder() -> ModuleType:
    """``.ci/single_file.py``."""
    spec = importlib.util.spec_from_file_location("single_file", ROOT / ".ci" / "single_file.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_file(place: Path, program: str) -> Path:
    """The script with such a program behind it."""
    folder = place / "program"
    (folder / "lib").mkdir(parents=True)
    (folder / "imgopt-tui").write_text(program, encoding="utf-8")
    (folder / "imgopt-tui").chmod(0o755)
    (folder / "lib" / "link").symlink_to("../imgopt-tui")
    made = builder()
    payload, unpacked, glibc = made.pack(folder)
    file = place / "imgopt-tui"
    file.write_bytes(made.launcher(payload, unpacked, glibc, "1.0") + payload)
    file.chmod(0o755)
    return file


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it unpacks to: a path that needs quotes."""
    folder = tmp_path / "a 'cache' $HOME"
    monkeypatch.setenv("IMGOPT_CACHE", str(folder))
    return folder


def start(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([file, *words], capture_output=True, text=True, timeout=60, check=False)


def test_it_unpacks_once_and_hands_over_arguments_and_exit_code(tmp_path: Path, cache: Path) -> None:
    file = one_file(tmp_path, PROGRAM)
    words = ["run", "a  b", "*", "$HOME", ""]
    first = start(file, *words)
    assert (first.returncode, first.stdout, first.stderr) == (7, "\n".join(words) + "\n", "")
    (folder,) = cache.iterdir()
    before = folder.stat().st_ino
    assert start(file, *words).stdout == first.stdout
    assert [path.stat().st_ino for path in cache.iterdir()] == [before]
    assert (folder / "lib" / "link").resolve() == folder / "imgopt-tui"
    assert cache.stat().st_mode & 0o077 == 0


def test_several_first_starts_at_once_leave_one_folder(tmp_path: Path, cache: Path) -> None:
    file = one_file(tmp_path, PROGRAM)
    starts = [subprocess.Popen([file, "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    assert [each.communicate(timeout=60) for each in starts] == [(b"x\n", b"")] * 6
    (folder,) = cache.iterdir()
    assert {path.name for path in folder.iterdir()} == {"imgopt-tui", "lib"}


def test_what_killed_starts_left_goes_and_so_do_versions_that_nothing_runs_from(tmp_path: Path, cache: Path) -> None:
    file, host = one_file(tmp_path, PROGRAM), os.uname().nodename
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = [f".unpacking-{host}-{dead.pid}", f".unpacking-{host}-{os.getpid()}", f".unpacking-not{host}-{dead.pid}"]
    names += ["0.9-0123456789abcdef", "0.8-0123456789abcdef", "mine"]
    for name in names:
        (cache / name).mkdir(parents=True)
        shutil.copy(shutil.which("sleep") or "", cache / name / "imgopt-tui")
    with subprocess.Popen([cache / "0.8-0123456789abcdef" / "imgopt-tui", "60"]) as runs:
        try:
            assert start(file).returncode == 7
        finally:
            runs.kill()
    left = {path.name for path in cache.iterdir()} & set(names)
    gone = {names[0], "0.9-0123456789abcdef"} if sys.platform == "linux" else {names[0]}
    assert left == set(names) - gone


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("#!/bin/sh\necho \"version 'GLIBC_2.99' not found\" >&2; exit 1\n", "C library is too old or another one"),
        ("#!/nowhere\n", "C library is too old or another one"),
        ("#!/bin/sh\nexit 126\n", "is mounted noexec"),
        ("#!/bin/sh\necho 'error while loading shared libraries: libz.so.1' >&2; exit 1\n", "needs libz.so.1"),
        ("#!/bin/sh\necho other >&2; exit 1\n", "does not start from"),
    ],
)
def test_a_program_that_does_not_start_here_is_one_sentence(
    tmp_path: Path, cache: Path, program: str, words: str
) -> None:
    done = start(one_file(tmp_path, program))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words in done.stderr
    assert list(cache.iterdir()) == []


def test_a_file_that_was_not_copied_whole_says_so(tmp_path: Path, cache: Path) -> None:
    file = one_file(tmp_path, PROGRAM)
    file.write_bytes(file.read_bytes()[:-10])
    done = start(file)
    assert (done.returncode, done.stderr) == (1, f"imgopt-tui: {file} is not complete: copy or download it again\n")
    assert not cache.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_run_from(tmp_path: Path, cache: Path) -> None:
    file = one_file(tmp_path, PROGRAM)
    assert start(file).returncode == 7
    (folder,) = cache.iterdir()
    os.chown(folder, 12345, 12345)
    done = start(file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "belongs to somebody else" in done.stderr
