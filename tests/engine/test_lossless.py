"""Lossless is lossless, and never worse: the same pixels, no byte more, and what was small enough stays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mozjpeg_lossless_optimization
import oxipng
import pytest
from PIL import Image as Pillow
from PIL import ImageSequence
from pyvips import Image

from engine import extras
from engine.codec import optimize, setup
from engine.errors import Declined, PlanError, Unreadable
from engine.exact import different
from engine.formats import Format
from engine.icc import ProfileKind
from engine.job import Job, Outcome, Recipe, Status
from engine.lossless import optimize_losslessly
from engine.pipeline import Needs, Write, commit, prepare
from engine.plan import make_plan
from engine.policy import Limits, Policy, SizeLimit
from engine.probe import probe
from engine.settings import Settings
from engine.strip import strip
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from tests.engine.test_codec import DATA, photo

LIMITS = Limits()
LOSSLESS = Settings(lossless=True).recipe()


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def do(folder: Path, data: bytes, settings: Settings | Recipe | None = None, name: str = "a") -> tuple[Outcome, bytes]:
    """One image through the worker's pipeline, in place; its outcome and the bytes that lie there then."""
    path = folder / name
    path.write_bytes(data)
    recipe = settings if isinstance(settings, Recipe) else (settings or Settings()).recipe()
    answer = prepare(Job(0, str(path), str(path), recipe), 1 << 40, ".t.tmp", lambda *_: None, 0.0)
    assert not isinstance(answer, Needs)
    outcome = commit([answer])[0] if isinstance(answer, Write) else answer
    return outcome, path.read_bytes()


def noisy(width: int = 200, height: int = 150) -> Image:
    grain = Image.gaussnoise(width, height, sigma=12, seed=3)
    return (photo(width, height) + grain).cast("uchar").copy(interpretation="srgb")


def same(one: bytes, other: bytes) -> bool:
    images = (Image.new_from_buffer(part, "") for part in (one, other))
    return bool(different(*images).max() == 0)


# ── JPEG ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["libavif__paris_exif_xmp_icc.jpg", "libavif__paris_exif_orientation_5.jpg"])
def test_a_jpeg_keeps_pixels_orientation_and_what_matters_and_loses_the_rest(name: str) -> None:
    data = (DATA / name).read_bytes()
    facts = probe(data, LIMITS)
    result = optimize_losslessly(data, facts)
    after = probe(result, LIMITS)
    assert len(result) < len(strip(data, facts)) <= len(data)
    assert same(data, result)
    assert (after.orientation, after.quality) == (facts.orientation, facts.quality)
    assert after.profile is (ProfileKind.NONE if facts.profile is ProfileKind.SRGB else facts.profile)
    assert not [field for field in Image.new_from_buffer(result, "").get_fields() if field.startswith("xmp")]


@pytest.mark.parametrize("space", ["cmyk", "rgb", "grey"])
def test_colour_spaces_that_a_marker_tells_are_read_the_same_afterwards(space: str) -> None:
    if space == "cmyk":
        data = noisy().icc_transform("cmyk", input_profile="srgb").jpegsave_buffer(Q=90)
    elif space == "grey":
        data = noisy().colourspace("b-w").jpegsave_buffer(Q=90)
    else:
        made = io.BytesIO()
        Pillow.fromarray(noisy().numpy()).save(made, "JPEG", quality=90, keep_rgb=True)
        data = made.getvalue()
    result = optimize_losslessly(data, probe(data, LIMITS))
    assert len(result) < len(data)
    assert same(data, result)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_jpeg_is_damage_although_the_library_takes_it(share: float, tmp_path: Path) -> None:
    whole = noisy().jpegsave_buffer(Q=80)
    data = whole[: int(len(whole) * share)] + b"\xff\xd9"
    assert mozjpeg_lossless_optimization.optimize(data)
    with pytest.raises(Unreadable, match="damaged"):
        optimize_losslessly(data, probe(data, LIMITS))
    outcome, left = do(tmp_path, data, LOSSLESS)
    assert (outcome.status, left) == (Status.FAILED, data)


def test_a_jpeg_of_lower_quality_than_asked_for_is_never_encoded_again(tmp_path: Path) -> None:
    data = noisy().jpegsave_buffer(Q=30)
    outcome, left = do(tmp_path, data)
    assert (outcome.status, outcome.quality, outcome.source_quality) == (Status.DONE, 0, 30)
    assert "about 30" in outcome.reason
    assert len(left) < len(data)
    assert same(data, left)


def test_a_jpeg_whose_new_encoding_saves_too_little_is_recompressed(tmp_path: Path) -> None:
    data = photo(200, 150).jpegsave_buffer(Q=50, quant_table=1, subsample_mode="on", trellis_quant=True)
    outcome, left = do(tmp_path, data)
    assert (outcome.status, outcome.quality) == (Status.DONE, 0)
    assert outcome.reason == "recompressed losslessly: encoding it again would not save enough"
    assert outcome.source_quality > 82
    assert same(data, left)


def test_what_is_smaller_without_loss_is_not_encoded_again(tmp_path: Path) -> None:
    data = photo(200, 150).jpegsave_buffer(Q=70, quant_table=1, subsample_mode="on", trellis_quant=True)
    outcome, left = do(tmp_path, data)
    assert (outcome.status, outcome.quality) == (Status.DONE, 0)
    assert outcome.reason == "recompressed losslessly: encoding it again would not save more"
    assert same(data, left)


@pytest.mark.parametrize(
    ("suffix", "quality"),
    [(suffix, quality) for suffix in ("jpg", "png", "webp") for quality in (35, 60, 82, 95)]
    + [("avif", 20), ("avif", 35), ("avif", 60), ("avif", 82), ("gif", 82), ("tif", 82)],
)
def test_a_second_run_changes_nothing(suffix: str, quality: int, tmp_path: Path) -> None:
    data = noisy().write_to_buffer(f".{suffix}")
    settings = Settings(quality=quality, quality_png=quality if quality < 95 else None)
    _, first = do(tmp_path, data, settings)
    outcome, second = do(tmp_path, first, settings)
    assert (outcome.status, second == first) == (Status.KEPT, True)


def test_a_try_after_a_crash_leaves_the_libraries_out(tmp_path: Path) -> None:
    for suffix in ("jpg", "png"):
        data = noisy().write_to_buffer(f".{suffix}", **({"Q": 30} if suffix == "jpg" else {"compression": 1}))
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data)
        job = Job(0, str(path), str(path), Settings().recipe(), careful=True)
        answer = prepare(job, 1 << 40, ".t.tmp", lambda *_: None, 0.0)
        assert isinstance(answer, Write)
        assert answer.outcome.status is (Status.KEPT if suffix == "jpg" else Status.DONE)
        assert len(answer.data) > len(optimize_losslessly(data, probe(data, LIMITS)))


def test_a_caller_that_asks_for_100_gets_the_jpegs_own_pixels() -> None:
    data = noisy().jpegsave_buffer(Q=90)
    chosen = TaskSettings(Quality(overall=100))
    encoded = optimize(data, probe(data, LIMITS), chosen, lambda _: None, Policy(keep_original=False))
    assert encoded.lossless
    assert len(encoded.data) < len(data)
    assert same(data, encoded.data)


# ── PNG ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _png(kind: str) -> bytes:
    picture = noisy()
    match kind:
        case "16 bit":
            deep = (picture.cast("ushort") * 257 + 9).cast("ushort").copy(interpretation="rgb16")
            return bytes(deep.pngsave_buffer())
        case "interlaced":
            return bytes(picture.pngsave_buffer(interlace=True))
        case "wide profile":
            return bytes(picture.icc_transform("p3", input_profile="srgb").pngsave_buffer())
        case "alpha":
            return bytes(picture.bandjoin(picture[0]).copy(interpretation="srgb").pngsave_buffer())
        case "palette":
            return bytes(picture.pngsave_buffer(palette=True))
        case _:
            return bytes(picture.pngsave_buffer())


@pytest.mark.parametrize("kind", ["plain", "16 bit", "interlaced", "wide profile", "alpha", "palette"])
def test_a_png_is_as_small_as_oxipng_makes_it_and_exact(kind: str, tmp_path: Path) -> None:
    data = _png(kind)
    facts = probe(data, LIMITS)
    outcome, left = do(tmp_path, data)
    own = oxipng.optimize_from_memory(strip(data, facts), level=2)
    assert outcome.status in (Status.DONE, Status.KEPT)
    assert len(left) <= max(len(own), len(data) - outcome.original_size // 100)
    assert same(data, left)
    assert probe(left, LIMITS).profile is facts.profile


def test_a_resized_png_goes_through_oxipng_too() -> None:
    data = _png("plain")
    half = TaskSettings(resize=Resize(ResizeMode.WIDTH, 100), quality=Quality(overall=100))
    encoded = optimize(data, probe(data, LIMITS), half, lambda _: None)
    assert len(oxipng.optimize_from_memory(encoded.data, level=2)) >= len(encoded.data)


def test_without_oxipng_a_png_is_made_by_libvips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = noisy().pngsave_buffer(compression=1)
    monkeypatch.setattr("engine.encoders.installed", lambda module: False)
    monkeypatch.setattr("engine.recompress.installed", lambda module: False)
    outcome, left = do(tmp_path, data)
    assert outcome.status is Status.DONE
    assert len(left) < len(data)
    assert same(data, left)


def drawing() -> Image:
    """Flat but for one small patch, with more colours than a palette holds."""
    flat = Image.black(400, 300, bands=3).linear(1, [240, 242, 245])
    shape = flat.draw_rect([20, 90, 160], 40, 40, 200, 120, fill=True)
    return shape.insert(noisy(40, 30), 280, 200).cast("uchar").copy(interpretation="srgb")


def test_a_palette_is_taken_where_it_is_smaller_and_does_not_show(tmp_path: Path) -> None:
    for picture, exact in ((noisy(), True), (drawing(), False)):
        data = picture.pngsave_buffer()
        _, lossless = do(tmp_path, data)
        outcome, left = do(tmp_path, data, Settings(quality_png=80))
        assert (outcome.status, outcome.quality == 0, same(data, left)) == (Status.DONE, exact, exact)
        assert len(left) == len(lossless) if exact else len(left) < len(lossless)


# ── animated PNG ─────────────────────────────────────────────────────────────────────────────────────────────────


def moving(frames: int = 5) -> bytes:
    shots = [Pillow.fromarray(noisy(64, 48).rot90().numpy() // (index + 1)) for index in range(frames)]
    made = io.BytesIO()
    shots[0].save(
        made, "PNG", save_all=True, append_images=shots[1:], duration=[70, 80, 90, 100, 110], loop=3, compress_level=1
    )
    return made.getvalue()


def shown(data: bytes) -> list[tuple[Any, bytes]]:
    """Delay and composited pixels of every frame, by an independent reader; the loop count first. What is fully
    transparent has no colour."""
    with Pillow.open(io.BytesIO(data)) as image:
        frames: list[tuple[Any, bytes]] = [(image.info.get("loop"), b"")]
        for frame in ImageSequence.Iterator(image):
            pixels = frame.convert("RGBA")
            hidden = pixels.getchannel("A").point(lambda alpha: 255 if alpha == 0 else 0)
            pixels.paste((0, 0, 0, 0), mask=hidden)
            frames.append((frame.info.get("duration"), pixels.tobytes()))
        return frames


def test_an_animated_png_keeps_frames_delays_and_loop(tmp_path: Path) -> None:
    data = moving()
    for settings in (Settings(), LOSSLESS):
        outcome, left = do(tmp_path, data, settings)
        assert outcome.status is Status.DONE
        assert len(left) < len(data)
        assert shown(left) == shown(data)


def test_an_animated_png_is_not_converted_or_resized() -> None:
    data = moving()
    for other in (TaskSettings(output_format=Format.WEBP), TaskSettings(resize=Resize(ResizeMode.WIDTH, 20))):
        with pytest.raises(Declined, match="animated PNG, whose frames would be lost"):
            optimize(data, probe(data, LIMITS), other, lambda _: None)


def test_an_animated_png_whose_frames_do_not_count_up_is_declined() -> None:
    data = moving()
    at = data.rindex(b"fdAT") + 4
    with pytest.raises(Declined, match="do not fit together"):
        probe(data[:at] + b"\0\0\0\x63" + data[at + 4 :], LIMITS)


# ── other formats ────────────────────────────────────────────────────────────────────────────────────────────────


def test_lossless_leaves_lossy_webp_and_avif_as_they_are(tmp_path: Path) -> None:
    for suffix in ("webp", "avif"):
        data = noisy().write_to_buffer(f".{suffix}")
        outcome, left = do(tmp_path, data, LOSSLESS)
        assert outcome.status is Status.KEPT
        assert same(data, left)


@pytest.mark.parametrize(
    ("suffix", "how"),
    [("webp", {"lossless": True, "effort": 0}), ("tif", {}), ("gif", {}), ("png", {"compression": 1})],
)
def test_lossless_makes_exact_formats_smaller(suffix: str, how: dict[str, Any], tmp_path: Path) -> None:
    data = noisy(80, 60).write_to_buffer(f".{suffix}", **how)
    outcome, left = do(tmp_path, data, LOSSLESS)
    assert outcome.status in ((Status.DONE, Status.KEPT) if suffix == "gif" else (Status.DONE,))
    assert len(left) <= len(data)
    assert same(data, left)


def test_a_cmyk_tiff_is_not_brought_to_srgb_when_lossless_is_asked_for(tmp_path: Path) -> None:
    data = noisy().icc_transform("cmyk", input_profile="srgb").tiffsave_buffer()
    outcome, left = do(tmp_path, data, LOSSLESS)
    assert (outcome.status, left) == (Status.KEPT, data)


def test_lossless_without_its_packages_is_refused_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extras, "installed", lambda module: module != "oxipng")
    (tmp_path / "a.png").write_bytes(noisy().pngsave_buffer())
    with pytest.raises(PlanError, match=r"--lossless needs the package pyoxipng: pip install 'imgopt-tui\[all\]'"):
        make_plan([str(tmp_path)], Settings(lossless=True))
    make_plan([str(tmp_path)], Settings())


# ── a size to fit into ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
@pytest.mark.parametrize("most", ["40%", "6K"])
def test_a_result_fits_the_size_at_the_best_quality(suffix: str, most: str, tmp_path: Path) -> None:
    data = noisy().write_to_buffer(f".{suffix}", Q=92)
    settings = Settings().with_values({"max_size": most})
    outcome, left = do(tmp_path, data, settings)
    limit = SizeLimit.parse(most).of(len(data))
    assert outcome.status is Status.DONE
    assert len(left) <= limit
    assert 10 <= outcome.quality <= 82
    if outcome.quality < (50 if suffix == "avif" else 78):
        chosen = TaskSettings(Quality(overall=outcome.quality + 2))
        larger = optimize(data, probe(data, LIMITS), chosen, lambda _: None, Policy(keep_original=False))
        assert len(larger.data) > limit


def test_what_fits_no_quality_is_skipped_with_the_reason(tmp_path: Path) -> None:
    for suffix, reason in (("jpg", "also at quality 10"), ("png", "do not fit into the 300 of --max-size")):
        data = noisy().write_to_buffer(f".{suffix}")
        outcome, left = do(tmp_path, data, Settings().with_values({"max_size": "300"}))
        assert (outcome.status, left) == (Status.SKIPPED, data)
        assert reason in outcome.reason


def test_an_original_that_fits_may_be_kept(tmp_path: Path) -> None:
    data = noisy().jpegsave_buffer(Q=30)
    _, first = do(tmp_path, data)
    outcome, left = do(tmp_path, first, Settings().with_values({"max_size": str(len(first))}))
    assert (outcome.status, left) == (Status.KEPT, first)


def test_a_small_overweight_is_taken_off_although_it_saves_little(tmp_path: Path) -> None:
    data = noisy().jpegsave_buffer(Q=30)
    _, first = do(tmp_path, data)
    outcome, left = do(tmp_path, first, Settings().with_values({"max_size": str(len(first) - 1)}))
    assert outcome.status is Status.DONE
    assert len(left) < len(first)
