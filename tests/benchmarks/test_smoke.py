"""Every benchmark runs and prints its figures. What they are worth is for a quiet machine, not for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.child import environment
from tests.benchmarks.process import REPOSITORY, module
from tests.benchmarks.throughput import without_sharp

SHARP = Path(os.environ["IMGOPT_SHARP"]) if "IMGOPT_SHARP" in os.environ else None


def figures(name: str, *arguments: object) -> dict[str, Any]:
    """The JSON line of one round."""
    run = module(name, *arguments, "--rounds", 1, "--json")
    done = subprocess.run(run, capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_throughput_compares_runs_with_the_limit() -> None:
    result = figures("throughput", "--count", 3, "--format", "webp", "-j", 2)

    against = result["ratios"]["limit"]
    assert against["bytes"] == pytest.approx(1.0, abs=0.02)
    assert against["throughput"]["low"] > 0


def test_throughput_in_place_compares_with_a_limit_that_looks_at_its_results() -> None:
    result = figures("throughput", "--count", 40, "--thumbnails", "--in-place", "-j", 2)

    assert set(result["ratios"]) == {"limit"}
    assert result["ratios"]["limit"]["bytes"] == pytest.approx(1.0, abs=0.02)


@pytest.mark.skipif(bool(without_sharp(SHARP)), reason=f"sharp is not here: {without_sharp(SHARP)}")
@pytest.mark.parametrize("format", ["jpeg", "avif"])
def test_throughput_compares_with_sharp_and_the_sidecar_at_the_same_size(format: str) -> None:
    count = 80 if format == "jpeg" else 10
    result = figures(
        "throughput", "--thumbnails", "--count", count, "--format", format, "--in-flight", 2, "--sidecar", "-j", 2
    )

    assert set(result["ratios"]) == {"limit", "sharp", "sidecar shape"}
    for against in result["ratios"].values():
        assert against["bytes"] == pytest.approx(1.0, abs=0.02)


def test_throughput_says_in_a_sentence_that_sharp_is_not_there(tmp_path: Path) -> None:
    assert "--sharp" in without_sharp(tmp_path) or "node" in without_sharp(tmp_path)


def test_the_limit_encodes_with_our_options() -> None:
    code = """
import json
from engine.encoders import AVIF_OPTIONS, FULL_CHROMA_FROM, JPEG_OPTIONS, WEBP_OPTIONS
from tests.benchmarks.encode_limit import OPTIONS
print(json.dumps([OPTIONS, JPEG_OPTIONS, WEBP_OPTIONS, AVIF_OPTIONS, FULL_CHROMA_FROM]))
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, cwd=REPOSITORY, env=environment(pixels=True), check=True)
    limit, jpeg, webp, avif, full_chroma = json.loads(done.stdout)

    assert limit["jpeg"] == {**jpeg, "subsample_mode": "on"}
    assert limit["webp"] == webp
    assert limit["avif"] == {**avif, "subsample_mode": "on", "bitdepth": 8}
    assert full_chroma > 80


def test_dashboard_cost_attaches_a_dashboard_that_draws() -> None:
    result = figures("dashboard_cost", "--count", 16, "-j", 2)

    assert result["paintedKiBPerSecond"]["low"] > 0
    assert set(result["imagesPerSecond"]) == {"without", "with a dashboard"}


def test_event_storm_loses_no_image() -> None:
    result = figures("event_storm", "--events", 4000)

    assert result["images"] == 1000
    assert result["lost"] == 0
    assert result["updatesPerSecond"]["high"] <= 11


def test_scan_finds_every_file() -> None:
    result = figures("scan", "--files", 2000, "--folders", 20)

    assert set(result["seconds"]) == {"scan", "walk", "walk and sizes"}
    assert result["bytesPerFile"]["low"] >= 0
