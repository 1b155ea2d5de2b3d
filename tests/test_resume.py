"""Promises of runs that are killed and gone on with, and of what is said about past runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.known import hash_file
from engine.ledger import Entry, ledgers, read_ledger
from engine.writer import GROUP_IMAGES
from tests.test_cli import TOOL, call, environment

COMMAND = [*TOOL[:-1], "tui.__main__"]
WORKERS = 2
SECONDS = 60


def tree(root: Path, sample: Path, images: int) -> dict[str, bytes]:
    """Photos that differ, so that each content is one image's alone; returns the originals."""
    root.mkdir()
    data = sample.read_bytes()
    originals = {f"i{number:03}.jpg": data + bytes([number]) for number in range(images)}
    for name, content in originals.items():
        (root / name).write_bytes(content)
    return originals


def entries(root: Path) -> list[Entry]:
    folders = sorted((root / ".imgopt-backups").glob("*"))
    return [entry for folder in folders for path in ledgers(str(folder)) for entry in read_ledger(path)]


def kill_after(images: int, *given: str | Path) -> None:
    """Start a run and SIGKILL it once that many images are through."""
    with subprocess.Popen([*COMMAND, *given], env=environment(), stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        for _ in range(images):
            assert run.stdout.readline()
        run.send_signal(signal.SIGKILL)


def summary_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("again", ["run", "resume"])
def test_a_run_that_is_killed_goes_on_and_makes_nothing_lossy_twice(tmp_path: Path, samples: Path, again: str) -> None:
    root = tmp_path / "in"
    originals = tree(root, samples / "photo.jpg", 40)
    options = ["--in-place", "-j", str(WORKERS), "--allow-loss", "trailing"]
    kill_after(7, "run", root, *options, "--ndjson")
    deadline = time.monotonic() + SECONDS
    while (standing := workers_left()) and time.monotonic() < deadline:
        time.sleep(0.02)  # workers end by themselves: nothing tells of it
    assert not standing
    finished = {name: (root / name).read_bytes() for name in originals if (root / name).read_bytes() != originals[name]}
    assert len(finished) >= 7
    command = ["run", root, *options] if again == "run" else ["resume"]
    results = summary_of(call(*command, "--json"))

    assert {name: (root / name).read_bytes() for name in finished} == finished, "what had its name was left alone"
    assert results["summary"]["already"] == len(finished)
    assert results["summary"]["done"] == len(originals) - len(finished)
    # A temp of the second run may have the inode of one that the first never renamed; that one's backup is gone.
    stand = [entry for entry in entries(root) if entry.happened() and os.path.exists(entry.backup)]
    for entry in stand:
        assert Path(entry.backup).read_bytes() == originals[os.path.basename(entry.source)]
    by_source = Counter(entry.source for entry in entries(root))
    assert sum(by_source.values()) - len(originals) <= WORKERS * GROUP_IMAGES
    last = {entry.source: entry for entry in stand}
    assert len(last) == len(originals)
    for name, content in originals.items():
        entry = last[str(root / name)]
        assert hash_file(str(root / name)) == entry.after_hash
        (tmp_path / "original").write_bytes(content)
        assert entry.before_hash == hash_file(str(tmp_path / "original")), "made from the original"
        assert os.stat(root / name).st_nlink == 1
    assert not list(root.glob(".imgopt-tmp*"))


def workers_left() -> list[str]:
    """Workers of this test's runs that have not ended yet."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            state = (process / "environ").read_bytes()
        except OSError:
            continue
        if b"engine.worker" in command and os.environ["XDG_STATE_HOME"].encode() in state:
            found.append(process.name)
    return found


def test_an_original_linked_and_not_replaced_comes_out_of_the_backups(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    originals = tree(root, samples / "photo.jpg", 3)
    area = root / ".imgopt-backups" / "00dead00"
    area.mkdir(parents=True)
    os.link(root / "i000.jpg", area / "0000000-i000.jpg")  # killed between the link and its line in the ledger
    os.link(root / "i001.jpg", area / "0000001-i001.jpg")  # killed between that and the rename
    status = os.stat(root / "i001.jpg")
    identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    line: list[object] = [str(root / "i001.jpg"), None, str(area / "0000001-i001.jpg"), identity, "0" * 32]
    line += [[status.st_dev, 1, 1, 1, 0], "1" * 32, "2" * 16, 2]
    (area / "0123456789ab.ledger").write_text(json.dumps(line) + "\n")
    results = summary_of(call("run", root, "--in-place", "--allow-loss", "trailing", "--json"))
    assert results["summary"]["done"] == len(originals)
    assert not [path for path in area.iterdir() if path.name.startswith("0000")]


def test_runs_status_and_quarantine_tell_what_was(tmp_path: Path, samples: Path) -> None:
    assert call("runs").stdout == b""
    assert call("status").returncode == call("resume").returncode == 1
    root = tmp_path / "in"
    tree(root, samples / "photo.jpg", 30)
    (root / "imgopt-tui.toml").write_text("[encode]\nquality = 'a file that the run was told not to read'\n")
    kill_after(3, "run", root, "-j", "1", "--ndjson", "--allow-loss", "trailing", "--no-project-files")
    (interrupted,) = json.loads(call("runs", "--json").stdout)
    assert (interrupted["phase"], interrupted["roots"]) == ("interrupted", [str(root)])
    assert b"imgopt-tui resume" in call("status").stdout
    shutil.copy(samples / "small.png", root / "new.png")
    resumed = summary_of(call("resume", interrupted["run"][:4], "--json"))
    assert resumed["summary"]["found"] == 31
    assert resumed["summary"]["already"] >= 3
    last, first = json.loads(call("runs", "--json").stdout)
    assert (last["phase"], last["resumes"], first["run"]) == ("finished", interrupted["run"], interrupted["run"])
    status = json.loads(call("status", last["run"], "--json").stdout)
    assert status["done"] == resumed["summary"]["done"]
    assert b"finished" in call("status").stdout
    assert b"came to its end" in call("resume", last["run"]).stderr
    assert b"every run came to its end" in call("resume").stderr
    assert json.loads(call("quarantine", "--json").stdout) == []
    assert call("quarantine", "--clear").returncode == 0
