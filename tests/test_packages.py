"""Promises of what is built: wheel and source distribution carry all that the program needs, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.test_launcher import builder

_BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # which the first call replaces
build_meta.build_sdist(out)
build_meta.build_wheel(out)
"""
DATA = {
    "engine/output.schema.json",
    "engine/py.typed",
    "engine/report.css",
    "tui/imgopt.tcss",
    "tui/py.typed",
}
"""What the program reads beside its modules and the images of its demo."""
SHARED = {
    "share/bash-completion/completions/imgopt-tui",
    "share/doc/imgopt-tui/CHANGELOG.md",
    "share/doc/imgopt-tui/README.md",
    "share/doc/imgopt-tui/config.example.toml",
    "share/fish/vendor_completions.d/imgopt-tui.fish",
    "share/man/man1/imgopt-tui.1",
    "share/zsh/site-functions/_imgopt-tui",
}


class Built(NamedTuple):
    """The two files."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both, built by the backend that pip calls, from a copy of what is in the repository."""
    tree, out = tmp_path_factory.mktemp("build") / "tree", tmp_path_factory.mktemp("built")
    left_out = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, tree, ignore=left_out)
    done = subprocess.run([sys.executable, "-c", _BUILD, out], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Built(*out.glob("*.whl"), *out.glob("*.tar.gz"))


def needed() -> set[str]:
    """Modules, and what they read."""
    folders = ("engine", "tui", "tui/demo_images")
    files = {f"{folder}/{path.name}" for folder in folders for path in (ROOT / folder).glob("*.*")}
    return {name for name in files if name.endswith(".py") or name.startswith("tui/demo_images/")} | DATA


def test_the_wheel_holds_the_program_its_data_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    shared = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
    assert shared == SHARED
    assert {name for name in names if ".data/" not in name} == needed()


def test_the_source_distribution_holds_what_a_wheel_is_built_from_and_no_tests(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    files = {name for name in names if "egg-info/" not in name}
    wanted = needed() | {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "setup.py", "config.example.toml"}
    assert files == wanted | {"MANIFEST.in", "PKG-INFO", "setup.cfg"}


def test_the_wheel_runs_where_nothing_else_of_ours_is(built: Built, samples: Path, tmp_path: Path) -> None:
    """Unpacked to where packages lie; its man page and completions are what the program prints."""
    place = tmp_path / "packages"
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(place)

    def call(*words: str | Path) -> bytes:
        return subprocess.run(
            [sys.executable, "-P", "-W", "error", "-m", "tui", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            check=True,
        ).stdout

    call("run", samples / "photo.jpg", "-o", tmp_path / "out", "-Q")
    assert 0 < (tmp_path / "out" / "photo.jpg").stat().st_size < (samples / "photo.jpg").stat().st_size
    (shared,) = place.glob("*.data/data/share")
    assert call("man") == (shared / "man/man1/imgopt-tui.1").read_bytes()
    assert call("completions", "fish") == (shared / "fish/vendor_completions.d/imgopt-tui.fish").read_bytes()
    assert call("config", "--example") == (shared / "doc/imgopt-tui/config.example.toml").read_bytes()
    assert b'"$schema"' in call("schema")


def test_the_program_in_one_file_takes_every_package_along() -> None:
    """Those of the extra ``all`` are imported late, so they are named where it is built."""
    single_file = builder()
    wanted = [line for line in metadata.requires("imgopt-tui") or () if "extra == 'all'" in line.replace('"', "'")]
    names = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in wanted}
    of_names = metadata.packages_distributions()
    needed = {module for module, dists in of_names.items() if {d.lower().replace("_", "-") for d in dists} & names}
    assert len(names) >= 4
    assert {module for module in needed if not module.startswith("_")} <= {*single_file.WHOLE, *single_file.HIDDEN}
