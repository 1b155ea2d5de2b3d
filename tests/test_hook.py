"""Promises of the pre-commit hook, by its definition, in a git repository."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.test_cli import environment

NAMES = ("photo.jpg", "deep er/photo.png", "-dash.png")
git = shutil.which("git") or ""
pytestmark = pytest.mark.skipif(not git, reason="needs git")


def run(repository: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(repository.parent), **more}
    return subprocess.run(words, cwd=repository, env={**environment(), **own}, capture_output=True, text=True)


def pixels(path: Path) -> str:
    with Image.open(path) as image:
        return hashlib.sha256(image.convert("RGBA").tobytes()).hexdigest()


def stage(repository: Path) -> None:
    assert run(repository, git, "add", ".").returncode == 0


def commit_check(repository: Path) -> subprocess.CompletedProcess[str]:
    return run(repository, sys.executable, "-m", "pre_commit", "run", PRE_COMMIT_HOME=str(repository.parent / "store"))


@pytest.fixture
def repository(tmp_path: Path, samples: Path) -> Path:
    """One with images that are staged."""
    folder = tmp_path / "repository"
    (folder / "deep er").mkdir(parents=True)
    assert run(folder, git, "init", "-q").returncode == 0
    for name, sample in zip(NAMES, ("small.jpg", "small.png", "small.png"), strict=True):
        shutil.copy(samples / sample, folder / name)
    (folder / "notes.txt").write_text("no image")
    stage(folder)
    return folder


def definition() -> dict[str, Any]:
    """Of the one hook there is; read by what pre-commit reads it with."""
    yaml = pytest.importorskip("yaml")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return dict(hook)


def test_it_needs_what_the_package_calls_lossless() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["all"]
    wanted = [one for one in extra if one.startswith(("pyoxipng", "mozjpeg"))]
    assert definition()["additional_dependencies"] == wanted


def test_staged_images_get_smaller_by_no_pixel_and_nothing_else_is_left_behind(repository: Path) -> None:
    """The definition's command, of the program that is here instead of one installed for it."""
    pytest.importorskip("pre_commit")
    hook = definition()
    program, _, options = hook["entry"].partition(" ")
    assert program == "imgopt-tui"
    hook |= {"language": "system", "entry": f"{shlex.quote(sys.executable)} -P -m tui {options}"}
    del hook["additional_dependencies"]
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (repository / ".pre-commit-config.yaml").write_text(json.dumps(config))  # all JSON is YAML
    stage(repository)
    before = {name: (pixels(repository / name), (repository / name).stat().st_size) for name in NAMES}
    first = commit_check(repository)
    assert "files were modified by this hook" in first.stdout, first.stdout + first.stderr
    for name, (seen, size) in before.items():
        assert pixels(repository / name) == seen
        assert (repository / name).stat().st_size < size
    changed = run(repository, git, "status", "--porcelain").stdout
    assert sorted(line[:2] for line in changed.splitlines()) == ["A ", "A ", "AM", "AM", "AM"], changed
    stage(repository)
    assert commit_check(repository).returncode == 0, "nothing gets smaller a second time"
    (repository / "photo.jpg").write_bytes(b"\xff\xd8\xff broken")
    stage(repository)
    broken = commit_check(repository)
    assert broken.returncode == 1
    assert "photo.jpg: failed" in broken.stdout
