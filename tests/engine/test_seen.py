"""The score is that of what is seen: every frame, every background, upright, in sRGB."""

from __future__ import annotations

import pyvips
from pyvips import Image

from engine.decode import Picture
from engine.seen import Seen
from tests.conftest import ROOT

PHOTO = ROOT / "tui" / "demo_images" / "parrots.jpg"


def photo() -> Image:
    return Image.new_from_file(str(PHOTO)).crop(90, 60, 160, 120).copy_memory()


def seen(image: Image, frames: int = 1, orientation: int = 1) -> Seen:
    return Seen(Picture(image, image.get_typeof("icc-profile-data") != 0), frames, orientation)


def test_a_lossless_file_scores_100_as_it_is() -> None:
    assert seen(photo()).compare(photo().pngsave_buffer()).score == 100
    deep = (photo().cast("ushort") << 8).copy(interpretation="rgb16")
    assert seen(deep).compare(deep.pngsave_buffer()).score == 100
    grey = photo().colourspace("b-w")
    assert seen(grey).compare(grey.pngsave_buffer()).score == 100


def test_transparency_is_seen_on_dark_and_on_light() -> None:
    half = photo().bandjoin(Image.black(160, 120) + 128).cast("uchar").copy(interpretation="srgb")
    reference = seen(half)
    assert reference.compare(half.pngsave_buffer()).score == 100
    for grey in (26, 230):  # each is right on one of the two backgrounds, and wrong on the other
        assert reference.compare(half.flatten(background=[grey]).pngsave_buffer()).score < 70


def test_colours_under_full_transparency_do_not_count() -> None:
    clear = Image.black(160, 120).cast("uchar")
    one = photo().bandjoin(clear).copy(interpretation="srgb")
    other = photo().invert().bandjoin(clear).copy(interpretation="srgb")
    assert seen(one).compare(other.pngsave_buffer()).score == 100


def test_the_worst_frame_counts() -> None:
    calm = Image.black(160, 120, bands=3).linear(1, [40, 90, 160]).cast("uchar").copy(interpretation="srgb")
    frames = [calm, photo(), calm]
    tall = Image.arrayjoin(frames, across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", 120)
    reference = seen(tall, frames=3)
    data = tall.webpsave_buffer(Q=40)
    alone = min(seen(frame).compare(frame.webpsave_buffer(Q=40)).score for frame in frames)
    assert abs(reference.compare(data).score - alone) < 8
    ruined = Image.arrayjoin([calm, photo(), calm.invert()], across=1).copy()
    ruined.set_type(pyvips.GValue.gint_type, "page-height", 120)
    assert reference.compare(ruined.webpsave_buffer(lossless=True)).score < 30


def test_profiles_are_part_of_what_is_seen() -> None:
    wide = photo().icc_transform("p3", input_profile="srgb", embedded=False)
    assert seen(wide).compare(wide.pngsave_buffer()).score == 100
    back = wide.icc_transform("srgb", embedded=True)
    assert seen(wide).compare(back.pngsave_buffer(keep="none")).score > 90
    assert seen(wide).compare(wide.pngsave_buffer(keep="none")).score < 80


def test_the_worst_place_is_found_where_the_damage_is() -> None:
    damaged = photo().draw_rect([200, 30, 30], 70, 70, 30, 30, fill=True)
    found = seen(photo()).compare(damaged.pngsave_buffer())
    assert (found.left, found.top) == (64, 0)
    assert found.worst < found.score < 100
