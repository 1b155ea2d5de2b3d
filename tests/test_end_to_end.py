"""The promise of the whole: whatever is in a tree, the run ends, every file is named once, nothing is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from engine.formats import looks_like_image
from tests.test_cli import TOOL, environment


def digests(folder: Path) -> dict[bytes, str]:
    found = {}
    for base, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = os.path.join(base, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, os.fsencode(folder))] = hashlib.sha256(file.read()).hexdigest()
    return found


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("folders", "code", "limit"),
    [
        (["hostile", "hostile_synth"], 1, 60.0),
        (["photos:4", "graphics:20", "meta:10", "formats:20"], 1, 60.0),
    ],
    ids=["hostile", "sample"],
)
def test_a_tree_of_real_files_comes_through(
    tmp_path: Path, shared_images: Path, folders: list[str], code: int, limit: float
) -> None:
    root, output = tmp_path / "in", tmp_path / "out"
    for entry in folders:
        name, _, count = entry.partition(":")
        (root / name).mkdir(parents=True)
        found = sorted((shared_images / name).rglob("*"))
        for path in found[:: len(found) // int(count)] if count else found:
            if path.is_file():
                shutil.copyfile(path, root / name / path.name)
                os.chmod(root / name / path.name, 0o644)
    before = digests(root)
    began = time.monotonic()
    run = subprocess.run(
        [*TOOL[:-1], "tui.__main__", "run", str(root), "-o", str(output), "--effort", "fast", "--json"],
        env=environment(),
        capture_output=True,
        timeout=140,
    )
    assert time.monotonic() - began < limit
    assert run.returncode == code, run.stderr[-2000:]
    value = json.loads(run.stdout)
    reported = [os.fsencode(os.path.relpath(result["original_path"], root)) for result in value["results"]]
    expected = {name for name in before if looks_like_image(os.fsdecode(name))}
    assert len(set(reported)) == len(reported)
    assert set(reported) == expected
    assert digests(root) == before
    written = {result["optimized_path"] for result in value["results"] if result["optimized_path"]}
    on_disk = {os.path.join(base, name) for base, _, names in os.walk(output) for name in names}
    assert on_disk - written == {str(output / ".imgopt-tui")}
    assert written <= on_disk
    for result in value["results"]:
        assert result["status"] in ("done", "kept", "skipped", "failed")
        assert result["reason"] or result["status"] == "done"
        assert "please report" not in result["reason"], result
        assert "died" not in result["reason"], result
        assert result["optimized_path"] == "" or os.path.getsize(result["optimized_path"]) == result["optimized_size"]
