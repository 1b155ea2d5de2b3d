"""Promises of ``--also`` and ``--widths``: the same picture in other formats and widths, in one pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.formats import sniff
from engine.policy import Limits
from engine.probe import probe
from engine.temps import remove_stale_temps, remove_temps, sibling_temp, temp_name
from tests.test_cli import TOOL, environment

COMMAND = [*TOOL[:-1], "tui.__main__", "run"]


def run(source: Path, output: Path, *options: str, code: int = 0) -> dict[str, Any]:
    words = [*COMMAND, str(source), "-o", str(output), "--json", *options]
    done = subprocess.run(words, env=environment(), capture_output=True, timeout=100, check=False)
    assert done.returncode == code, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


@pytest.fixture
def pictures(tmp_path: Path, samples: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("photo.jpg", "photo.png", "small.gif"):
        shutil.copy(samples / name, folder / name)
    return folder


def test_every_format_and_width_is_written_beside_the_result(tmp_path: Path, samples: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(samples / "photo.jpg", tmp_path / "in" / "a.jpg")
    value = run(tmp_path / "in", tmp_path / "out", "--also", "webp,avif", "--widths", "100", "--widths", "40,9999")
    names = {"a.jpg", "a.webp", "a.avif", *(f"a-{w}.{end}" for w in (40, 100) for end in ("jpg", "webp", "avif"))}
    assert {name for name in os.listdir(tmp_path / "out") if not name.startswith(".")} == names
    (result,) = value["results"]
    assert {os.path.basename(one["path"]) for one in result["siblings"]} == names - {"a.jpg"}
    assert value["summary"]["siblings"] == 8
    assert value["summary"]["bytesOut"] == result["optimized_size"]
    for one in result["siblings"]:
        data = Path(one["path"]).read_bytes()
        facts = probe(data, Limits())
        assert (len(data), facts.width, facts.height, facts.format) == (
            one["size"],
            one["width"],
            one["height"],
            one["format"],
        )


def test_siblings_have_the_bytes_of_separate_runs(tmp_path: Path, pictures: Path) -> None:
    run(pictures, tmp_path / "together", "--also", "webp,avif", "--widths", "60", "--effort", "fast")
    for format in ("webp", "avif"):
        for name, options in ((f"photo.jpg.{format}", []), (f"photo.jpg-60.{format}", ["--width", "60"])):
            only = tmp_path / "only"
            only.mkdir()
            shutil.copy(pictures / "photo.jpg", only)
            alone = tmp_path / f"alone-{name}"
            run(only, alone, "--format", format, *options, "--effort", "fast")
            assert (tmp_path / "together" / name).read_bytes() == (alone / f"photo.{format}").read_bytes()
            shutil.rmtree(only)


def test_a_second_run_gives_the_same_names_and_bytes(tmp_path: Path, pictures: Path) -> None:
    def tree() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    for _ in range(2):
        run(pictures, tmp_path / "out", "--also", "webp")
        assert set(tree()) == {
            ".imgopt-tui",
            *("photo.jpg", "photo.png", "small.gif"),
            *("photo.jpg.webp", "photo.png.webp", "small.webp"),
        }
        before = tree()
    assert tree() == before


def test_what_a_sibling_cannot_hold_is_left_out_with_the_reason_and_the_rest_is_done(
    tmp_path: Path, shared_images: Path
) -> None:
    (tmp_path / "in").mkdir()
    source = next(iter(sorted((shared_images / "animated").glob("sharp-fixtures__rotating-squares.gif"))))
    shutil.copy(source, tmp_path / "in" / "a.gif")
    (result,) = run(tmp_path / "in", tmp_path / "out", "--also", "webp,jpeg")["results"]
    assert result["success"]
    assert "without 'a.jpg': an animation of" in result["reason"]
    assert sniff((tmp_path / "out" / "a.webp").read_bytes()[:64]) == "webp"
    assert not (tmp_path / "out" / "a.jpg").exists()


def test_in_place_and_lossless_have_no_siblings(tmp_path: Path, pictures: Path) -> None:
    for option in ("--in-place", "--lossless"):
        words = [*COMMAND, str(pictures), option, "--also", "webp"]
        done = subprocess.run(words, env=environment(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 2
        assert b"--also" in done.stderr


def test_temps_of_siblings_are_removed_like_others(tmp_path: Path) -> None:
    temp = temp_name("0123456789ab", 4)
    for sweep in (lambda: remove_temps(str(tmp_path / "a.jpg"), temp, 2), lambda: remove_stale_temps(str(tmp_path))):
        for name in (temp, sibling_temp(temp, 1), sibling_temp(temp, 2)):
            (tmp_path / name).write_bytes(b"half")
        sweep()
        assert os.listdir(tmp_path) == []
