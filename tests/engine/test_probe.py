"""What the header facts promise: right for every kind of file, and nothing but an ImageError for any bytes."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from pathlib import Path

import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.codec import setup
from engine.errors import Declined, ImageError, Unreadable
from engine.formats import Format
from engine.gainmap import GainMapKind
from engine.icc import ProfileKind
from engine.indexed import png_chunk
from engine.policy import Limits
from engine.probe import probe

DATA = Path(__file__).resolve().parent.parent / "data"
LIMITS = Limits()
SAMPLES = sorted(path for path in DATA.iterdir() if path.suffix != ".md" and "blend_transparency" not in path.name)


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def flat(width: int = 64, height: int = 48, value: int = 90) -> pyvips.Image:
    ramp = pyvips.Image.xyz(width, height)
    picture = ramp[0].bandjoin([ramp[1], pyvips.Image.black(width, height) + value])
    return picture.cast("uchar").copy(interpretation="srgb")


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_facts_agree_with_the_decoder(path: Path) -> None:
    data = path.read_bytes()
    facts = probe(data, LIMITS)
    image = pyvips.Image.new_from_buffer(data, "", n=-1) if facts.animated else pyvips.Image.new_from_buffer(data, "")
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    stored = (facts.stored_width, facts.stored_height * facts.frames)
    assert (image.width, image.height) == stored
    assert facts.orientation == orientation
    assert (facts.width, facts.height) == (
        (facts.stored_height, facts.stored_width) if orientation >= 5 else (facts.stored_width, facts.stored_height)
    )
    assert facts.bands == image.bands
    assert facts.alpha == bool(image.hasalpha())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".avif", ".tif"])
def test_every_early_end_is_seen(suffix: str) -> None:
    data = flat().write_to_buffer(suffix)
    for share in (0.1, 0.5, 0.9, 0.99):
        with pytest.raises(Unreadable):
            probe(data[: int(len(data) * share)], LIMITS)
    with pytest.raises(Unreadable):
        probe(data[:-2] if suffix != ".gif" else data[:-1], LIMITS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\0" * 4000, "zero bytes"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"just a text", "not an image"),
    ],
)
def test_what_is_no_image_fails_by_its_name(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        probe(data, LIMITS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"BM" + b"\0" * 60, "BMP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 60, "HEIC"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    ],
)
def test_an_image_in_a_format_not_read_is_left_alone_by_its_name(data: bytes, words: str) -> None:
    with pytest.raises(Declined, match=words):
        probe(data, LIMITS)


@pytest.mark.alone
def test_limits_are_decided_from_the_header() -> None:
    started = time.monotonic()
    with pytest.raises(Declined, match="over the limit"):
        probe(png_header(65_000, 65_000), LIMITS)
    gif = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
    with pytest.raises(Declined, match="over the limit"):
        probe(gif, LIMITS)
    with pytest.raises(Declined, match="over the limit"):
        probe(flat().write_to_buffer(".jpg"), Limits(max_file_size=10))
    assert time.monotonic() - started < 0.1


def test_too_many_frames_are_declined() -> None:
    data = (DATA / "image_optim-spec__icecream.gif").read_bytes()
    with pytest.raises(Declined, match="frames"):
        probe(data, Limits(max_frames=3))


def test_a_colour_profile_bomb_is_bounded() -> None:
    bomb = b"icc\0\0" + zlib.compress(b"\0" * 50_000_000, 9)
    data = flat().write_to_buffer(".png")
    with pytest.raises(Declined, match="profile"):
        probe(data[:33] + png_chunk(b"iCCP", bomb) + data[33:], LIMITS)


def test_frames_of_an_animated_png_are_counted() -> None:
    facts = probe((DATA / "pillow-tests__blend_transparency.png").read_bytes(), LIMITS)
    assert (facts.apng, facts.animated, facts.frames) == (True, True, 2)


def test_gain_maps_and_films_are_told() -> None:
    jpeg = flat().write_to_buffer(".jpg")
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1.0'/>"
    marked = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + jpeg[2:]
    assert probe(marked, LIMITS).gain_map is GainMapKind.OTHER
    assert probe(jpeg + b"film" * 4000, LIMITS).trailing == 16_000
    assert probe(jpeg + b"pad" * 10, LIMITS).trailing == 30
    assert probe(jpeg + b"\0" * 40_000, LIMITS).trailing == 0


def test_srgb_is_recognised_by_its_numbers() -> None:
    plain = flat()
    assert (
        probe(plain.icc_transform("p3", input_profile="srgb").write_to_buffer(".jpg"), LIMITS).profile
        is ProfileKind.RGB
    )
    with_srgb = plain.icc_transform("srgb", input_profile="srgb")
    for suffix in (".jpg", ".png", ".webp", ".tif", ".avif"):
        assert probe(with_srgb.write_to_buffer(suffix), LIMITS).profile is ProfileKind.SRGB, suffix


def test_png_colours_given_by_a_code_are_told() -> None:
    data = flat().write_to_buffer(".png")
    assert probe(data[:33] + png_chunk(b"cICP", b"\x09\x10\0\1") + data[33:], LIMITS).coding == "cICP 9/16"
    assert probe(data[:33] + png_chunk(b"cICP", b"\x01\x0d\0\1") + data[33:], LIMITS).coding == ""


def test_a_camera_raw_file_is_not_taken_for_its_preview() -> None:
    entries = [(256, 4, 8), (257, 4, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (50706, 1, 1)]
    body = b"II*\0" + struct.pack("<IH", 8, len(entries))
    body += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + b"\0\0\0\0"
    with pytest.raises(Declined, match="raw"):
        probe(body + b"\0" * 64, LIMITS)


_STARTS = {
    Format.JPEG: b"\xff\xd8\xff",
    Format.PNG: png_header(3, 3),
    Format.WEBP: b"RIFF\x40\0\0\0WEBPVP8X",
    Format.GIF: b"GIF89a\3\0\3\0",
    Format.TIFF: b"II*\0\x08\0\0\0",
    Format.AVIF: b"\0\0\0\x14ftypavif\0\0\0\0avif",
}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(_STARTS.values())), st.binary(max_size=400))
def test_random_bytes_raise_only_image_errors(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(ImageError):
        probe(start + rest, LIMITS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_files_raise_only_image_errors(path: Path, draw: st.DataObject) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.draw(st.integers(0, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    end = draw.draw(st.integers(0, len(data)))
    with contextlib.suppress(ImageError):
        probe(bytes(data[:end]), LIMITS)
