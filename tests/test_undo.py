"""Promises of ``undo`` and ``backups`` as the user calls them, over images that a real run replaced."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_run import fill
from tests.test_cli import TOOL, call, environment


@pytest.fixture
def replaced(tmp_path: Path, samples: Path) -> tuple[Path, dict[str, tuple[int, bytes]], dict[str, Any]]:
    """A root after a run in place, what was in it before (inode and bytes by name), and the run's summary."""
    root = fill(tmp_path / "in", samples / "photo.jpg", 3)
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in root.iterdir()}
    run = call("run", root, "--in-place", "--json", "-j", "2")
    assert run.returncode == 0, run.stderr
    return root, before, json.loads(run.stdout)["summary"]


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in root.iterdir() if path.is_file()}


def test_a_run_is_undone_by_its_id_from_anywhere_also_in_part(replaced: Any, tmp_path: Path) -> None:
    root, before, summary = replaced
    run_id = summary["run"]
    assert summary["backupBytes"] == sum(len(data) for _, data in before.values())
    shutil.rmtree(os.environ["XDG_STATE_HOME"])
    assert call("undo", run_id, cwd=tmp_path).returncode == 3, "nothing knows of it here"
    part = call("undo", run_id[:6], root / "i0001.jpg", cwd=tmp_path)
    assert (part.returncode, part.stderr) == (0, b"")
    assert part.stdout == f"run {run_id}: 1 put back, 0 as they were, 0 refused\n".encode()
    (root / "i0000.jpg").write_bytes(b"edited")
    rest = call("undo", "last", "--in", root, "--json")
    value = json.loads(rest.stdout)
    assert rest.returncode == 1
    assert value["summary"] == {"run": run_id, "dryRun": False, "back": 1, "nothing": 1, "refused": 1}
    refused = value["results"][0]
    assert (refused["path"], refused["status"]) == (str(root / "i0000.jpg"), "refused")
    assert "changed since" in refused["reason"]
    assert Path(refused["reason"].rpartition(" ")[2]).read_bytes() == before["i0000.jpg"][1]
    assert {**files(root), "i0000.jpg": before["i0000.jpg"]} == before


def test_a_run_that_was_undone_is_told_as_that_and_its_originals_as_gone_back(replaced: Any) -> None:
    root, _, summary = replaced
    assert call("undo", "last", root / "i0001.jpg").returncode == 0
    left = json.loads(call("runs", "--json").stdout)[0]
    assert left["undone"] == 1
    assert 0 < left["backupBytes"] < summary["backupBytes"]
    assert call("undo", "last").returncode == 0
    back = json.loads(call("runs", "--json").stdout)[0]
    assert (back["undone"], back["backupBytes"]) == (3, 0)
    assert b"finished, undone (3 put back)" in call("runs").stdout
    for command in ("status", "report"):
        told = call(command).stdout.decode()
        assert "undone since: 3 originals put back" in told
        assert "backups --prune" not in told
        assert "back again with" not in told


def test_originals_that_were_given_up_are_not_told_as_kept(replaced: Any) -> None:
    assert call("backups", "--prune", replaced[2]["run"], "--yes").returncode == 0
    told = call("status").stdout.decode()
    assert "backups --prune" not in told
    assert "back again with" not in told


def test_undoing_conversions_says_only_what_is_odd(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 2)
    assert call("run", root, "--in-place", "--replace", "--format", "webp", "--effort", "fast").returncode == 0
    (root / "i0001.webp").write_bytes(b"edited")
    undone = call("undo", "last", "--in", root)
    assert undone.stderr.count(b"\n") == 1
    assert b"i0001.jpg" in undone.stderr
    assert sorted(path.name for path in root.iterdir() if path.is_file()) == ["i0000.jpg", "i0001.jpg", "i0001.webp"]


def test_the_end_of_a_run_says_saved_apart_from_freed_and_how_to_go_back(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 1)
    lines = call("run", root, "--in-place").stdout.decode().splitlines()
    assert any(line.startswith("0 B freed until the backups (") for line in lines)
    assert "imgopt-tui undo " in lines[-1]
    again = fill(tmp_path / "again", samples / "photo.jpg", 1)
    text = call("run", again, "--in-place", "--no-backup").stdout.decode()
    assert "undo" not in text
    assert "freed" not in text


def test_backups_are_listed_and_deleted_only_when_that_was_confirmed(replaced: Any) -> None:
    root, before, summary = replaced
    listed = json.loads(call("backups", "--json").stdout)["backups"]
    assert [(one["run"], one["root"], one["images"], one["links"]) for one in listed] == [
        (summary["run"], str(root), 3, 3)
    ]
    assert listed[0]["bytes"] >= sum(len(data) for _, data in before.values())
    assert call("backups", "--prune", summary["run"]).returncode == 2, "nobody can be asked"
    assert call("backups", root, "--older-than", "1d", "--yes").returncode == 0
    assert _answered("n\n", summary["run"]) == 3
    assert len(json.loads(call("backups", "--json").stdout)["backups"]) == 1
    assert _answered("y\n", summary["run"]) == 0
    assert call("backups").returncode == 3
    assert sorted(os.listdir(root)) == sorted(before)
    assert call("undo", summary["run"]).returncode == 3


def _answered(answer: str, run_id: str) -> int:
    """Exit code of a prune on a terminal where somebody typed ``answer``."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        command = [*TOOL[:-1], "tui.__main__", "backups", "--prune", run_id]
        return subprocess.run(
            command, env=environment(), stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, check=False, timeout=60
        ).returncode
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    "given", [["undo"], ["backups", "--all", "--prune", "x"], ["backups", "--older-than", "soon", "--yes"]]
)
def test_wrong_usage_is_a_sentence(given: list[str], tmp_path: Path) -> None:
    done = call(*given, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(b"imgopt-tui: ")
