"""A ladder shows what a run writes, and what is seen of it is what the files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyvips import Image

from engine import ladder as ladder_module
from engine.crops import cut, difference
from engine.errors import Declined, ImageError
from engine.formats import Format
from engine.job import Job, Outcome, Status
from engine.ladder import Ladder, Stopped
from engine.pipeline import Write, prepare
from engine.quality import QualityTarget
from engine.settings import Settings
from engine.tuning import Rung
from tests.conftest import ROOT
from tests.test_target import pixels

DEMO = ROOT / "tui" / "demo_images"
DATA = ROOT / "tests" / "data"
PLENTY = 1 << 30


def run(path: Path, settings: Settings) -> Write:
    """What a run with these settings writes."""
    job = Job(0, str(path), str(path.with_name("result")), settings.recipe())
    answer = prepare(job, PLENTY, "temp", lambda *_: None, 0.0)
    assert isinstance(answer, Write), answer
    return answer


def ladder(path: Path, settings: Settings | None = None, allowance: int = PLENTY) -> Ladder:
    return Ladder(str(path), (settings or Settings()).recipe(), allowance)


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    Image.new_from_file(str(DEMO / "caps.jpg")).crop(120, 90, 260, 210).jpegsave(str(path), Q=97)
    return path


@pytest.mark.parametrize(
    ("format", "quality", "more"),
    [
        (Format.JPEG, 70, {}),
        (Format.JPEG, 95, {"min_savings": "0"}),
        (Format.WEBP, 60, {"effort": "fast"}),
        (Format.WEBP, 100, {"skip_larger": False}),
        (Format.AVIF, 50, {"long_edge": 100}),
        (Format.PNG, 80, {"metadata": "keep"}),
    ],
)
def test_a_rung_is_the_file_that_a_run_writes(
    photo: Path, tmp_path: Path, format: Format, quality: int, more: dict[str, object]
) -> None:
    tuned = ladder(photo, Settings().with_values(more))
    rung = tuned.rung(format, quality)
    as_run = {"format": format.value, f"quality_{format.value}": quality}
    written = run(photo, Settings().with_values({**more, **as_run}))
    assert (rung.bytes, rung.quality) == (len(written.data), quality)
    shown, file = tuned.shown((format, quality, rung.full_chroma)), tmp_path / "written"
    file.write_bytes(written.data)
    assert shown is not None
    assert (shown.numpy() == pixels(file)).all()


@pytest.mark.parametrize("format", [Format.JPEG, Format.WEBP, Format.AVIF])
def test_what_reaches_a_target_is_the_file_that_a_run_writes(photo: Path, format: Format) -> None:
    probed: list[Rung] = []
    rung = ladder(photo).reach(format, QualityTarget(80), probed.append, never)
    outcome = run(photo, Settings(format=format.value, target_quality=80)).outcome
    assert (rung.bytes, rung.quality) == (outcome.optimized_size, outcome.quality)
    assert outcome.measured is not None
    assert (rung.score, rung.worst, rung.left, rung.top) == (
        outcome.measured.score,
        outcome.measured.worst,
        outcome.measured.left,
        outcome.measured.top,
    )
    assert len(probed) == outcome.measured.encodes
    assert rung in probed


def test_qualities_that_a_run_would_not_use_say_what_it_does_instead(photo: Path) -> None:
    own = ladder(photo).subject.quality
    high = ladder(photo).rung(Format.JPEG, own)
    assert (high.bytes, high.score) == (len(run(photo, Settings(quality_jpeg=own)).data), 100.0)
    assert high.note == f"its own quality is about {own}, stored without loss"
    larger = ladder(photo).rung(Format.PNG, 100)
    assert larger.note == "lossless, larger"
    skipped = ladder(photo, Settings(skip_larger=True)).rung(Format.PNG, 100)
    assert skipped.note == "lossless, larger, so a run skips it"


def test_a_rung_that_saves_little_says_that_a_run_keeps_the_original(photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.webp"
    Image.new_from_file(str(photo)).webpsave(str(path), Q=80)
    settings = Settings().with_values({"min_savings": "90%"})
    rung = ladder(path, settings).rung(Format.WEBP, 60)
    assert run(path, settings.with_values({"quality_webp": 60})).outcome.status is Status.KEPT
    assert rung.note == "saves too little, so a run keeps the original"


def test_what_cannot_be_reached_says_so(photo: Path) -> None:
    missed = ladder(photo).reach(Format.WEBP, QualityTarget(99), lambda _: None, never)
    assert missed.note.startswith("score 9")
    assert "not 99, at the highest quality it may have (99)" in missed.note
    stays = ladder(photo).reach(Format.JPEG, QualityTarget(99), lambda _: None, never)
    assert stays.note.endswith("its pixels stay, stored without loss")
    assert stays.bytes == len(run(photo, Settings(target_quality=99)).data)


def test_a_search_that_is_taken_back_ends_after_the_encode_in_work(photo: Path) -> None:
    probed: list[Rung] = []
    with pytest.raises(Stopped):
        ladder(photo).reach(Format.JPEG, QualityTarget(80), probed.append, lambda: bool(probed))
    assert len(probed) == 1


def test_encodes_beyond_the_bound_are_made_again_to_be_seen(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder_module, "HELD_BYTES", 0)
    tuned = ladder(photo)
    first, second = (Format.JPEG, 40, False), (Format.JPEG, 90, False)
    tuned.rung(*first)
    before = tuned.shown(first)
    tuned.rung(*second)
    assert before is not None
    assert tuned.shown(second) is not None
    assert tuned.shown(first) is None
    tuned.again(first)
    after = tuned.shown(first)
    assert after is not None
    assert (after.numpy() == before.numpy()).all()


def test_a_crop_is_cut_from_the_upright_picture_and_stays_inside() -> None:
    path = DATA / "libavif__paris_exif_orientation_5.jpg"
    whole, source = pixels(path), ladder(path).source()
    height, width = whole.shape[:2]
    piece = cut(source, (20, 30, 50, 40), 1)
    assert (piece.left, piece.top, piece.width, piece.height) == (20, 30, 50, 40)
    wanted = Image.new_from_memory(piece.rgb, 50, 40, 3, "uchar").numpy().astype(int)
    assert np.abs(wanted - whole[30:70, 20:70]).max() <= 2
    corner = cut(source, (width + 100, height + 100, 320, 200), 1)
    assert (corner.left, corner.top) == (width - corner.width, height - corner.height)
    assert len(corner.rgb) == corner.width * corner.height * 3
    everything = cut(source, (-5, -5, 9999, 9999), 1 / 8)
    assert (everything.left, everything.top) == (0, 0)
    assert everything.width <= 320
    assert everything.height <= 200


def test_zoom_repeats_pixels_and_shrinking_averages_them(photo: Path) -> None:
    source = ladder(photo).source()
    one, four = cut(source, (8, 8, 10, 10), 1), cut(source, (8, 8, 40, 40), 4)
    small = np.frombuffer(one.rgb, np.uint8).reshape(10, 10, 3)
    large = np.frombuffer(four.rgb, np.uint8).reshape(40, 40, 3)
    assert (large == small.repeat(4, 0).repeat(4, 1)).all()
    half = np.frombuffer(cut(source, (8, 8, 5, 5), 0.5).rgb, np.uint8).reshape(5, 5, 3)
    assert np.abs(half - small.reshape(5, 2, 5, 2, 3).mean(axis=(1, 3))).max() <= 1


def test_the_difference_is_black_without_loss_and_grows_with_it(photo: Path) -> None:
    tuned, box = ladder(photo), (10, 10, 60, 40)

    def apart(quality: int, gain: int) -> Any:
        rung = tuned.rung(Format.WEBP, quality)
        shown = tuned.shown((Format.WEBP, quality, rung.full_chroma))
        assert shown is not None
        return np.frombuffer(difference(tuned.source(), shown, box, 1, gain).rgb, np.uint8).astype(int)

    assert apart(100, 8).max() == 0
    assert 0 < apart(90, 1).mean() < apart(20, 1).mean()
    assert (apart(20, 4) == np.minimum(255, apart(20, 1) * 4)).all()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("animated.gif", "an animation, and only single pictures can be tuned"),
        ("pages.tif", "3 pages or pictures in one file"),
        ("cut.jpg", "damaged"),
        ("empty.jpg", "empty"),
        ("gone.jpg", "cannot be opened: no such file or directory"),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(name: str, sentence: str, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    three = Image.arrayjoin(
        [Image.black(40, 30).copy(interpretation="b-w") + shade for shade in (0, 90, 200)], across=1
    )
    match name.split(".")[0]:
        case "animated":
            three.cast("uchar").colourspace("srgb").gifsave(str(path), page_height=30)
        case "pages":
            three.cast("uchar").tiffsave(str(path), page_height=30)
        case "cut":
            path.write_bytes(photo.read_bytes()[:9000])
        case "empty":
            path.write_bytes(b"")
    with pytest.raises(ImageError, match=sentence):
        ladder(path).rung(Format.WEBP, 70)


def test_an_image_that_needs_more_memory_than_there_is_is_refused_before_it_is_decoded(photo: Path) -> None:
    tuned = ladder(photo, allowance=30 << 20)
    with pytest.raises(Declined, match=r"it needs about \d+ MiB of memory as AVIF, and 30 MiB may be taken: set a sm"):
        tuned.rung(Format.AVIF, 60)


def test_transparency_lies_on_white_and_a_format_without_it_says_what_would_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    Image.black(40, 40, bands=4).copy(interpretation="srgb").pngsave(str(path))
    tuned = ladder(path)
    assert set(cut(tuned.source(), (0, 0, 40, 40), 1).rgb) == {255}
    assert tuned.rung(Format.WEBP, 70).made
    with pytest.raises(Declined, match="transparency would be lost"):
        tuned.rung(Format.JPEG, 70)


def test_without_numpy_there_are_bytes_and_no_score(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder_module, "installed", lambda module: module != "numpy")
    rung = ladder(photo).rung(Format.JPEG, 70)
    assert rung.made
    assert rung.score is None
    with pytest.raises(Declined, match=r"a score needs the package numpy: pip install 'imgopt-tui\[all\]'"):
        ladder(photo).reach(Format.JPEG, QualityTarget(80), lambda _: None, never)
    outcome = run(photo, Settings(quality_jpeg=70)).outcome
    assert isinstance(outcome, Outcome)
    assert outcome.optimized_size == rung.bytes
