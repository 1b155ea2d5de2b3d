"""Promises of settings files: layers, problems, saving."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import config
from engine.config_write import save
from engine.conflicts import CONFLICTS
from engine.errors import ConfigError
from engine.layers import Options
from engine.settings import SCHEMA, Kind, Settings
from tests.conftest import ROOT
from tests.engine.test_settings import values_of

FLAGS = {entry.name: entry.flags[-1] for entry in SCHEMA}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project file's path, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "imgopt-tui.toml"


def write_user(text: str) -> Path:
    path = config.user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(**given: object) -> Settings:
    return config.load(Options(given, FLAGS))


def problems_of(**given: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(**given)
    return [str(problem) for problem in caught.value.problems]


def test_command_line_beats_project_beats_user_beats_default(project: Path) -> None:
    write_user("[encode]\nmax_size = '60%'\nwidth = 1\nheight = 1\n")
    project.write_text("[encode]\nwidth = 2\nheight = 2\n")
    settings = load(width="3")
    assert (settings.width, settings.height, str(settings.max_size), settings.quality) == (3, 2, "60%", None)


def test_a_quality_takes_back_those_of_single_formats_that_were_said_further_away(project: Path) -> None:
    write_user("[encode]\nquality_jpeg = 90\nquality_png = 70\n")
    project.write_text("[encode]\nquality = 60\nquality_webp = 50\n")
    assert load() == Settings(quality=60, quality_webp=50, quality_png=70)
    assert load(quality="40", quality_avif="30") == Settings(quality=40, quality_avif=30, quality_png=70)


def test_what_says_nothing_without_a_target_goes_with_it(project: Path) -> None:
    write_user("[encode]\ntarget_quality = 80\nworst_tile = 60\nmin_quality = 40\n")
    assert load(quality="70") == Settings(quality=70)
    assert load(target_quality="90") == Settings(target_quality=90, worst_tile=60, min_quality=40)


@pytest.mark.parametrize("missing", [True, False])
def test_missing_or_empty_files_are_no_problem(project: Path, missing: bool) -> None:
    if not missing:
        write_user("")
        project.write_bytes(b"")
    assert load() == Settings()


def test_a_file_given_by_hand_must_exist_and_is_read_alone(project: Path, tmp_path: Path) -> None:
    write_user("[encode]\nquality = 1\n")
    own = tmp_path / "own.toml"
    own.write_text('[output]\noutput = "/srv/small"\n')
    assert config.load(Options({}, FLAGS, config=own)) == Settings(output="/srv/small")
    with pytest.raises(ConfigError, match="does not exist"):
        config.load(Options({}, FLAGS, config=tmp_path / "nothing.toml"))


def test_a_layer_that_sets_one_of_two_exclusive_settings_takes_back_the_other(project: Path) -> None:
    write_user('[encode]\nlong_edge = 900\n[output]\noutput = "/srv/small"\n')
    project.write_text("[encode]\nwidth = 800\nheight = 600\n")
    assert load() == Settings(width=800, height=600, output="/srv/small")
    assert load(short_edge="50") == Settings(short_edge=50, output="/srv/small")
    assert load(in_place=True) == Settings(width=800, height=600, in_place=True)


def test_quality_on_the_command_line_takes_back_lossless_in_a_file_and_the_other_way_round(project: Path) -> None:
    write_user("[encode]\nlossless = true\n")
    assert load(quality="70").lossless is False
    write_user('[encode]\nformat = "webp"\nquality_webp = 70\n')
    settings = load(lossless=True)
    assert (settings.lossless, settings.format, settings.quality_webp) == (True, "original", None)


@pytest.mark.parametrize("other", [{"quality": "80"}, {"quality_png": "90"}, {"format": "jpeg"}, {"long_edge": "900"}])
def test_lossless_with_what_would_change_pixels_is_a_problem(project: Path, other: dict[str, str]) -> None:
    [problem] = problems_of(lossless=True, **other)
    assert "cannot be set together with --lossless" in problem


def test_exclusive_settings_in_one_layer_are_a_problem_that_names_both(project: Path) -> None:
    found = problems_of(in_place=True, output="/x")
    assert found == ["command line: --output: cannot be set together with --in-place; give one of them"]
    project.write_text("[encode]\nwidth = 800\nlong_edge = 600\n")
    assert problems_of() == [f"{project}: encode.long_edge: cannot be set together with encode.width; give one of them"]


def test_every_problem_is_listed_with_file_key_and_range(project: Path) -> None:
    user = write_user('[encode]\nquality = 0\nformat = "bmp"\n[nonsense]\nx = 1\n[run]\nworker = 2\n')
    project.write_text('[run]\nbatch_size = "many"\n[limits]\nmax_pixels = [1]\n')
    found = problems_of(memory_limit="1K", quality_jpeg="101")
    said = "\n".join(found)
    assert len(found) == 8
    for source, key, allowed in (
        (user, "encode.quality", "from 1 to 100"),
        (user, "encode.format", "one of original, jpeg"),
        (user, "nonsense", "sections are"),
        (user, "run.worker", "(did you mean workers?); [run] has workers"),
        (project, "run.batch_size", "from 1 to 10000"),
        (project, "limits.max_pixels", "a whole number from 1"),
        ("command line", "--memory-limit", "from 128M"),
        ("command line", "--quality-jpeg", "from 1 to 100"),
    ):
        assert any(line.startswith(f"{source}: {key}:") and allowed in line for line in found), (key, said)


def test_a_project_file_sets_neither_paths_nor_what_must_be_asked_for(project: Path) -> None:
    project.write_text('[output]\noutput = "/etc"\nin_place = true\n')
    found = problems_of()
    assert [line.split(": ")[1] for line in found] == ["output.output", "output.in_place"]
    assert not any(entry.in_files for entry in SCHEMA if entry.name == "in_place")


BROKEN = {
    "not toml": b"[encode\nquality = ",
    "not utf-8": b"[encode]\nformat = '\xff\xfe'\n",
    "binary": bytes(range(256)) * 8,
    "huge": b"# comment\n" * 200_000,
    "deep": b"x = " + b"[" * 100_000,
    "long number": b"[encode]\nquality = " + b"9" * 10_000,
    "long hex number": b"[encode]\nquality = 0x" + b"f" * 10_000,
    "wrong type": b"encode = 3\n",
    "array of sections": b"[[encode]]\nquality = 3\n",
    "date": b"[encode]\nquality = 1979-05-27\n",
    "dotted deep": b"[encode.quality]\nquality.a.b = 3\n",
    "not a number": b"[encode]\nquality = nan\n[run]\ntimeout = inf\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_a_sentence_with_its_name(project: Path, content: bytes) -> None:
    project.write_bytes(content)
    found = problems_of()
    assert all(line.startswith(f"{project}: ") and len(line) < 700 for line in found)


@pytest.mark.parametrize("kind", ["folder", "loop", "fifo", "below a file", "no permission"])
def test_a_path_that_is_no_file_is_a_sentence_with_its_name(project: Path, kind: str) -> None:
    if kind == "folder":
        project.mkdir()
    elif kind == "loop":
        project.symlink_to(project)
    elif kind == "fifo":
        os.mkfifo(project)
    elif kind == "below a file":
        config.user_file().parent.parent.mkdir(parents=True)
        config.user_file().parent.write_text("")
    else:
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        project.touch(mode=0o000)
    expected = config.user_file() if kind == "below a file" else project
    assert problems_of()[0].startswith(f"{expected}: ")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"[encode]\n{text}".encode()))
def test_no_content_raises_anything_but_config_error(project: Path, content: bytes) -> None:
    project.write_bytes(content)
    try:
        load()
    except ConfigError as error:
        found = error.problems
        assert found


AGAINST_LOSSLESS = {name for left, right in CONFLICTS if "lossless" in left for name in right} | {"target_quality"}
AGAINST_TARGET = {name for left, right in CONFLICTS if "target_quality" in left for name in right}


def savable() -> st.SearchStrategy[Settings]:
    def build(values: dict[str, Any]) -> Settings:
        if values["width"] or values["height"]:
            values.update(long_edge=None, short_edge=None)
        elif values["long_edge"]:
            values.update(short_edge=None)
        if values["lossless"]:
            values.update({name: Settings.__dataclass_fields__[name].default for name in AGAINST_LOSSLESS})
        if values["target_quality"]:
            values.update({name: Settings.__dataclass_fields__[name].default for name in AGAINST_TARGET})
        return Settings(**values)

    kinds = {e.name: st.none() | values_of(e) if e.optional else values_of(e) for e in SCHEMA if e.in_files}
    return st.fixed_dictionaries(kinds).map(build)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(settings=savable())
def test_what_is_saved_is_loaded_again(project: Path, settings: Settings) -> None:
    path = save(settings)
    assert path == config.user_file()
    assert load() == settings


def test_saving_writes_only_what_differs_and_never_in_place(project: Path) -> None:
    path = save(Settings(quality=50, in_place=True))
    assert tomllib.loads(path.read_text()) == {"encode": {"quality": 50}}


def test_a_failed_save_leaves_the_old_file_and_no_temp(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(Settings(quality=50))
    before = path.read_bytes()

    def fail(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        save(Settings(quality=60))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_new_file_is_complete_before_it_gets_its_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, seen = os.replace, []

    def spy(source: str, target: str) -> None:
        seen.append((tomllib.loads(Path(source).read_text()), os.path.exists(target)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    save(Settings(quality=60))
    assert seen == [({"encode": {"quality": 60}}, False)]


def test_a_name_that_no_settings_file_can_hold_is_a_sentence(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"output\.output"):
        save(Settings(output="/srv/\udcff"))
    assert not config.user_file().exists()


def test_example_file_in_the_repository_is_the_schemas() -> None:
    assert (ROOT / "config.example.toml").read_text() == config.example(), "make it again: imgopt-tui config --example"


def test_example_file_with_every_line_taken_in_is_valid(project: Path, tmp_path: Path) -> None:
    sections = {f"[{entry.section}]" for entry in SCHEMA}
    names = {entry.name for entry in SCHEMA if entry.in_files}
    lines = [line[1:] if line[1:].split(" ")[0] in names else line for line in config.example().splitlines()]
    document = tomllib.loads("\n".join(lines))
    assert {name for table in document.values() for name in table} == names
    assert {f"[{section}]" for section in document} == sections
    for entry in SCHEMA:
        if entry.in_files:
            value = entry.parse(document[entry.section][entry.name])
            assert entry.optional or value == entry.default
    assert tomllib.loads(config.example()) == {section.strip("[]"): {} for section in sections}
    assert any(entry.kind is Kind.PATH for entry in SCHEMA)
