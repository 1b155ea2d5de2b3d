"""Promises of how child processes are started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import engine
from engine.child import command, environment


def test_relative_entries_of_the_module_path_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["relative", "", ".", "/absolute"]))
    entries = environment()["PYTHONPATH"].split(os.pathsep)
    assert all(os.path.isabs(entry) for entry in entries)
    assert entries[-1] == "/absolute"


def test_pixels_get_one_thread_and_the_parent_is_named() -> None:
    found = environment(pixels=True)
    assert (found["VIPS_CONCURRENCY"], found["MALLOC_ARENA_MAX"]) == ("1", "2")
    assert found["IMGOPT_PARENT"] == str(os.getpid())


def test_a_folder_of_pictures_that_holds_an_engine_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    for name in ("__init__", "worker"):
        (tmp_path / "engine" / f"{name}.py").write_text("raise SystemExit('hijacked')\n")
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')\n")
    monkeypatch.setenv("PYTHONPATH", ".")
    run = subprocess.run(
        command("engine.worker"),
        env=environment(pixels=True),
        cwd=tmp_path,
        input=b'{"exit":true}\n',
        capture_output=True,
    )
    assert run.returncode == 0, run.stderr
    assert engine.__file__.encode() in run.stdout
    assert b"hijacked" not in run.stderr
