"""A picture with a gain map keeps it: another reader finds the same parameters and the same map."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import MpoImagePlugin
from pyvips import Image

from engine import gainmap
from engine.check import check_pixels
from engine.codec import optimize, setup
from engine.containers import walk_jpeg
from engine.gainmap import GainMapKind
from engine.policy import Limits
from engine.probe import probe
from engine.strip import strip
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from tests.engine.lossy_sources import jpeg_segment, photo

DATA = Path(__file__).resolve().parent.parent / "data"
LIMITS = Limits()
PARIS = (DATA / "libavif__paris_exif_xmp_gainmap_littleendian.jpg").read_bytes()
APPLE = (DATA / "libavif__apple_gainmap_new.jpg").read_bytes()


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> Iterator[None]:
    """Workers have no use for libvips' Ultra HDR reader; here it is the witness."""
    setup()
    pyvips.operation_block_set("VipsForeignLoadUhdr", False)
    yield
    pyvips.operation_block_set("VipsForeignLoadUhdr", True)


def bright() -> bytes:
    """An Ultra HDR picture by libultrahdr itself, its parameters by ISO 21496-1."""
    ramp = Image.xyz(640, 400)
    light = photo(640, 400).colourspace("scrgb") * (ramp[0] / 640 * 3 + 1)
    data: bytes = light.cast("float").copy(interpretation="scrgb").uhdrsave_buffer(Q=95)
    return data


SOURCES = {"libultrahdr": bright(), "Apple": APPLE}


def seen(data: bytes) -> tuple[dict[str, Any], tuple[int, int]]:
    """The gain map's parameters and size as libultrahdr reads them."""
    image = Image.uhdrload_buffer(data)
    names = [name for name in image.get_fields() if name.startswith("gainmap-") and name != "gainmap-data"]
    found = {name: image.get(name) for name in names if name not in ("gainmap-scale-factor", "gainmap-use-base-cg")}
    map = Image.jpegload_buffer(bytes(image.get("gainmap-data")))
    return found, (map.width, map.height)


def optimized(data: bytes, resize: Resize | None = None) -> bytes:
    facts = probe(data, LIMITS)
    chosen = TaskSettings(Quality(overall=70), resize or Resize())
    encoded = optimize(data, facts, chosen, lambda _: None)
    check_pixels(data, facts, chosen, encoded)
    assert len(encoded.data) < len(data)
    return encoded.data


def map_of(data: bytes) -> bytes:
    found = gainmap.find(data, walk_jpeg(data))
    return data[found.start : found.end]


@pytest.mark.parametrize("name", SOURCES)
def test_parameters_and_map_stay(name: str) -> None:
    data = SOURCES[name]
    result = optimized(data)
    assert seen(result) == seen(data)
    assert (Image.jpegload_buffer(map_of(result)) - Image.jpegload_buffer(map_of(data))).abs().max() == 0


def test_the_bright_picture_stays() -> None:
    data = SOURCES["libultrahdr"]
    before, after = (Image.uhdrload_buffer(part).uhdr2scRGB() for part in (data, optimized(data)))
    assert before.max() > 2
    assert (before - after).abs().avg() < 0.03 * before.avg()


@pytest.mark.parametrize("name", SOURCES)
def test_a_smaller_picture_gets_a_smaller_map(name: str) -> None:
    data = SOURCES[name]
    result = optimized(data, Resize(ResizeMode.WIDTH, 200))
    before, (width, _) = seen(data)
    after, (narrow, _) = seen(result)
    assert after == before
    assert narrow == round(width * 200 / probe(data, LIMITS).width)


def _turned(data: bytes, orientation: int) -> bytes:
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    return jpeg_segment(strip(data, probe(data, LIMITS)), 0xE1, exif)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_map_is_turned_as_the_picture_is(orientation: int) -> None:
    data = _turned(SOURCES["libultrahdr"], orientation)
    upright = data.replace(b"\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]), b"\x01\x12\0\x03\0\0\0\x01\0\x01", 1)
    picture = Image.uhdrload_buffer(upright).uhdr2scRGB().copy()
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    wanted = picture.autorot()
    got = Image.uhdrload_buffer(optimized(data)).uhdr2scRGB()
    assert (got.width, got.height) == (wanted.width, wanted.height)
    assert (wanted - got).abs().avg() < 0.05 * wanted.avg()


@pytest.mark.parametrize("data", [PARIS, APPLE, SOURCES["libultrahdr"]], ids=["XMP", "Apple", "ISO"])
def test_other_programs_find_the_map_by_the_index(data: bytes) -> None:
    for result in (optimized(data), strip(data, probe(data, LIMITS))):
        with MpoImagePlugin.MpoImageFile(io.BytesIO(result)) as image:
            assert image.n_frames == 2
            image.seek(1)
            size = image.size
        map = Image.jpegload_buffer(map_of(result))
        assert size == (map.width, map.height)


def test_xmp_names_the_map_and_its_length_and_nothing_else() -> None:
    result = optimized(PARIS)
    assert f'Item:Length="{len(map_of(result))}"'.encode() in result
    assert gainmap.parameters(map_of(result)) == gainmap.parameters(map_of(PARIS))
    for private in (b"photoshop:", b"xmp:Creat", b"Exif\0\0"):
        assert private not in result


@pytest.mark.parametrize("data", [PARIS, APPLE, SOURCES["libultrahdr"]], ids=["XMP", "Apple", "ISO"])
def test_a_kept_original_loses_its_metadata_but_not_the_map(data: bytes) -> None:
    kept = strip(data, probe(data, LIMITS))
    assert len(kept) < len(data)
    assert b"Exif\0\0" not in kept
    after = probe(kept, LIMITS)
    assert (after.gain_map, after.trailing) == (GainMapKind.JPEG, 0)
    assert strip(kept, after) is kept


def test_a_film_behind_the_map_is_told_apart_from_it() -> None:
    facts = probe(PARIS + b"film" * 4000, LIMITS)
    assert (facts.gain_map, facts.trailing) == (GainMapKind.JPEG, 16_000)


def test_a_map_without_parameters_is_of_the_other_kind() -> None:
    first = jpeg_segment(photo().jpegsave_buffer(), 0xE1, b"http://ns.adobe.com/xap/1.0/\0HDRGainMapVersion")
    data = photo().jpegsave_buffer() + first
    assert probe(data, LIMITS).gain_map is GainMapKind.OTHER
    assert probe(data, LIMITS).trailing == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_lies_behind_a_picture_is_looked_at_without_harm(draw: st.DataObject) -> None:
    data = bytearray(PARIS)
    start = walk_jpeg(PARIS).end
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(start, len(data) - 1))] = draw.draw(st.integers(0, 255))
    end = draw.draw(st.integers(start, len(data)))
    facts = probe(bytes(data[:end]), LIMITS)
    assert facts.gain_map is not GainMapKind.NONE
    assert strip(bytes(data[:end]), facts)
