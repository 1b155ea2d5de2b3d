"""Lossless and never worse over the shared corpus, when it is there.

A sample of the larger files; all of them with IMGOPT_TEST_ALL=1 (some minutes):

    IMGOPT_TEST_ALL=1 bash tests/run -q -s tests/engine/test_corpus_lossless.py --timeout 1800
"""

from __future__ import annotations

from pathlib import Path

import oxipng
import pytest
from PIL import Image as Pillow

from engine.codec import setup
from engine.errors import ImageError
from engine.formats import Format
from engine.job import Status
from engine.policy import Limits, Savings
from engine.probe import Facts, probe
from engine.settings import Settings
from engine.strip import strip
from tests.corpus import files, needs_corpus
from tests.engine.test_corpus_metadata import DAMAGED
from tests.engine.test_lossless import LOSSLESS, do, same, shown

pytestmark = needs_corpus
_LARGE, _MIDDLING = 60_000, 3_000
"""Bytes above which only every fourth animation, and every 24th still image, is taken, unless all are asked for."""


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def _readable(data: bytes) -> Facts | None:
    try:
        return probe(data, Limits())
    except ImageError:
        return None


def _own(data: bytes, facts: Facts) -> int:
    """Bytes that oxipng makes of a PNG by itself."""
    stripped = strip(data, facts)
    try:
        return min(len(stripped), len(oxipng.optimize_from_memory(stripped, level=2)))
    except oxipng.PngError:
        return len(stripped)


@pytest.mark.timeout(300)
def test_lossless_is_pixel_equal_and_no_larger_than_oxipngs_own(tmp_path: Path) -> None:
    ours = theirs = before = done = 0
    for path in files("photos", "graphics", "graphics_png_conformance", large=_MIDDLING, every=24):
        data = path.read_bytes()
        facts = _readable(data)
        outcome, left = do(tmp_path, data, Settings(lossless=True, min_savings=Savings(0.0, 0)))
        if outcome.status in (Status.SKIPPED, Status.FAILED):
            assert (left, bool(outcome.reason)) == (data, True), path.name
            continue
        assert facts is not None
        assert shown(data) == shown(left) if facts.apng else same(data, left), path.name
        done += outcome.status is Status.DONE
        if facts.format is Format.PNG:
            before, ours, theirs = before + len(data), ours + len(left), theirs + _own(data, facts)
    print(f"\nPNG: {before:,} bytes, {ours:,} by us, {theirs:,} by oxipng itself; {done} files done")
    assert done > 50
    assert 0 < ours <= theirs


@pytest.mark.parametrize("path", files("animated", large=_LARGE, every=4), ids=lambda path: path.name)
def test_an_animation_shows_the_same_or_is_skipped(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    outcome, left = do(tmp_path, data, LOSSLESS)
    if outcome.status in (Status.SKIPPED, Status.FAILED):
        assert (left, bool(outcome.reason)) == (data, True)
        return
    assert len(left) <= len(data)
    try:
        wanted = shown(data)
    except (OSError, ValueError, SyntaxError, EOFError, Pillow.DecompressionBombError):
        wanted = []  # damage that Pillow does not read past
    assert not wanted or shown(left) == wanted


@pytest.mark.parametrize("path", files("camera", "meta", "photos", every=12), ids=lambda path: path.name)
def test_a_second_run_changes_nothing(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    facts = _readable(data)
    if facts is None or facts.format is Format.TIFF:
        return
    if facts.width * facts.height > 2_000_000:
        with Pillow.open(path) as image:
            image.draft("RGB", (1000, 1000))
            image.convert("RGB").save(tmp_path / "small.jpg", quality=95)
        data = (tmp_path / "small.jpg").read_bytes()
    first, once = do(tmp_path, data, Settings())
    if path.name in DAMAGED:
        assert first.status is Status.FAILED
        return
    second, twice = do(tmp_path, once, Settings())
    assert first.status is not Status.FAILED
    assert twice == once
    assert second.status in (Status.KEPT, Status.SKIPPED)
