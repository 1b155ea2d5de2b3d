"""Every picture of the shared corpus, when it is there: a faithful result, or a sentence why there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import pyvips
from pyvips import Image

from engine.check import check_pixels
from engine.codec import optimize, setup
from engine.errors import Declined, ImageError, Unreadable
from engine.formats import Format
from engine.policy import Limits
from engine.probe import Facts, probe
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from tests.conftest import ROOT
from tests.corpus import files, needs_corpus

pytestmark = needs_corpus
LIMITS = Limits()
_LARGE = 2_000_000
"""Pixels above which a result is asked for no longer than ``_SIDE``, to keep the suite short."""
_SIDE = 800


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def _is_a_sentence(text: str) -> None:
    assert len(text) > 10
    assert "\n" not in text


def _target(path: Path, facts: Facts) -> Format | None:
    """Photos kept as PNG go to JPEG and WebP, as people do; the rest stays what it is."""
    if facts.format is Format.PNG and path.parent.name == "photos":
        return Format.JPEG if len(path.name) % 2 else Format.WEBP
    return None


def _as_srgb(image: Image) -> Image:
    """8-bit sRGB on white, by the embedded profile."""
    if image.get_typeof("icc-profile-data") or image.interpretation == "cmyk":
        fallback = {"input_profile": "cmyk"} if image.interpretation == "cmyk" else {}
        alpha = image[image.bands - 1] if image.hasalpha() else None
        image = image.icc_transform("srgb", embedded=True, **fallback)
        if alpha is not None and not image.hasalpha():
            image = image.bandjoin(alpha)
    image = image.colourspace("srgb")
    return image.flatten(background=255) if image.hasalpha() else image


def _difference(data: bytes, result: bytes) -> float:
    """Mean ΔE00 on every fourth pixel of the first frame."""
    before = _as_srgb(Image.new_from_buffer(data, "").autorot())
    after = _as_srgb(Image.new_from_buffer(result, "").autorot())
    if (before.width, before.height) != (after.width, after.height):
        before = before.thumbnail_image(after.width, height=after.height, size="force")
    step = 2 if min(before.width, before.height) > 64 else 1
    pair = [image.copy_memory().subsample(step, step) for image in (before, after)]
    return float(pair[0].dE00(pair[1]).avg())


FAITHFUL = files("photos", "camera", "graphics", "meta", "formats", large=20_000, every=5)
EXACT = files("graphics", "graphics_png_conformance", large=20_000, every=4)
"""Animations are compared in test_corpus_lossless.py and test_animations.py, by a reader that is not ours."""


@pytest.mark.parametrize("path", FAITHFUL, ids=lambda path: path.name)
def test_a_faithful_result_or_a_sentence(path: Path) -> None:
    data = path.read_bytes()
    try:
        facts = probe(data, LIMITS)
        large = facts.width * facts.height > _LARGE
        resize = Resize(ResizeMode.LONGEST, _SIDE) if large else Resize()
        chosen = TaskSettings(Quality(overall=85), resize, _target(path, facts))
        encoded = optimize(data, facts, chosen, lambda _: None)
    except (Unreadable, Declined) as error:
        _is_a_sentence(str(error))
        return
    assert (encoded.width, encoded.height) == resize.target(facts.width, facts.height)
    check_pixels(data, facts, chosen, encoded)
    tiny = encoded.width * encoded.height < 1000
    assert _difference(data, encoded.data) < (4 if tiny else 3)


@pytest.mark.parametrize("path", EXACT, ids=lambda path: path.name)
def test_lossless_is_exact_or_declined(path: Path) -> None:
    data = path.read_bytes()
    try:
        facts = probe(data, LIMITS)
        resize = Resize(ResizeMode.WIDTH, 300) if facts.width * facts.height > _LARGE else Resize()
        chosen = TaskSettings(Quality(overall=100), resize)
        encoded = optimize(data, facts, chosen, lambda _: None)
    except (Unreadable, Declined) as error:
        _is_a_sentence(str(error))
        return
    assert encoded.lossless or encoded.format is Format.JPEG
    assert encoded.frames == facts.frames
    check_pixels(data, facts, chosen, encoded)


_HOSTILE = """
import json, sys, time
from pathlib import Path
from engine import codec
from engine.errors import ImageError
from engine.formats import Format
from engine.policy import Limits
from engine.probe import probe
from engine.task import Quality, TaskSettings
codec.setup()
for name in sys.stdin.read().splitlines():
    started, seen = time.monotonic(), "result"
    try:
        data = Path(name).read_bytes()
        facts = probe(data, Limits())
        codec.optimize(data, facts, TaskSettings(Quality(overall=85)), lambda _: None)
    except ImageError as error:
        seen = "refused" if str(error) and "\\n" not in str(error) else "no sentence"
    except Exception as error:
        seen = f"{type(error).__name__}: {error}"
    print(json.dumps([name, seen, time.monotonic() - started]), flush=True)
"""


def test_hostile_files_bring_nothing_but_image_errors() -> None:
    names = [str(path) for path in files("hostile", "hostile_synth") if path.is_file()]
    run = subprocess.run(
        [sys.executable, "-P", "-c", _HOSTILE],
        input="\n".join(names),
        env={"VIPS_CONCURRENCY": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0
    assert len(rows) == len(names)
    assert [row for row in rows if row[1] not in ("result", "refused")] == []
    assert [row for row in rows if row[2] >= 10] == []


def test_orientation_is_read_as_the_decoder_reads_it() -> None:
    differ = []
    for path in files("meta", "camera"):
        data = path.read_bytes()
        try:
            facts = probe(data, LIMITS)
            image = Image.new_from_buffer(data, "")
        except (ImageError, pyvips.Error):
            continue
        said = image.get("orientation") if image.get_typeof("orientation") else 1
        if facts.orientation != said and 1 <= said <= 8:
            differ.append((path.name, facts.orientation, said))
    assert differ == []
