"""Nothing is lost without a word: each kind of loss is refused by its name, and delivered when it is allowed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvips import Image

from engine import optimize_images
from engine.check import check_pixels, check_structure
from engine.codec import Encoded, optimize, setup
from engine.decode import open_image
from engine.errors import WouldLose
from engine.exact import different
from engine.formats import Format
from engine.job import Recipe
from engine.losses import delivered, losses
from engine.policy import Limits, Loss, Policy
from engine.probe import probe
from engine.settings import Settings
from engine.task import Quality, TaskSettings
from tests.engine import lossy_sources as made
from tests.engine.lossy_sources import SOURCES, photo
from tests.test_cli import call

DATA = Path(__file__).resolve().parent.parent / "data"
LIMITS = Limits()
ALL = frozenset(Loss)


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def encode(data: bytes, target: Format | None, allow: frozenset[Loss] = frozenset(), quality: int = 90) -> Encoded:
    facts = probe(data, LIMITS)
    chosen = TaskSettings(Quality(overall=quality), output_format=target)
    encoded = optimize(data, facts, chosen, lambda _: None, Policy(allow_loss=allow))
    check_structure(encoded)
    check_pixels(data, facts, chosen, encoded)
    return encoded


def refused(data: bytes, target: Format | None, allow: frozenset[Loss] = frozenset(), quality: int = 90) -> WouldLose:
    with pytest.raises(WouldLose) as caught:
        encode(data, target, allow, quality)
    assert "\n" not in str(caught.value)
    return caught.value


def decoded(encoded: Encoded) -> Image:
    return open_image(encoded.data, probe(encoded.data, LIMITS))


def test_there_is_a_source_for_every_kind() -> None:
    assert set(SOURCES) == ALL


@pytest.mark.parametrize("kind", list(Loss))
def test_each_kind_is_refused_alone_and_delivered_when_it_is_allowed(kind: Loss) -> None:
    data = SOURCES[kind][1]
    for allow in (frozenset[Loss](), ALL - {kind}):
        assert refused(data, Format.JPEG, allow).kinds == (kind,)
    encoded = encode(data, Format.JPEG, frozenset({kind}))
    assert (encoded.format, encoded.frames) == (Format.JPEG, 1)
    again = probe(encoded.data, LIMITS)
    assert losses(again, Format.JPEG, 90) == ()


OTHERS = {
    "an animated WebP": ((DATA / "sharp-fixtures__animated-loop-3.webp").read_bytes(), Format.PNG, Loss.ANIMATION),
    "an AVIF sequence": (
        photo().heifsave_buffer(compression="av1", effort=0).replace(b"ftypavif", b"ftypavis", 1),
        None,
        Loss.ANIMATION,
    ),
    "pages that differ": (made.unlike_pages(), None, Loss.PAGES),
    "a pyramid inside": (photo(600, 600).tiffsave_buffer(tile=True, pyramid=True, subifd=True), None, Loss.LAYERS),
    "a pyramid of pages": (photo(600, 600).tiffsave_buffer(tile=True, pyramid=True), None, Loss.LAYERS),
    "Photoshop layers": (made.photoshop_layers(), None, Loss.LAYERS),
    "Ultra HDR": (
        (DATA / "libavif__paris_exif_xmp_gainmap_littleendian.jpg").read_bytes(),
        Format.WEBP,
        Loss.GAIN_MAP,
    ),
    "a colour code": (made.with_code(), Format.WEBP, Loss.PROFILE),
    "a depth map in XMP": (
        made.jpeg_segment(photo().jpegsave_buffer(Q=100), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x GDepth:Mime='a'/>"),
        None,
        Loss.LAYERS,
    ),
    "a depth map in an AVIF": (
        photo()
        .bandjoin(200)
        .copy(interpretation="srgb")
        .heifsave_buffer(compression="av1", effort=0)
        .replace(b"auxiliary:alpha", b"auxiliary:depth"),
        None,
        Loss.LAYERS,
    ),
    "half transparency in a GIF": (made.half_transparent(), Format.GIF, Loss.ALPHA),
    "16 bits as 10": (made.deep(), Format.AVIF, Loss.BITS),
    "16 bits as a palette": (made.deep(), Format.PNG, Loss.BITS),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_to_lose_something_are_refused_and_allowed_too(name: str) -> None:
    data, target, kind = OTHERS[name]
    assert refused(data, target, ALL - {kind}).kinds == (kind,)
    encoded = encode(data, target, frozenset({kind}))
    assert encoded.frames == 1


def test_all_that_would_be_lost_is_said_in_one_sentence() -> None:
    data = made.with_gamma() + b"film" * 4000
    error = refused(data, Format.JPEG)
    assert error.kinds == (Loss.TRAILING, Loss.PROFILE)
    assert "16,000 bytes after the picture's end would be lost" in str(error)
    assert "gamma of 1 " in str(error)
    assert str(error.with_option()).endswith("(--allow-loss trailing,profile does it all the same)")


def test_an_allowed_animation_is_its_first_frame() -> None:
    data = SOURCES[Loss.ANIMATION][1]
    first = Image.gifload_buffer(data, n=1)
    encoded = encode(data, Format.PNG, frozenset({Loss.ANIMATION}), quality=100)
    assert different(first, decoded(encoded)).max() == 0


def test_allowed_transparency_goes_onto_white() -> None:
    encoded = encode(made.half_transparent(), Format.JPEG, frozenset({Loss.ALPHA}))
    wanted = photo() * (128 / 255) + 255 * (127 / 255)
    assert (decoded(encoded) - wanted).abs().avg() < 3


def test_sixteen_bits_stay_where_they_can() -> None:
    for target in (Format.PNG, Format.TIFF):
        assert probe(encode(made.deep(), target, quality=100).data, LIMITS).bits == 16
    encoded = encode(made.deep(), Format.AVIF, frozenset({Loss.BITS}))
    assert probe(encoded.data, LIMITS).bits == 10
    best = encode(made.deep(), Format.AVIF, frozenset({Loss.BITS}), quality=100)
    assert (probe(best.data, LIMITS).bits, best.lossless) == (12, False)


def test_an_avif_keeps_its_bits() -> None:
    deep = Image.pngload_buffer(made.deep())
    for bits in (10, 12):
        data = deep.heifsave_buffer(compression="av1", bitdepth=bits, effort=0, Q=90)
        assert probe(encode(data, None).data, LIMITS).bits == bits


def test_deep_cmyk_stays_deep() -> None:
    cmyk = photo().icc_transform("cmyk", input_profile="srgb").cast("ushort", shift=True)
    data = cmyk.copy(interpretation="cmyk").tiffsave_buffer()
    encoded = encode(data, Format.PNG, quality=100)
    assert probe(encoded.data, LIMITS).bits == 16
    assert decoded(encoded).bands == 3


def test_a_colour_code_stays_from_png_to_png() -> None:
    encoded = encode(made.with_code(), None, quality=100)
    assert probe(encoded.data, LIMITS).coding == "cICP 9/16"


def test_a_little_behind_the_end_is_dropped() -> None:
    data = photo().jpegsave_buffer(Q=100)
    assert probe(encode(data + b"maker" * 2000, None).data, LIMITS).trailing == 0
    assert refused(data + b"maker" * 2001, None).kinds == (Loss.TRAILING,)


KINDS = st.frozensets(st.sampled_from(list(Loss)))
FACTS = [probe(data, LIMITS) for _, data in SOURCES.values()]


@given(KINDS)
def test_what_is_allowed_reaches_the_worker(kinds: frozenset[Loss]) -> None:
    recipe = Settings(allow_loss=tuple(kinds)).recipe()
    assert recipe.policy.allow_loss == kinds
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))).policy == recipe.policy


@settings(max_examples=200)
@given(st.sampled_from(FACTS), st.sampled_from(list(Format)), st.integers(1, 100))
def test_what_is_delivered_has_no_frames_that_its_format_does_not_hold(facts: object, target: Format, q: int) -> None:
    from engine.probe import Facts

    assert isinstance(facts, Facts)
    after = {lost.kind for lost in losses(delivered(facts, target), target, q)}
    before = {lost.kind for lost in losses(facts, target, q)}
    assert after == before - {Loss.ANIMATION, Loss.PAGES}


def fill(root: Path) -> Path:
    root.mkdir()
    for name, data in SOURCES.values():
        (root / name).write_bytes(data)
    return root


def test_a_run_names_each_loss_and_the_option_that_allows_it(tmp_path: Path) -> None:
    root = fill(tmp_path / "in")
    run = call("run", root, "-o", tmp_path / "out", "--format", "jpeg", "--json")
    assert run.returncode == 0, run.stderr
    reasons = {os.path.basename(one["original_path"]): one for one in json.loads(run.stdout)["results"]}
    for kind, (name, _) in SOURCES.items():
        assert reasons[name]["status"] == "skipped"
        assert f"(--allow-loss {kind} does it all the same)" in reasons[name]["reason"]
    assert not (tmp_path / "out").exists()


def test_a_run_delivers_what_is_allowed(tmp_path: Path) -> None:
    root = fill(tmp_path / "in")
    kinds = [kind.value for kind in Loss]
    allow = ["--allow-loss", ",".join(kinds[:3]), "--allow-loss", ", ".join(kinds[3:])]
    run = call("run", root, "-o", tmp_path / "out", "--format", "jpeg", "--json", "--verify", "full", *allow)
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)["results"]
    assert {one["status"] for one in results} == {"done"}, results
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir() if path.suffix) == [".jpg"] * len(Loss)


def test_a_kind_that_is_none_is_refused_before_the_run(tmp_path: Path) -> None:
    run = call("run", fill(tmp_path / "in"), "--allow-loss", "bits,depth")
    assert run.returncode == 2
    assert b"--allow-loss: " in run.stderr
    assert b"use any of animation, pages, gain-map, trailing, bits, alpha, layers, profile" in run.stderr


async def test_other_programs_get_eight_bits_without_asking_and_a_reason_for_the_rest(tmp_path: Path) -> None:
    root = fill(tmp_path / "in")
    tasks = [
        {
            "input_path": str(root / name),
            "output_path": str(tmp_path / f"{name}.jpg"),
            "settings": {"outputFormat": "jpeg"},
        }
        for name, _ in SOURCES.values()
    ]
    results = dict(zip(SOURCES, await optimize_images(tasks), strict=True))
    assert {kind for kind, result in results.items() if result.success} == {Loss.BITS}
    for kind, result in results.items():
        assert result.success or (result.error and "--allow-loss" not in result.error), kind


def test_pictures_in_a_second_tiff_format_are_not_taken_for_the_first() -> None:
    data = photo(600, 600).tiffsave_buffer(tile=True, pyramid=True)
    assert pyvips.Image.new_from_buffer(data, "").get("n-pages") > 1
    encoded = encode(data, Format.PNG, frozenset({Loss.LAYERS}), quality=100)
    assert (encoded.width, encoded.height) == (600, 600)
