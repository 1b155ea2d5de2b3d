"""Promises of ``imgopt-tui bench``: real figures of real workers, and nothing is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speed import ENOUGH, Rate, counts_to_try, recommended
from tests.engine.test_run import fill
from tests.test_cli import call
from tests.test_machine import holds


@given(st.floats(0.1, 200), st.integers(1, 256), st.integers(1, 300))
def test_workers_are_tried_from_one_up_to_what_fills_the_cpus(cpus: float, wanted: int, most: int) -> None:
    counts = counts_to_try(cpus, wanted, most)
    assert counts == sorted(set(counts))
    assert counts[0] == 1
    assert counts[-1] <= most
    assert most < max(cpus, wanted) or counts[-1] >= max(cpus, wanted)
    assert len(counts) < 20


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=9))
def test_the_fewest_workers_that_come_close_to_the_best_are_recommended(speeds: list[float]) -> None:
    rates = [
        Rate("jpeg", "fast", workers, 1, speed, float(workers)) for workers, speed in enumerate(speeds, 1)
    ]  # of as many worker seconds as workers: the speed is the megapixels
    best = recommended(rates)
    assert speeds[best - 1] >= ENOUGH * max(speeds) * 0.999999
    assert all(speed <= ENOUGH * max(speeds) * 1.000001 for speed in speeds[: best - 1])
    assert recommended([Rate("jpeg", "fast", 1, reason="damaged")]) == 0


def test_a_folder_is_measured_as_the_settings_say_and_stays_as_it_is(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    (root / "bad.jpg").write_bytes(b"nothing")
    run = call("bench", root, "--json", "--seconds", "0.1", "-j", "1", "--long-edge", "32", "-x", "i0002.jpg")
    found = json.loads(run.stdout)
    holds(found, "bench")
    assert (run.returncode, run.stderr, found["images"]) == (0, b"", 3)
    assert [rate["effort"] for rate in found["rates"]] == ["fast", "balanced", "small"]
    for rate in (*found["rates"], *found["scaling"]):
        assert rate["images"] > 0
        assert rate["megapixels"] == pytest.approx(rate["images"] * 32 * 24 / 1e6)
        assert rate["imagesPerSecond"] > 0 < rate["megapixelsPerSecond"]
    assert found["scaling"][0]["workers"] == 1
    assert found["recommendedWorkers"] in [rate["workers"] for rate in found["scaling"]]
    assert sorted(os.listdir(root)) == ["bad.jpg", "i0000.jpg", "i0001.jpg", "i0002.jpg"]
    assert not os.path.exists(os.path.join(os.environ["XDG_STATE_HOME"], "imgopt-tui", "journal.sqlite"))


def test_images_of_our_own_are_there_for_who_names_none() -> None:
    run = call("bench", "--format", "jpeg", "--seconds", "0.1", "-j", "1")
    assert run.returncode == 0
    assert b"6 of the program's own photos" in run.stdout
    assert b"recommended: -j " in run.stdout


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    assert call("bench", tmp_path).returncode == 3
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    run = call("bench", tmp_path, "--seconds", "0.1", "-j", "1")
    assert (run.returncode, b"recommended" in run.stdout) == (1, False)
    assert run.stderr.count(b"\n") == 1
    for words in (["--lossless"], ["--seconds", "0"], [tmp_path / "none"]):
        run = call("bench", *words)
        assert (run.returncode, run.stderr.count(b"\n")) == (2, 1), words
