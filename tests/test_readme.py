"""The README is true: every command in it runs, and what is generated in it is fresh."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.config import example
from tests.refresh import ROOT, readme

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SETUP = 'python3 -m venv .venv && .venv/bin/pip install --quiet ".[all]" && '
RUN_BY_CI = {"bash tests/run"}
"""Is what runs this very test."""


def _commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and line not in RUN_BY_CI]


def _on_screen(command: str) -> bool:
    words = command.removeprefix(SETUP).split()
    return words[0].endswith("imgopt-tui") and (len(words) == 1 or words[1] in ("attach", "--demo") or "/" in words[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """A home with pictures, and ``imgopt-tui`` on the path as after the README's first line."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "Pictures").mkdir()
    demo = next(ROOT.joinpath("tui/demo_images").glob("*.jpg"))  # of which every limit of size takes some
    for name, picture in (("a.jpg", demo), ("b.jpg", samples / "photo.jpg")):
        (folder / "Pictures" / name).write_bytes(picture.read_bytes())
    (folder / "a.jpg").write_bytes((folder / "Pictures" / "a.jpg").read_bytes())
    program = folder / ".venv" / "bin" / "imgopt-tui"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m tui "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


def _environment(home: Path) -> dict[str, str]:
    path = f"{home / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    own = {"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    dropped = {"XDG_STATE_HOME", "XDG_CONFIG_HOME", "NO_COLOR"}
    return {**{key: value for key, value in os.environ.items() if key not in dropped}, **own}


def test_generated_parts_are_fresh() -> None:
    assert readme(TEXT) == TEXT, "run: python -m tests.refresh"
    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == example(), "run: python -m tests.refresh"


def test_the_first_line_ends_in_the_demo() -> None:
    assert _commands()[0].startswith(SETUP)
    assert _commands()[0].endswith("imgopt-tui --demo")


@pytest.mark.parametrize(
    "command", [c for c in _commands() if not _on_screen(c) and not {"stop", "watch"} & set(c.split())]
)
def test_command_works(command: str, home: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [c for c in _commands() if c.startswith("imgopt-tui watch ")])
def test_watch_watches_until_it_is_ended(command: str, home: Path) -> None:
    line = ["bash", "-c", f"exec {command}"]
    with subprocess.Popen(line, cwd=home, env=_environment(home), stderr=subprocess.PIPE) as watch:
        assert watch.stderr is not None
        try:
            assert any(b"watching" in line for line in watch.stderr)
        finally:
            watch.terminate()
        assert watch.wait(20) == 0


def _see(command: str, home: Path, wanted: bytes, keys: bytes) -> bytes:
    """Run a command on a pseudo-terminal until it has painted ``wanted``, type ``keys``, and wait for its end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execvpe("bash", ["bash", "-c", f"stty rows 24 cols 80; exec {command}"], _environment(home))
    seen, typed = b"", False
    end = time.monotonic() + 60
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            part = os.read(terminal, 65536)
            if not part:
                break
            seen += part
            if wanted in seen and not typed:
                typed = True
                os.write(terminal, keys)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert wanted in seen, seen[-2000:]
    assert os.waitstatus_to_exitcode(status) == 0, seen[-2000:]
    return seen


def test_dashboard_opens_on_own_pictures(home: Path) -> None:
    assert b"Traceback" not in _see(".venv/bin/imgopt-tui ~/Pictures", home, b"Pictures", b"q")


def test_demo_line_shows_the_dashboard_at_work(home: Path) -> None:
    """Then leaves with Ctrl+C on the command line's behalf: q, and Enter for "leave it running"."""
    command = _commands()[0].removeprefix(SETUP)
    try:
        assert b"Traceback" not in _see(command, home, b"img/s", b"q\r")
    finally:  # what was left running would take the CPU of the tests that follow
        subprocess.run(["bash", "-c", "imgopt-tui stop"], env=_environment(home), timeout=30, check=False)


def test_attach_and_stop_find_a_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in _environment(home).items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    async def use() -> None:
        from engine.runner import launch
        from engine.settings import Settings

        view = await launch([str(home / "Pictures")], Settings().with_values({"output": str(home / "elsewhere")}))
        await view.pause()
        seen = await asyncio.to_thread(_see, "imgopt-tui attach", home, b"Pictures", b"q\r")
        assert b"Traceback" not in seen
        stop = ["bash", "-c", "imgopt-tui stop"]
        done = await asyncio.to_thread(subprocess.run, stop, env=_environment(home), timeout=30, check=False)
        assert done.returncode == 0
        await view.close()

    asyncio.run(use())


EXAMPLES = [
    *(["python", code] for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)),
    *(["node", code] for code in re.findall(r"```js\n(.*?)```", TEXT, re.DOTALL)),
]
INTERPRETERS = {"python": [sys.executable, "-P", "-c"], "node": ["node", "--input-type=module", "--eval"]}


@pytest.mark.parametrize(("language", "code"), EXAMPLES)
def test_example_of_another_program_works(language: str, code: str, home: Path) -> None:
    """Each prints the path and the saved bytes of one result, and two of them how far it is."""
    interpreter = INTERPRETERS[language]
    if shutil.which(interpreter[0]) is None:
        pytest.skip(f"needs {language}")
    done = subprocess.run(
        [*interpreter, code],
        cwd=home,
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path, saved = done.stdout.splitlines()[-1].split()
    assert (home / path).stat().st_size == (home / "a.jpg").stat().st_size - int(saved)
    assert ("optimize-batch" in code) == ("1 of 1" in done.stdout + done.stderr)


def test_there_is_an_example_for_each_neighbour() -> None:
    assert [language for language, _ in EXAMPLES] == ["python", "python", "node"]
