"""The check before a result replaces its source: real results pass, wrong ones do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from pyvips import Image

from engine.check import check_pixels, check_structure
from engine.codec import Encoded, optimize, setup
from engine.errors import WriteFailed
from engine.formats import Format
from engine.policy import Limits
from engine.probe import Facts, probe
from engine.task import Quality, Resize, ResizeMode, TaskSettings

DATA = Path(__file__).resolve().parent.parent / "data"
PHOTO = (DATA / "libavif__paris_exif_xmp_icc.jpg").read_bytes()
Spoil = Callable[[Image], Image]


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


@cache
def encode(target: Format, quality: int, resize: Resize | None = None) -> tuple[Facts, TaskSettings, Encoded]:
    facts = probe(PHOTO, Limits())
    chosen = TaskSettings(Quality(overall=quality), resize or Resize(), target)
    return facts, chosen, optimize(PHOTO, facts, chosen, lambda _: None)


@pytest.mark.parametrize("target", list(Format))
@pytest.mark.parametrize("quality", [10, 50, 85, 100])
def test_true_results_pass(target: Format, quality: int) -> None:
    facts, chosen, encoded = encode(target, quality)
    check_structure(encoded)
    check_pixels(PHOTO, facts, chosen, encoded)


def test_true_resized_results_pass() -> None:
    for target in (Format.JPEG, Format.PNG, Format.WEBP):
        facts, chosen, encoded = encode(target, 80, Resize(ResizeMode.LONGEST, 130))
        check_pixels(PHOTO, facts, chosen, encoded)


def _rows_missing(image: Image) -> Image:
    return image.crop(0, 0, image.width, image.height - 6).embed(0, 0, image.width, image.height)


def _half_black(image: Image) -> Image:
    return image.crop(0, 0, image.width, image.height // 2).embed(0, 0, image.width, image.height)


SPOILS: dict[str, Spoil] = {
    "upside down": lambda image: image.rot180(),
    "mirrored": lambda image: image.fliphor(),
    "inverted": lambda image: image.invert(),
    "red and blue swapped": lambda image: image[2].bandjoin([image[1], image[0]]).copy(interpretation="srgb"),
    "too bright": lambda image: (image + 14).cast("uchar").copy(interpretation="srgb"),
    "grey": lambda image: image.colourspace("b-w").colourspace("srgb"),
    "half black": _half_black,
    "rows missing": _rows_missing,
    "shifted by 12 pixels": lambda image: image.wrap(x=12, y=0),
    "another profile applied": lambda image: (
        image.icc_transform("p3", input_profile="srgb").linear(1.0, [6, 0, 9]).cast("uchar")
    ),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS.keys())
@pytest.mark.parametrize("target", [Format.JPEG, Format.WEBP, Format.AVIF, Format.PNG])
def test_a_wrong_picture_fails(target: Format, spoil: Spoil) -> None:
    facts, chosen, encoded = encode(target, 80)
    wrong = spoil(Image.new_from_buffer(PHOTO, "").copy_memory())
    save = {
        Format.JPEG: lambda: wrong.jpegsave_buffer(Q=80, keep="none"),
        Format.WEBP: lambda: wrong.webpsave_buffer(Q=80, keep="none"),
        Format.AVIF: lambda: wrong.heifsave_buffer(Q=80, compression="av1", effort=1, keep="none"),
        Format.PNG: lambda: wrong.pngsave_buffer(palette=True, keep="none"),
    }[target]
    data: bytes = save()  # type: ignore[no-untyped-call]  # pyvips has no annotations
    with pytest.raises(WriteFailed):
        check_pixels(PHOTO, facts, chosen, replace(encoded, data=data))


def test_one_pixel_off_fails_a_lossless_result() -> None:
    facts, chosen, encoded = encode(Format.PNG, 100)
    pixel = Image.black(1, 1, bands=3).linear(1, [1, 2, 3]).cast("uchar")
    wrong = Image.new_from_buffer(PHOTO, "").insert(pixel, 50, 60)
    with pytest.raises(WriteFailed, match="lossless"):
        check_pixels(PHOTO, facts, chosen, replace(encoded, data=wrong.pngsave_buffer(keep="none")))


@pytest.mark.parametrize("target", list(Format))
def test_structure_finds_short_and_foreign_and_wrong_sized_results(target: Format) -> None:
    _, _, encoded = encode(target, 80)
    other = Image.black(30, 20).jpegsave_buffer() if target is Format.PNG else Image.black(30, 20).pngsave_buffer()
    for data in (encoded.data[:-3], encoded.data[: len(encoded.data) // 2], b"", other):
        with pytest.raises(WriteFailed):
            check_structure(replace(encoded, data=data))
    for wrong in (replace(encoded, width=encoded.width + 1), replace(encoded, frames=2)):
        with pytest.raises(WriteFailed):
            check_structure(wrong)


def test_a_result_that_does_not_decode_fails() -> None:
    facts, chosen, encoded = encode(Format.PNG, 100)
    middle = len(encoded.data) // 2
    broken = encoded.data[:middle] + b"\xff\0\xff" + encoded.data[middle + 3 :]
    with pytest.raises(WriteFailed, match="decode"):
        check_pixels(PHOTO, facts, chosen, replace(encoded, data=broken))
