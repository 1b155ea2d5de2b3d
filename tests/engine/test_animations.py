"""An animation stays one: frames, delays, loop count and what is seen, read back with Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pyvips import Image

from engine.check import check_pixels
from engine.codec import Encoded, optimize, setup
from engine.errors import Declined
from engine.formats import Format
from engine.policy import Limits
from engine.probe import probe
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from engine.webpframes import frame_delays
from tests.corpus import files, needs_corpus

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
LIMITS = Limits()
OWN_SAMPLES = [
    "image_optim-spec__icecream.gif",
    "pillow-tests__dispose_bgnd.gif",
    "pillow-tests__dispose_prev_first_frame.gif",
    "pillow-tests__duplicate_frame.gif",
    "pillow-tests__no_palette_with_transparency.gif",
    "sharp-fixtures__animated-loop-3.webp",
]
BY_LIBVIPS = {
    "pillow-tests__decompression_bomb_extents.gif": "Pillow refuses its size",
    "pillow-tests__dispose_bgnd.gif": "Pillow clears to black, the standard to the background colour",
    "pillow-tests__dispose_bgnd_rgba.gif": "Pillow clears to black, the standard to the background colour",
    "pillow-tests__duplicate_number_of_loops.gif": "Pillow takes the first of two loop counts, browsers the last",
}
"""Sources that Pillow reads in another way, and why: what is seen of them is read with libvips."""
_LARGE = 5_000_000
"""Pixels of all frames from which one quality is enough, to keep the suite short."""


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


@dataclass
class Seen:
    """What somebody sees of an animation."""

    delays: list[int]
    """Milliseconds; what is at most 10 is shown for 100 by every browser."""
    plays: int
    """How often it is shown; 0: without end."""
    frames: list[Any]
    """RGBA of 0–255, colours multiplied by their alpha."""


def shown(delays: Iterable[int | None]) -> list[int]:
    return [100 if delay is None or delay <= 10 else delay for delay in delays]


def by_pillow(data: bytes) -> Seen:
    delays, frames = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Pillow.open(io.BytesIO(data)) as image:
            loop = image.info.get("loop")
            # A GIF says how often it is repeated, a WebP how often it is shown.
            plays = loop if image.format == "WEBP" else 1 if loop is None else loop + 1 if loop else 0
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                frames.append(np.asarray(image.convert("RGBA")))
                delays.append(image.info.get("duration"))
    return Seen(shown(delays), int(plays or 0), [_premultiplied(frame) for frame in frames])


def by_libvips(data: bytes) -> Seen:
    image = Image.new_from_buffer(data, "", n=-1)
    high = image.get("page-height")
    whole = image if image.hasalpha() else image.addalpha()
    pixels = whole.colourspace("srgb").numpy().reshape(-1, high, image.width, 4)
    return Seen(shown(image.get("delay")), image.get("loop"), [_premultiplied(frame) for frame in pixels])


def _premultiplied(frame: Any) -> Any:
    values = frame.astype(float)
    values[..., :3] *= values[..., 3:] / 255
    return values


def encode(data: bytes, target: Format, quality: int, resize: Resize | None = None) -> Encoded:
    facts = probe(data, LIMITS)
    chosen = TaskSettings(Quality(overall=quality), resize or Resize(), target)
    encoded = optimize(data, facts, chosen, lambda _: None)
    check_pixels(data, facts, chosen, encoded)
    return encoded


def _same(name: str, data: bytes, encoded: Encoded) -> None:
    own_blocks = encoded.format is Format.GIF and name.endswith(".gif")
    read = by_libvips if name in BY_LIBVIPS and not (own_blocks and "bomb" not in name) else by_pillow
    wanted = read(data)
    got = by_libvips(encoded.data) if "bomb" in name else by_pillow(encoded.data)
    assert len(got.frames) == len(wanted.frames) == encoded.frames
    assert (got.delays, got.plays) == (wanted.delays, wanted.plays)
    for before, after in zip(wanted.frames, got.frames, strict=True):
        apart = np.abs(before - after)
        if encoded.lossless:
            assert apart.max() == 0
        else:
            assert apart.mean() < 10


def _check(path: Path, target: Format, quality: int) -> None:
    data = path.read_bytes()
    try:
        encoded = encode(data, target, quality)
    except Declined as refusal:
        reason = str(refusal)
    else:
        _same(path.name, data, encoded)
        return
    assert reason.startswith(("an animated PNG", "half-transparent pixels would be lost"))
    assert path.suffix == ".png" or target is Format.GIF


@pytest.mark.parametrize("name", OWN_SAMPLES)
@pytest.mark.parametrize(("target", "quality"), [(Format.GIF, 100), (Format.WEBP, 100), (Format.WEBP, 80)])
def test_what_is_seen_stays(name: str, target: Format, quality: int) -> None:
    _check(DATA / name, target, quality)


@needs_corpus
@pytest.mark.parametrize("target", [Format.GIF, Format.WEBP])
@pytest.mark.parametrize("path", files("animated", large=5_000, every=5), ids=lambda path: path.name)
def test_no_animation_of_the_corpus_is_flattened(path: Path, target: Format) -> None:
    _check(path, target, 80)
    if target is Format.WEBP and path.suffix != ".png":
        facts = probe(path.read_bytes(), LIMITS)
        if facts.width * facts.height * facts.frames < _LARGE:
            _check(path, target, 100)


def test_a_resized_animation_keeps_its_alike_frames() -> None:
    data = (DATA / "pillow-tests__duplicate_frame.gif").read_bytes()
    for quality in (80, 100):
        encoded = encode(data, Format.WEBP, quality, Resize(ResizeMode.WIDTH, 7))
        assert by_pillow(encoded.data).delays == by_pillow(data).delays
        assert probe(encoded.data, LIMITS).frames == 3


def _frames(choice: list[int], delays: list[int], loop: int, alpha: bool) -> Image:
    """A frame for each of ``choice``, which says what picture it shows."""
    size = 12
    pictures = []
    for number in choice:
        ramp = Image.xyz(size, size)
        colours = (ramp[0] * 20).bandjoin([ramp[1] * 20, Image.black(size, size) + 60 * number])
        if alpha:
            colours = colours.bandjoin((ramp[0] + number < 8).ifthenelse(255, 0))
        pictures.append(colours.cast("uchar").copy(interpretation="srgb"))
    tall = Image.arrayjoin(pictures, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", size)
    tall.set_type(pyvips.GValue.gint_type, "loop", loop)
    tall.set_type(pyvips.GValue.array_int_type, "delay", delays)
    return tall


FRAME = st.tuples(st.integers(0, 3), st.integers(0, 500).map(lambda number: number * 10))


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAME, min_size=2, max_size=7), st.integers(0, 9), st.booleans(), st.sampled_from([80, 100]))
def test_any_frames_go_from_gif_to_webp_and_back(
    frames: list[tuple[int, int]], loop: int, alpha: bool, quality: int
) -> None:
    choice, delays = [picture for picture, _ in frames], [delay for _, delay in frames]
    gif = _frames(choice, delays, loop, alpha).gifsave_buffer(keep_duplicate_frames=True)
    wanted = by_pillow(gif)
    assert (len(wanted.frames), wanted.delays, wanted.plays) == (len(frames), shown(delays), loop)
    for target in (Format.WEBP, Format.GIF):
        encoded = encode(gif, target, quality)
        _same("made.gif", gif, encoded)
    there = encode(gif, Format.WEBP, 100)
    _same("made.webp", there.data, encode(there.data, Format.GIF, 100))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=6), st.booleans())
def test_delays_of_a_webp_stay_to_the_millisecond(delays: list[int], alike: bool) -> None:
    tall = _frames([1 if alike else number for number in range(len(delays))], [100] * len(delays), 0, False)
    data = encode(tall.gifsave_buffer(keep_duplicate_frames=True), Format.WEBP, 100).data
    place = 0
    for delay in delays:
        place = data.index(b"ANMF", place) + 8
        data = data[: place + 12] + delay.to_bytes(3, "little") + data[place + 15 :]
    assert frame_delays(data) == delays
    for quality in (80, 100):
        assert frame_delays(encode(data, Format.WEBP, quality).data) == delays
