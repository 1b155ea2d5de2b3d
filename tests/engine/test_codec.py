"""What encoding promises: upright, right colours, exact sizes, all frames, no metadata, and a word for every loss."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvips import Image

from engine.check import check_pixels, check_structure
from engine.codec import Encoded, optimize, setup, target_format
from engine.decode import open_image
from engine.errors import Declined, Unreadable
from engine.exact import different
from engine.formats import Format
from engine.icc import ProfileKind
from engine.job import Stage
from engine.policy import Limits, Loss, Policy
from engine.probe import Facts, probe
from engine.strip import strip
from engine.task import Quality, Resize, ResizeMode, TaskSettings

DATA = Path(__file__).resolve().parent.parent / "data"
LIMITS = Limits()
STILL_TARGETS = (Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF)


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def photo(width: int = 160, height: int = 112) -> Image:
    """Smooth colours without any symmetry."""
    ramp = Image.xyz(width, height)
    wave = (ramp[0] * 2.2 + ramp[1] * 3.1).math("sin") * 40 + 120
    picture = (ramp[0] * 200 / width + 30).bandjoin([ramp[1] * 180 / height + 20, wave])
    return picture.cast("uchar").copy(interpretation="srgb")


def run(
    data: bytes,
    target: Format | None = None,
    quality: int = 85,
    resize: Resize | None = None,
    allow: frozenset[Loss] = frozenset(),
) -> tuple[Encoded, Facts, TaskSettings]:
    facts = probe(data, LIMITS)
    chosen = TaskSettings(Quality(overall=quality), resize or Resize(), target)
    encoded = optimize(data, facts, chosen, lambda _: None, Policy(allow_loss=allow))
    check_structure(encoded)
    check_pixels(data, facts, chosen, encoded)
    return encoded, facts, chosen


def decoded(encoded: Encoded) -> Image:
    image = open_image(encoded.data, probe(encoded.data, LIMITS))
    return image.cast("uchar", shift=True) if image.format == "ushort" else image


def apart(one: Image, other: Image) -> float:
    return float((one.cast("short") - other.cast("short")).abs().avg())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("target", STILL_TARGETS)
def test_every_orientation_comes_out_upright_and_untagged(orientation: int, target: Format) -> None:
    source = photo(64, 40).copy()
    source.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    data = source.jpegsave_buffer(Q=95)
    upright = Image.new_from_buffer(data, "").autorot()
    encoded, facts, _ = run(data, target, quality=90)
    assert facts.orientation == orientation
    assert (encoded.width, encoded.height) == (upright.width, upright.height)
    assert probe(encoded.data, LIMITS).orientation == 1
    assert apart(decoded(encoded).extract_band(0, n=3), upright) < 8


def test_orientation_in_png_and_webp_is_obeyed() -> None:
    for name in ("imgproxy-tests__orientation-6.png", "pillow-tests__hopper_orientation_6.webp"):
        data = (DATA / name).read_bytes()
        wanted = Image.new_from_buffer(data, "").autorot()
        encoded, _, _ = run(data, Format.PNG, quality=100)
        assert different(decoded(encoded), wanted).max() == 0


def test_stages_are_told_in_order() -> None:
    data = photo().jpegsave_buffer()
    told: list[Stage] = []
    optimize(data, probe(data, LIMITS), TaskSettings(), told.append)
    assert told == [Stage.DECODE, Stage.ENCODE]


def test_original_means_the_format_of_the_content() -> None:
    facts = probe(photo().webpsave_buffer(), LIMITS)
    assert target_format(facts, TaskSettings()) is Format.WEBP
    assert target_format(facts, TaskSettings(output_format=Format.AVIF)) is Format.AVIF


@pytest.mark.parametrize("target", [Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF])
def test_quality_100_is_lossless(target: Format) -> None:
    encoded, _, _ = run(photo().pngsave_buffer(), target, quality=100)
    assert encoded.lossless
    assert encoded.quality == 0
    assert (decoded(encoded) - photo()).abs().max() == 0


def test_lossless_keeps_the_colours_under_full_transparency() -> None:
    picture = photo().bandjoin(Image.xyz(160, 112)[0].cast("uchar") * 0).copy(interpretation="srgb").cast("uchar")
    for target in (Format.PNG, Format.WEBP, Format.TIFF):
        encoded, _, _ = run(picture.pngsave_buffer(), target, quality=100)
        assert (decoded(encoded) - picture).abs().max() == 0


def test_small_depths_and_palettes_stay_small_and_exact() -> None:
    data = (DATA / "oxipng-tests__filter_1_for_palette_4.png").read_bytes()
    encoded, _, _ = run(data, quality=100)
    assert encoded.data[24:26] == bytes([4, 3])
    assert len(encoded.data) <= len(data)
    line_art = (photo()[0] > 100).pngsave_buffer(bitdepth=1)
    encoded, _, _ = run(line_art, quality=100)
    assert encoded.data[24:26] == bytes([1, 0])


def test_png_quality_makes_a_palette_for_a_caller_that_asks() -> None:
    data = photo().pngsave_buffer()
    chosen = TaskSettings(Quality(overall=80))
    encoded = optimize(data, probe(data, LIMITS), chosen, lambda _: None, Policy(keep_original=False))
    assert encoded.data[25] == 3
    assert encoded.quality == 80


def test_sixteen_bits_are_kept_or_scaled() -> None:
    deep = (photo().cast("ushort") * 257 + 5).cast("ushort").copy(interpretation="rgb16")
    data = deep.pngsave_buffer()
    kept, _, _ = run(data, quality=100)
    assert probe(kept.data, LIMITS).bits == 16
    for target in (Format.JPEG, Format.WEBP, Format.AVIF):
        encoded, _, _ = run(data, target, quality=95, allow=frozenset({Loss.BITS}))
        assert apart(decoded(encoded), photo()) < 3
        assert probe(encoded.data, LIMITS).bits == (10 if target is Format.AVIF else 8)


def test_a_wide_profile_stays_and_srgb_goes() -> None:
    wide = photo().icc_transform("p3", input_profile="srgb").pngsave_buffer()
    narrow = photo().icc_transform("srgb", input_profile="srgb").pngsave_buffer()
    for target in STILL_TARGETS:
        assert probe(run(wide, target)[0].data, LIMITS).profile is ProfileKind.RGB, target
        assert probe(run(narrow, target)[0].data, LIMITS).profile is ProfileKind.NONE, target


def test_a_profile_is_applied_where_the_target_has_none() -> None:
    wide = photo().icc_transform("p3", input_profile="srgb").pngsave_buffer()
    encoded, _, _ = run(wide, Format.GIF)
    assert apart(decoded(encoded).extract_band(0, n=3), photo()) < 4


def test_cmyk_becomes_srgb() -> None:
    cmyk = photo().icc_transform("cmyk", input_profile="srgb")
    wanted = cmyk.icc_transform("srgb", embedded=True)
    encoded, facts, _ = run(cmyk.jpegsave_buffer(Q=98), quality=95)
    assert facts.cmyk
    assert decoded(encoded).bands == 3
    assert apart(decoded(encoded), wanted) < 3


def test_grey_stays_grey() -> None:
    grey = photo().colourspace("b-w")
    for target in (Format.JPEG, Format.PNG, Format.TIFF):
        assert decoded(run(grey.pngsave_buffer(), target, quality=100)[0]).bands == 1


def test_transparency_is_not_lost_without_a_word() -> None:
    half = photo().bandjoin(128).copy(interpretation="srgb")
    for target in (Format.JPEG, Format.GIF):
        with pytest.raises(Declined, match="transparen"):
            run(half.pngsave_buffer(), target)
    opaque = photo().bandjoin(255).copy(interpretation="srgb")
    assert apart(decoded(run(opaque.pngsave_buffer(), Format.JPEG)[0]), photo()) < 4


@pytest.mark.parametrize("target", [Format.JPEG, Format.PNG, Format.AVIF, Format.TIFF])
def test_an_animation_is_not_lost_without_a_word(target: Format) -> None:
    with pytest.raises(Declined, match="animation"):
        run((DATA / "image_optim-spec__icecream.gif").read_bytes(), target)


@pytest.mark.parametrize("name", ["image_optim-spec__icecream.gif", "sharp-fixtures__animated-loop-3.webp"])
@pytest.mark.parametrize("size", [None, 31])
def test_frames_delays_and_loop_survive(name: str, size: int | None) -> None:
    data = (DATA / name).read_bytes()
    resize = Resize(ResizeMode.LONGEST, size) if size else None
    encoded, _, _ = run(data, resize=resize)
    before, after = (Image.new_from_buffer(part, "", n=-1) for part in (data, encoded.data))
    for field in ("n-pages", "delay", "loop"):
        assert after.get(field) == before.get(field), field
    if size:
        assert max(encoded.width, encoded.height) == size


def test_a_gif_is_exact() -> None:
    assert run((DATA / "image_optim-spec__icecream.gif").read_bytes())[0].lossless


def test_pages_of_a_tiff_are_kept_or_declined() -> None:
    pages = photo().join(photo().invert(), "vertical").copy()
    pages.set_type(pyvips.GValue.gint_type, "page-height", 112)
    data = pages.tiffsave_buffer()
    encoded, facts, _ = run(data)
    assert facts.frames == encoded.frames == 2
    with pytest.raises(Declined, match="pages"):
        run(data, Format.PNG)


def test_metadata_is_dropped() -> None:
    data = (DATA / "libavif__paris_exif_xmp_icc.jpg").read_bytes()
    for target in STILL_TARGETS:
        fields = Image.new_from_buffer(run(data, target)[0].data, "").get_fields()
        assert not [field for field in fields if field.startswith(("exif", "xmp", "iptc"))], target


def test_a_flipped_bit_or_a_short_file_is_damage() -> None:
    data = photo().pngsave_buffer()
    middle = len(data) // 2
    broken = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
    with pytest.raises(Unreadable, match="damaged"):
        run(broken, quality=100)


def test_chroma_is_full_from_quality_95() -> None:
    data = photo().pngsave_buffer()
    for quality, sampling in ((94, 0x22), (95, 0x11)):
        jpeg = run(data, Format.JPEG, quality)[0].data
        frame = jpeg.index(b"\xff\xc2")
        assert jpeg[frame + 11] == sampling


MODES = st.sampled_from([mode for mode in ResizeMode if mode is not ResizeMode.BOX])
SIDES = st.integers(1, 3000)


@given(MODES, SIDES, SIDES, SIDES)
def test_resize_never_enlarges_and_hits_the_named_side(mode: ResizeMode, size: int, width: int, height: int) -> None:
    wide, high = Resize(mode, size).target(width, height)
    assert 1 <= wide <= width
    assert 1 <= high <= height
    named = {"width": wide, "height": high, "longest": max(wide, high), "shortest": min(wide, high)}.get(mode.value)
    whole = {"width": width, "height": height, "longest": max(width, height), "shortest": min(width, height)}
    assert named is None or named == min(size, whole[mode.value])


def _sources() -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for orientation in (1, 6):
        picture = photo(151, 97).copy()
        picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
        seen_through = picture.bandjoin(200).copy(interpretation="srgb")
        made[f"jpeg {orientation}"] = picture.jpegsave_buffer()
        made[f"png {orientation}"] = seen_through.pngsave_buffer(compression=1)
        made[f"webp {orientation}"] = picture.webpsave_buffer(effort=0)
    return made


SOURCES = _sources()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SOURCES)), st.integers(1, 160), st.integers(1, 160), st.booleans())
def test_resized_pictures_have_exactly_the_size_asked_for(source: str, width: int, height: int, aspect: bool) -> None:
    box = Resize(ResizeMode.BOX, width=width, height=height, maintain_aspect=aspect)
    data = SOURCES[source]
    facts = probe(data, LIMITS)
    encoded = optimize(data, facts, TaskSettings(resize=box, output_format=Format.TIFF), lambda _: None)
    assert (encoded.width, encoded.height) == box.target(facts.width, facts.height)
    check_structure(encoded)


def test_transparent_pixels_do_not_bleed_when_resized() -> None:
    red = Image.black(64, 64, bands=3).linear(1, [255, 0, 0])
    hidden = (Image.xyz(64, 64)[0] < 31).ifthenelse(255, 0)
    green_below = hidden.ifthenelse(red, [0, 255, 0]).bandjoin(hidden).cast("uchar").copy(interpretation="srgb")
    encoded, _, _ = run(green_below.pngsave_buffer(), quality=100, resize=Resize(ResizeMode.WIDTH, 20))
    small = decoded(encoded).copy_memory()
    assert ((small[1] > 8) & (small[3] > 8)).max() == 0


@pytest.mark.parametrize("name", ["libavif__paris_exif_xmp_icc.jpg", "libavif__paris_exif_orientation_5.jpg"])
def test_stripping_changes_no_pixel_and_keeps_orientation(name: str) -> None:
    data = (DATA / name).read_bytes()
    facts = probe(data, LIMITS)
    stripped = strip(data, facts)
    after = probe(stripped, LIMITS)
    assert after.orientation == facts.orientation
    assert (Image.new_from_buffer(data, "") - Image.new_from_buffer(stripped, "")).abs().max() == 0
    assert len(stripped) < len(data) or stripped is data
    assert strip(stripped, after) is stripped


@pytest.mark.parametrize("target", [Format.JPEG, Format.PNG, Format.WEBP, Format.GIF])
def test_stripping_what_has_nothing_returns_the_same_bytes(target: Format) -> None:
    data = run(photo().pngsave_buffer(), target)[0].data
    once = strip(data, probe(data, LIMITS))
    assert strip(once, probe(once, LIMITS)) is once


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_the_place_is_gone_after_stripping(suffix: str) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        wide = photo().icc_transform("p3", input_profile="srgb")
        wide.write_to_file(str(path))
        tags = ["-GPSLatitude=48.1", "-GPSLatitudeRef=N", "-XMP:Creator=me", "-Comment=hidden", "-Orientation#=6"]
        subprocess.run([exiftool, "-q", "-overwrite_original", *tags, str(path)], check=True)
        data = path.read_bytes()
        path.write_bytes(strip(data, probe(data, LIMITS)))
        shown = subprocess.run([exiftool, str(path)], check=True, capture_output=True, text=True).stdout
        before, after = probe(data, LIMITS), probe(path.read_bytes(), LIMITS)
        assert "GPS" not in shown
        assert "Creator" not in shown.replace("Profile Creator", "")
        assert after.orientation == before.orientation
        assert after.profile is ProfileKind.RGB
        assert (Image.new_from_buffer(data, "") - Image.new_from_buffer(path.read_bytes(), "")).abs().max() == 0
