"""What ``--effort`` promises: each effort's options reach each encoder, and the time predicted follows them."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyvips import Image

from engine.codec import optimize, setup
from engine.containers import PNG_SIGNATURE, walk_png
from engine.content import content_of, is_drawn
from engine.cost import predict_seconds
from engine.efforts import AVIF, AVIF_LOSSLESS, JPEG, PALETTE, PNG, WEBP, WEBP_LOSSLESS, Content, Effort
from engine.extras import left_out
from engine.formats import Format
from engine.policy import Limits, Policy
from engine.probe import Facts, probe
from engine.run import Run
from engine.settings import Settings
from engine.task import Quality, TaskSettings
from tests.conftest import ROOT

PHOTO = ROOT / "tui/demo_images/parrots.jpg"


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def piece() -> Image:
    return Image.new_from_file(os.fspath(PHOTO)).crop(100, 60, 160, 120).copy_memory()


@cache
def encoded(target: Format, quality: int, effort: Effort) -> bytes:
    data = piece().pngsave_buffer(keep="none")
    chosen = TaskSettings(Quality(overall=quality), output_format=target)
    policy = Policy(effort=effort, keep_original=False)
    with left_out(target is Format.PNG):  # what libvips makes where there is no oxipng
        return optimize(data, probe(data, Limits()), chosen, lambda _: None, policy).data


def saved(target: Format, quality: int, effort: Effort) -> bytes:
    """What the saver itself makes of an effort's row."""
    how: dict[str, Any]
    match target, quality:
        case Format.JPEG, _:
            saver, how = "jpegsave_buffer", {**JPEG[effort], "Q": quality, "subsample_mode": "on"}
        case Format.WEBP, 100:
            saver, how = "webpsave_buffer", {**WEBP_LOSSLESS[effort], "lossless": True, "exact": True}
        case Format.WEBP, _:
            saver, how = "webpsave_buffer", {**WEBP[effort], "Q": quality}
        case Format.AVIF, 100:
            saver, how = "heifsave_buffer", {**AVIF_LOSSLESS[effort], "lossless": True, "bitdepth": 8}
        case Format.AVIF, _:
            saver, how = "heifsave_buffer", {**AVIF[effort][content_of(piece())], "Q": quality}
        case Format.PNG, 100:
            saver, how = "pngsave_buffer", PNG[effort][0]
        case _:
            saver, how = "pngsave_buffer", {**PALETTE[effort], "Q": quality}
    data: bytes = getattr(piece(), saver)(keep="none", **how)
    return without_resolution(data) if target is Format.PNG else data


def without_resolution(data: bytes) -> bytes:
    """A PNG without the pixels per metre that libvips says."""
    kept = [data[chunk.start : chunk.end] for chunk in walk_png(data) if chunk.kind != b"pHYs"]
    return b"".join([PNG_SIGNATURE, *kept])


CASES = [
    (Format.JPEG, 80),
    (Format.WEBP, 80),
    (Format.WEBP, 100),
    (Format.AVIF, 60),
    (Format.AVIF, 100),
    (Format.PNG, 100),
    (Format.PNG, 80),
]


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize(("target", "quality"), CASES, ids=str)
def test_an_efforts_options_reach_the_encoder(target: Format, quality: int, effort: Effort) -> None:
    assert encoded(target, quality, effort) == saved(target, quality, effort)


@pytest.mark.parametrize(("target", "quality"), CASES, ids=str)
def test_fast_is_larger_than_balanced(target: Format, quality: int) -> None:
    assert len(encoded(target, quality, Effort.FAST)) > len(encoded(target, quality, Effort.BALANCED))


@pytest.mark.parametrize("effort", Effort)
async def test_a_run_encodes_with_the_effort_asked_for(effort: Effort, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    piece().pngsave(os.fspath(tmp_path / "in/a.png"), keep="none")
    settings = Settings(effort=effort.value, format="webp", quality=80, output=os.fspath(tmp_path / "out"), workers=1)
    async with Run([os.fspath(tmp_path / "in")], settings) as run:
        async for _ in run.updates():
            pass
    assert run.state.totals().done == 1
    assert (tmp_path / "out/a.webp").read_bytes() == encoded(Format.WEBP, 80, effort)


@pytest.mark.parametrize("target", [Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF])
def test_the_predicted_time_follows_the_effort(target: Format) -> None:
    facts = Facts(Format.JPEG, 4000, 3000, 4000, 3000, 3, 8)
    fast, balanced, small = (predict_seconds(facts, target, 4000, 3000, full_check=False, effort=e) for e in Effort)
    assert fast < balanced <= small
    assert predict_seconds(facts, target, 4000, 3000, full_check=False) == balanced


def test_efforts_are_known_where_there_is_no_libvips() -> None:
    code = "import sys, engine.efforts; assert 'pyvips' not in sys.modules"
    subprocess.run([sys.executable, "-P", "-c", code], env={"PYTHONPATH": str(ROOT)}, check=True)


def test_avif_and_png_follow_what_the_picture_shows() -> None:
    assert AVIF[Effort.BALANCED][Content.CALM]["effort"] > AVIF[Effort.BALANCED][Content.BUSY]["effort"]
    assert {row[Content.DRAWN]["bitdepth"] for row in AVIF.values()} == {8}
    drawn = (piece().shrink(40, 40).resize(40, kernel="nearest")).cast("uchar")
    assert is_drawn(drawn)
    data = drawn.pngsave_buffer(keep="none")
    policy, facts = Policy(keep_original=False), probe(data, Limits())

    def made(target: Format, quality: int) -> bytes:
        chosen = TaskSettings(Quality(overall=quality), output_format=target)
        with left_out(True):
            return optimize(data, facts, chosen, lambda _: None, policy).data

    plain = drawn.pngsave_buffer(keep="none", **PNG[Effort.BALANCED][1])
    assert made(Format.PNG, 100) == without_resolution(plain)
    how = {**AVIF[Effort.BALANCED][Content.DRAWN], "Q": 60}
    assert made(Format.AVIF, 60) == drawn.heifsave_buffer(keep="none", **how)
