"""``imgopt-tui estimate`` and ``run --dry-run``, as somebody types them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.engine.test_run import fill
from tests.test_cli import call


@pytest.fixture
def root(tmp_path: Path, samples: Path) -> Path:
    return fill(tmp_path / "in", samples / "photo.jpg", 2)


def test_the_last_line_is_the_run_that_it_speaks_of(root: Path) -> None:
    told = call("estimate", root, "-q", "60", "-j", "2")
    assert told.returncode == 0
    line = told.stdout.decode().splitlines()[-1]
    assert line == shlex.join(["imgopt-tui", "run", str(root), "--quality", "60", "--workers", "2"])
    assert b"2 images to do" in told.stdout

    expected = json.loads(call("estimate", root, "-q", "60", "-j", "2", "--json").stdout)
    report = json.loads(call(*shlex.split(line)[1:], "--json").stdout)["summary"]

    assert expected["command"] == line
    assert expected["savedBytes"]["value"] == report["savedBytes"] > 0
    assert expected["savedPercent"]["value"] == pytest.approx(report["savedPercent"], abs=0.01)


def test_nothing_is_left_behind(root: Path) -> None:
    call("estimate", root)
    call("run", root, "--dry-run")
    assert sorted(os.listdir(root)) == ["i0000.jpg", "i0001.jpg"]
    assert not os.path.exists(os.environ["XDG_STATE_HOME"])


def test_a_dry_run_says_what_would_be_saved(root: Path) -> None:
    value = json.loads(call("run", root, "-n", "--json").stdout)
    assert [result["status"] for result in value["results"]] == ["planned", "planned"]
    assert value["summary"]["estimate"]["savedPercent"]["low"] > 5

    told = call("run", root, "-n")
    assert told.stdout.count(b" -> ") == 2
    assert b"saves " in told.stderr
    assert b"nothing was written" in told.stderr

    lines = call("run", root, "-n", "--ndjson").stdout.splitlines()
    assert json.loads(lines[-1])["summary"]["estimate"]["images"] == len(lines) - 1 == 2


def test_what_is_done_already_is_said_and_is_no_work(root: Path, samples: Path) -> None:
    call("run", root)
    done = call("estimate", root)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"2 images done already" in done.stderr
    assert b"done already" in call("run", root, "-n").stdout

    shutil.copyfile(samples / "small.jpg", root / "new.jpg")
    assert b"1 image to do" in call("estimate", root).stdout


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["estimate", "nothing"], 2),
        (["estimate"], 2),
        (["estimate", "IN", "--sample", "3"], 2),
        (["estimate", "IN", "--sample", "x"], 2),
        (["estimate", "IN", "-q", "0"], 2),
        (["estimate", "EMPTY"], 3),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_cannot_be_estimated_is_one_sentence(root: Path, given: list[str], code: int) -> None:
    (root / "empty").mkdir()
    places = {"IN": str(root), "EMPTY": str(root / "empty")}
    told = call(*(places.get(word, word) for word in given))
    assert (told.returncode, told.stdout) == (code, b"")
    assert told.stderr.count(b"\n") == 1
    assert told.stderr.startswith(b"imgopt-tui: ")
