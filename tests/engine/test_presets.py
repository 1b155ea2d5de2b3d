"""Promises of presets and of the file they are saved in."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import config, config_write, presets
from engine.conflicts import conflicts
from engine.errors import ConfigError
from engine.layers import Options
from engine.settings import SCHEMA, Settings
from engine.stock_presets import STOCK
from engine.toml_text import Changes, changed_document, edited

FLAGS = {entry.name: entry.flags[-1] for entry in SCHEMA}
COMMENTED = """\
# mine, by hand

[encode]            # how images are made
quality = 70        # was 80
# quality_jpeg = 60
widths = [
    320,  # small
    640,
]

# where they go
[output]
output = "/srv/small"

[presets.mine]
# for the shop
quality = 55

[presets."other one"]
future = 1
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(preset: str | None = None, **given: object) -> Settings:
    return config.load(Options(given, FLAGS, preset))


def problems_of(preset: str | None = None, **given: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(preset, **given)
    return [str(problem) for problem in caught.value.problems]


def write_user(text: str) -> Path:
    path = config.user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("preset", STOCK, ids=lambda preset: str(preset.name))
def test_every_built_in_preset_says_what_it_is_for_and_can_be_used(preset: Any) -> None:
    assert preset.help
    assert preset.why
    settings = load(preset.name)
    assert not conflicts(settings)
    assert Settings().with_values(preset.values) == settings
    assert presets.apply(preset.name, Settings()) == settings


def test_web_is_what_applies_when_nothing_is_set() -> None:
    assert load("web").recipe().settings.quality.jpeg == Settings().recipe().settings.quality.jpeg
    assert load("web").recipe().key == Settings().recipe().key


def test_options_beat_a_preset_which_beats_both_files(tmp_path: Path) -> None:
    write_user('[encode]\nmetadata = "icc"\neffort = "small"\nlossless = true\n')
    (tmp_path / "imgopt-tui.toml").write_text("[encode]\nlong_edge = 900\n")
    settings = load("thumbnails")
    assert (settings.lossless, settings.effort, settings.metadata) == (False, "small", "strip")
    assert settings.long_edge == load("thumbnails", quality="70").long_edge == 320
    assert load("thumbnails", long_edge="200").long_edge == 200
    assert (load("thumbnails", width="50").width, load("thumbnails", width="50").long_edge) == (50, None)


def test_a_quality_given_as_an_option_is_the_quality_whatever_the_preset() -> None:
    assert load("web", quality="50") == Settings(quality=50)
    archive = load("archive", quality="50")
    assert (archive.quality, archive.target_quality, archive.metadata) == (50, None, "keep")


def test_a_preset_named_in_a_file_lies_just_below_that_file(tmp_path: Path) -> None:
    write_user('preset = "archive"\n[encode]\nmetadata = "no-gps"\n')
    assert (load().target_quality, load().metadata) == (90, "no-gps")
    (tmp_path / "imgopt-tui.toml").write_text('preset = "thumbnails"\n[encode]\nlong_edge = 100\n')
    assert (load().target_quality, load().metadata, load().long_edge) == (None, "strip", 100)


def test_a_preset_of_the_users_is_chosen_by_name_and_takes_the_place_of_a_built_in_one() -> None:
    write_user('[presets.shop]\nquality = 60\nformat = "webp"\nworkers = 3\n[presets.web]\nquality = 1\n')
    assert load("shop") == Settings(quality=60, format="webp", workers=3)
    assert load("web") == Settings(quality=1)
    assert [(each.name, each.own) for each in presets.presets()] == [
        ("archive", False),
        ("thumbnails", False),
        ("shop", True),
        ("web", True),
    ]


def test_an_unknown_preset_is_a_sentence_with_those_that_there_are(tmp_path: Path) -> None:
    path = write_user("[presets.shop]\nquality = 60\n")
    there = "there are web, archive, thumbnails, shop"
    assert problems_of("shops") == [f"command line: --preset: there is no preset 'shops'; {there}"]
    path.write_text('preset = "shops"\n')
    [problem] = problems_of()
    assert problem.startswith(f"{path}: preset: there is no preset 'shops'; there are web")


def test_every_problem_of_every_preset_is_listed_although_none_is_chosen(tmp_path: Path) -> None:
    path = write_user(
        "preset = 3\n[presets.a]\nquality = 0\nqualty = 1\nin_place = true\n[presets.b]\nwidth = 1\nlong_edge = 2\n"
        '[presets]\nc = 3\n"d e" = {}\n'
    )
    (tmp_path / "imgopt-tui.toml").write_text("[presets.x]\nquality = 1\n")
    said = [problem.split(": ")[1] for problem in problems_of()]
    assert said == [
        "preset",
        "presets.a.quality",
        "presets.a.qualty",
        "presets.a.in_place",
        "presets.b.long_edge",
        "presets.c",
        "presets.d e",
        "presets",
    ]
    assert str(path) in problems_of()[0]


def test_a_saved_preset_makes_the_same_images_whatever_the_users_file_says() -> None:
    wanted = Settings(quality_webp=40, long_edge=900, metadata="keep", workers=5, output="/srv/x")
    write_user("[encode]\nquality = 10\neffort = 'fast'\n")
    presets.save("shop", wanted)
    settings = load("shop")
    ours, theirs = settings.recipe().settings, wanted.recipe().settings
    assert ours.resize == theirs.resize
    for format in ("jpeg", "png", "webp", "avif"):
        assert getattr(ours.quality, format) == getattr(theirs.quality, format)
    assert (settings.metadata, settings.workers, settings.output) == ("keep", None, None)


def test_saving_and_deleting_a_preset_leaves_everything_else_as_it_was() -> None:
    path = write_user(COMMENTED.replace('[presets."other one"]\nfuture = 1\n', ""))
    before = path.read_text()
    presets.save("tuned", Settings(target_quality=80))
    assert path.read_text() == before + "\n[presets.tuned]\ntarget_quality = 80\n"
    presets.save("tuned", Settings(quality=60, format="webp"))
    assert path.read_text() == before + '\n[presets.tuned]\nquality = 60\nformat = "webp"\n'
    presets.save("mine", Settings(quality=50))
    assert path.read_text().startswith(before.replace("quality = 55", "quality = 50"))
    presets.delete("tuned")
    assert path.read_text().rstrip() == before.replace("quality = 55", "quality = 50").rstrip()
    assert os.listdir(path.parent) == [path.name]


def test_a_preset_is_not_saved_under_a_bad_name_nor_into_a_broken_file() -> None:
    for name in ("", "a b", "-x", "é", "x" * 41, "a.b"):
        with pytest.raises(ConfigError, match="cannot be the name"):
            presets.save(name, Settings(quality=50))
    path = write_user("[encode\n")
    with pytest.raises(ConfigError, match="nothing was saved"):
        presets.save("mine", Settings(quality=50))
    assert path.read_text() == "[encode\n"
    with pytest.raises(ConfigError, match="no preset 'nothing' of yours"):
        presets.delete("nothing")


def test_saving_settings_keeps_comments_order_presets_and_what_it_does_not_know() -> None:
    path = write_user(COMMENTED)
    config_write.save(Settings(quality=60, quality_jpeg=90, output="/srv/small", workers=2, format="avif"))
    expected = COMMENTED.replace("quality = 70        # was 80", "quality = 60        # was 80")
    expected = expected.replace("# quality_jpeg = 60\n", "# quality_jpeg = 60\nquality_jpeg = 90\nFORMAT")
    expected = expected.replace("widths = [\n    320,  # small\n    640,\n]\n", "").replace(
        "FORMAT", 'format = "avif"\n'
    )
    assert path.read_text() == expected + "\n[run]\nworkers = 2\n"


def test_a_file_that_cannot_be_changed_in_place_is_written_anew_and_kept_as_bak() -> None:
    text = '# mine\nencode = {quality = 70, format = "webp"}\nscan.hidden = true\nfuture = [1, 2]\n'
    path = write_user(text)
    config_write.save(Settings(quality=60, hidden=True))
    assert tomllib.loads(path.read_text()) == {
        "encode": {"quality": 60},
        "scan": {"hidden": True},
        "future": [1, 2],
    }
    assert path.with_name("config.toml.bak").read_text() == text


def test_saving_keeps_the_preset_of_the_file_where_that_can_be_said() -> None:
    path = write_user('preset = "thumbnails"\n')
    wanted = load(quality="50", long_edge="200")
    config_write.save(wanted)
    assert load() == wanted
    assert 'preset = "thumbnails"' in path.read_text()
    config_write.save(Settings())
    assert load() == Settings()
    assert tomllib.loads(path.read_text()) == {"encode": {}}


def test_a_settings_file_that_is_a_link_stays_one_and_keeps_its_mode(tmp_path: Path) -> None:
    own = tmp_path / "dotfiles.toml"
    own.write_text("")
    own.chmod(0o640)
    path = config.user_file()
    path.parent.mkdir(parents=True)
    path.symlink_to(own)
    config_write.save(Settings(quality=50))
    assert path.is_symlink()
    assert own.read_text() == "[encode]\nquality = 50\n"
    assert own.stat().st_mode & 0o777 == 0o640


keys = st.sampled_from(["a", "b", "c", "quality"])
plain = (
    st.integers(0, 9) | st.booleans() | st.text("ab\"'#\n[]=\\ é", max_size=5) | st.lists(st.integers(0, 9), max_size=3)
)
tables = st.dictionaries(keys, plain, max_size=3)
documents = st.dictionaries(st.sampled_from(["encode", "output", "x"]), tables, max_size=3)
wanted = st.dictionaries(
    st.sampled_from([("encode",), ("output",), ("presets", "mine"), ("presets", "b")]),
    st.none() | st.dictionaries(keys, st.none() | plain, max_size=3),
    max_size=3,
)


@hypothesis_settings(deadline=None, max_examples=150)
@given(document=documents, changes=wanted, comments=st.booleans())
def test_an_edited_text_holds_what_was_asked_for(document: dict[str, Any], changes: Changes, comments: bool) -> None:
    import tomli_w

    text = tomli_w.dumps(document, multiline_strings=True)
    if comments:
        text = "# top\n" + text.replace("\n[", "\n# about this table\n[").replace(" = ", "  =  ")
    result = edited(text, changes)
    assert result is not None
    assert tomllib.loads(result) == changed_document(tomllib.loads(text), changes)
    if not changes:
        assert result == text
