"""What a picture shows decides how AVIF and PNG are encoded."""

from __future__ import annotations

import os

import pytest
from pyvips import Image

from engine.content import content_of, is_drawn
from engine.efforts import CALM_PIXELS, Content
from tests.conftest import ROOT


def photo() -> Image:
    return Image.new_from_file(os.fspath(ROOT / "tui/demo_images/parrots.jpg"))


def chart(bands: int = 3) -> Image:
    """Bars on white."""
    image = (Image.black(400, 300, bands=bands) + 255).cast("uchar").copy(interpretation="srgb")
    for number in range(8):
        ink = [20 * number, 90, 200 - 20 * number, 255][:bands]
        image = image.draw_rect(ink, 20 + 45 * number, 280 - 30 * number, 30, 30 * number + 1, fill=True)
    return image


def noise(width: int, height: int) -> Image:
    return Image.gaussnoise(width, height, mean=128, sigma=60, seed=7).cast("uchar").bandjoin([128, 60])


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_even_areas_with_sharp_edges_are_a_drawing(bands: int) -> None:
    assert is_drawn(chart(bands))
    assert content_of(chart(bands)) is Content.DRAWN


def test_a_photo_is_no_drawing_and_its_detail_says_how_busy_it_is() -> None:
    assert not is_drawn(photo())
    assert content_of(photo().gaussblur(4).copy(interpretation="srgb")) is Content.CALM
    assert content_of(noise(300, 200).copy(interpretation="srgb")) is Content.BUSY


def test_a_large_photo_is_never_calm_but_a_large_drawing_is_drawn() -> None:
    soft = photo().gaussblur(4)
    large = soft.resize((1.1 * CALM_PIXELS / (soft.width * soft.height)) ** 0.5)
    assert content_of(large) is Content.BUSY
    assert content_of(chart().replicate(6, 4)) is Content.DRAWN


def test_deep_and_tiny_pictures_are_judged_too() -> None:
    deep = (noise(90, 60).cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    assert content_of(deep) is Content.BUSY
    assert content_of(photo().crop(0, 0, 1, 5)) is Content.DRAWN


def test_a_stream_that_can_be_read_once_is_enough() -> None:
    stream = Image.new_from_file(os.fspath(ROOT / "tui/demo_images/parrots.jpg"), access="sequential")
    assert content_of(stream) is content_of(photo())
