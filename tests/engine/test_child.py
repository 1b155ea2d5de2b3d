"""Promises of how child processes are started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
import engine.child
from engine.child import command, environment, keep_ahead, start_worker, start_workers_ahead


def test_relative_entries_of_the_module_path_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["relative", "", ".", "/absolute"]))
    entries = environment()["PYTHONPATH"].split(os.pathsep)
    assert all(os.path.isabs(entry) for entry in entries)
    assert entries[-1] == "/absolute"


def test_pixels_get_one_thread_and_the_parent_is_named() -> None:
    found = environment(pixels=True)
    assert (found["VIPS_CONCURRENCY"], found["MALLOC_ARENA_MAX"], found["RAYON_NUM_THREADS"]) == ("1", "2", "1")
    assert found["IMGOPT_PARENT"] == str(os.getpid())


def test_no_picture_is_put_into_the_temporary_folder_however_large_it_is(tmp_path: Path) -> None:
    """108 MB of pixels, more than what libvips keeps in memory unless it is told otherwise."""
    code = (
        "import pyvips\n"
        "data = pyvips.Image.black(6000, 6000, bands=3).pngsave_buffer(compression=1)\n"
        "print(pyvips.Image.pngload_buffer(data).avg())"
    )
    told = {**environment(pixels=True), "TMPDIR": str(tmp_path / "gone")}
    untold = {key: value for key, value in told.items() if key != "VIPS_DISC_THRESHOLD"}
    runs = [
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=env, capture_output=True, check=False)
        for env in (told, untold)
    ]
    assert (runs[0].returncode, runs[0].stdout) == (0, b"0.0\n")
    assert b"unable to write to" in runs[1].stderr


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


def test_workers_started_ahead_are_taken_over_and_the_rest_ended() -> None:
    start_workers_ahead(3)
    first = start_worker("engine.worker")
    keep_ahead(1)
    second, third = start_worker("engine.worker"), start_worker("engine.worker")
    keep_ahead(0)
    with first, second, third:
        assert first.stdout is not None
        assert b'"ready"' in first.stdout.readline()
        assert len({first.pid, second.pid, third.pid}) == 3
        for process in (first, second, third):
            assert process.poll() is None
            process.kill()


def test_a_worker_that_died_before_it_was_taken_over_is_not_used() -> None:
    start_workers_ahead(1)
    [dead] = engine.child._ahead
    dead.kill()
    dead.wait()
    with start_worker("engine.worker") as process:
        assert process.pid != dead.pid
        process.kill()
