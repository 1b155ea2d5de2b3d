"""Promises of ``--target-quality``: what is delivered scores at least what was asked for, and is no larger than needed.

Scores are measured again from the files that were written, decoded here by libvips.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from pyvips import Image

from engine import extras
from engine.errors import PlanError
from engine.plan import make_plan
from engine.settings import Settings
from engine.similarity import Comparison, Reference
from tests.conftest import ROOT
from tests.test_cli import environment
from tests.test_siblings import COMMAND, run

DEMO = ROOT / "tui" / "demo_images"
DATA = ROOT / "tests" / "data"
EXACT = 0.05
"""How far a score measured here may be from the one in the results: decoders may be driven in another way."""


def pixels(path: Path | str) -> Any:
    """As seen: upright, sRGB, 8 bits."""
    image = Image.new_from_file(str(path)).autorot()
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True)
    if image.format == "ushort":
        image = ((image + 128) / 256).cast("uchar").copy(interpretation="srgb")
    return np.asarray(image.colourspace("srgb").extract_band(0, n=3).numpy(), np.uint8)


def measured(result: dict[str, Any]) -> Comparison:
    return Reference(pixels(result["original_path"])).compare(pixels(result["optimized_path"]))


def by_name(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {Path(result["original_path"]).name: result for result in value["results"]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces of photos, one with a profile that lies on its side, and a drawing with thin red lines."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("hibiscus.jpg", "caps.jpg"):
        Image.new_from_file(str(DEMO / name)).crop(120, 90, 240, 200).jpegsave(str(folder / name), Q=96)
    Image.new_from_file(str(DEMO / "parrots.jpg")).crop(90, 60, 250, 190).pngsave(str(folder / "photo.png"))
    (folder / "side.jpg").write_bytes((DATA / "libavif__paris_exif_orientation_5.jpg").read_bytes())
    lines = Image.sines(200, 160, hfreq=40, vfreq=12) > 0.7
    red = lines.ifthenelse([220, 0, 30], [0, 60, 200]).cast("uchar").copy(interpretation="srgb")
    red.pngsave(str(folder / "lines.png"))
    return folder


@pytest.fixture(scope="module")
def at_80(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> dict[str, dict[str, Any]]:
    """Every picture as JPEG, WebP and AVIF."""
    output = tmp_path_factory.mktemp("at80")
    return by_name(run(pictures, output, "--format", "jpeg", "--also", "webp,avif", "--target-quality", "80"))


def test_every_file_scores_at_least_the_target_and_what_its_result_says(at_80: dict[str, dict[str, Any]]) -> None:
    assert len(at_80) == 5
    for name, result in at_80.items():
        assert result["status"] == "done", result
        seen = measured(result)
        assert seen.score >= 80 - EXACT, name
        if "score" in result:
            assert 1 <= result["encodes"] <= 8
            assert seen.score == pytest.approx(result["score"], abs=EXACT)
            assert seen.worst == pytest.approx(result["worstTile"]["score"], abs=EXACT)
        else:
            assert "losslessly" in result["reason"]
            assert seen.score == 100
        assert {one["format"] for one in result["siblings"]} == {"webp", "avif"}
        for one in result["siblings"]:
            score = measured({**result, "optimized_path": one["path"]}).score
            assert score >= 80 - EXACT, (name, one)
            assert score == pytest.approx(one["score"], abs=EXACT)


def test_one_quality_less_would_not_reach_it(at_80: dict[str, dict[str, Any]], pictures: Path, tmp_path: Path) -> None:
    result = next(one for one in at_80["hibiscus.jpg"]["siblings"] if one["format"] == "avif")
    below = str(result["quality"] - 1)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(_as_png(pictures / "hibiscus.jpg"))
    options = ("--format", "avif", "--target-quality", "80", "--max-quality", below)
    (less,) = run(tmp_path / "in", tmp_path / "out", *options)["results"]
    assert less["score"] < 80
    assert (
        less["reason"] == f"score {int(less['score'] * 10) / 10}, not 80, at the highest quality it may have ({below})"
    )


def _as_png(path: Path) -> bytes:
    data: bytes = Image.new_from_file(str(path)).pngsave_buffer()
    return data


def test_thin_colours_get_full_resolution(at_80: dict[str, dict[str, Any]]) -> None:
    def subsampled(name: str) -> bool:
        text = str(Image.new_from_file(at_80[name]["optimized_path"]).get("jpeg-chroma-subsample"))
        return text == "4:2:0"

    assert subsampled("hibiscus.jpg")
    assert not subsampled("lines.png")


def test_a_drawing_is_lossless_where_that_is_smaller(at_80: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "flat.png").write_bytes((DEMO / "graph.png").read_bytes())
    options = ("--format", "webp", "--target-quality", "92", "--allow-loss", "alpha")
    (flat,) = run(tmp_path / "in", tmp_path / "out", *options)["results"]
    assert (flat["quality"], flat["score"]) == (None, 100.0)
    assert flat["encodes"] <= 8
    lossy = next(one for one in at_80["photo.png"]["siblings"] if one["format"] == "webp")
    assert lossy["quality"] > 0


def test_what_cannot_be_reached_says_so_and_keeps_its_own_pixels_where_it_may(pictures: Path, tmp_path: Path) -> None:
    stay = by_name(run(pictures, tmp_path / "stay", "--target-quality", "99"))
    for name in ("hibiscus.jpg", "caps.jpg", "side.jpg"):
        assert "a lower quality would not reach the score of 99" in stay[name]["reason"]
        assert (pixels(pictures / name) == pixels(stay[name]["optimized_path"])).all()
    become = by_name(run(pictures, tmp_path / "become", "--format", "webp", "--target-quality", "99"))
    assert become["hibiscus.jpg"]["reason"].startswith(
        f"score {int(become['hibiscus.jpg']['score'] * 10) / 10}, not 99"
    )
    assert become["photo.png"]["score"] == 100.0


def test_no_place_is_worse_than_asked_for(pictures: Path, at_80: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    floor = 84
    usual = at_80["caps.jpg"]
    assert usual["worstTile"]["score"] < floor, "else the option has nothing to do"
    options = ("--format", "jpeg", "--target-quality", "80", "--worst-tile", str(floor))
    result = by_name(run(pictures, tmp_path / "out", *options))["caps.jpg"]
    assert measured(result).worst >= floor - EXACT
    assert result["quality"] > usual["quality"]


def test_a_palette_must_reach_the_target(pictures: Path, tmp_path: Path) -> None:
    low = by_name(run(pictures, tmp_path / "low", "--quality-png", "90", "--target-quality", "30"))["lines.png"]
    assert measured(low).score >= 30
    high = by_name(run(pictures, tmp_path / "high", "--quality-png", "90", "--target-quality", "100"))["photo.png"]
    assert "score" not in high, "made without loss, nothing to measure"
    assert measured(high).score == 100.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(worst_tile=70), "--worst-tile says nothing without --target-quality"),
        (Settings(max_quality=70), "--max-quality says nothing without --target-quality"),
        (Settings(target_quality=80, min_quality=90, max_quality=70), "--min-quality 90 is above --max-quality 70"),
    ],
)
def test_bounds_that_say_nothing_are_refused(settings: Settings, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=sentence):
        make_plan([str(tmp_path)], settings)


def test_without_numpy_one_sentence_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "installed", lambda module: module != "numpy")
    with pytest.raises(PlanError, match=r"--target-quality needs the package numpy: pip install 'imgopt-tui\[all\]'"):
        make_plan([str(tmp_path)], Settings(target_quality=80))
    make_plan([str(tmp_path)], Settings())


def test_a_refused_target_ends_before_anything_starts(tmp_path: Path) -> None:
    words = [*COMMAND, str(DEMO), "-o", str(tmp_path / "out"), "--target-quality", "80", "--quality", "70"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--target-quality" in done.stderr
    assert not (tmp_path / "out").exists()


def test_ndjson_has_the_scores_too(pictures: Path, tmp_path: Path) -> None:
    words = [*COMMAND, str(pictures / "caps.jpg"), "-o", str(tmp_path / "out"), "--ndjson", "--target-quality", "70"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=True)
    result = json.loads(done.stdout.splitlines()[0])
    assert result["score"] >= 70
    assert pyvips.Image.new_from_file(result["optimized_path"]).avg() > 0
