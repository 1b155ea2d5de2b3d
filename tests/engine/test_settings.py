"""Promises of the one declaration of settings."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.conflicts import conflicts
from engine.floor import Floor
from engine.formats import Format
from engine.policy import Savings, SizeLimit, parse_size
from engine.settings import SCHEMA, Kind, Setting, Settings, setting
from engine.since import Since
from engine.summary import summary
from engine.task import ResizeMode

NUMBERS = (Kind.WHOLE, Kind.SECONDS, Kind.SIZE)


_LETTERS = st.characters(exclude_characters="\0\n,", exclude_categories=["C", "Z"])
_DAYS = st.dates(datetime.date(1900, 1, 1))  # the first days of the calendar are no moments in every time zone
_AGES = st.integers(0, 10**6 - 1).map(lambda days: f"{days}d") | _DAYS.map(lambda day: day.isoformat())
SCANNED: dict[Kind, st.SearchStrategy[object]] = {
    Kind.PATTERNS: st.lists(st.text(_LETTERS, min_size=1), max_size=3).map(tuple),
    Kind.SINCE: st.builds(Since, _AGES),
    Kind.SUFFIX: st.text(_LETTERS, min_size=1, max_size=16).filter(lambda text: "/" not in text),
}


def values_of(entry: Setting) -> st.SearchStrategy[object]:
    """Values that a setting allows, parsed."""
    match entry.kind:
        case Kind.WHOLE | Kind.SIZE:
            return st.integers(int(entry.low), int(entry.high))
        case Kind.SECONDS:
            return st.floats(entry.low, entry.high)
        case Kind.FLAG:
            return st.booleans()
        case Kind.FLOOR:
            return st.one_of(
                st.builds(Floor, percent=st.floats(0, 99.9)), st.builds(Floor, bytes=st.integers(0, 2**50))
            )
        case Kind.CHOICE:
            return st.sampled_from(entry.choices)
        case Kind.CHOICES:
            chosen = st.sets(st.sampled_from(entry.choices))
            return chosen.map(lambda named: tuple(choice for choice in entry.choices if choice in named))
        case Kind.NUMBERS:
            sides = st.sets(st.integers(int(entry.low), int(entry.high)), max_size=5)
            return sides.map(lambda numbers: tuple(sorted(numbers)))
        case Kind.PATTERNS | Kind.SINCE | Kind.SUFFIX:
            return SCANNED[entry.kind]
        case Kind.PATH:
            return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
        case Kind.SIZE_LIMIT:
            shares = st.builds(SizeLimit, st.floats(0, 100, exclude_min=True))
            return shares | st.builds(SizeLimit, st.just(0.0), st.integers(1, 2**40))
        case Kind.SAVINGS:
            percent = st.builds(Savings, st.floats(0, 99.999))
            return percent | st.builds(Savings, st.just(0.0), st.integers(1, 2**40))


def test_schema_declares_every_field_once_with_help_and_range() -> None:
    assert sorted(entry.name for entry in SCHEMA) == sorted(entry.name for entry in dataclasses.fields(Settings))
    flags = [flag for entry in SCHEMA for flag in entry.flags]
    assert len(set(flags)) == len(flags)
    for entry in SCHEMA:
        assert entry.help, entry.name
        assert entry.flags, entry.name
        assert entry.kind not in NUMBERS or entry.high > entry.low, entry.name
        assert entry.optional or entry.parse(entry.to_file(entry.default)) == entry.default
        assert getattr(Settings(), entry.name) == entry.default


@pytest.mark.parametrize("entry", [entry for entry in SCHEMA if entry.kind in NUMBERS], ids=lambda entry: entry.name)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(entry: Setting) -> None:
    assert entry.parse(entry.low) == entry.low
    assert entry.parse(entry.high) == entry.high
    wrong: tuple[object, ...] = (
        entry.low - 1,
        entry.high + 1,
        float("nan"),
        float("inf"),
        -float("inf"),
        True,
        None,
        [],
        "x",
    )
    for beyond in wrong:
        with pytest.raises(ValueError, match="use a"):
            entry.parse(beyond)


BAD: tuple[object, ...] = ([], {}, "", "maybe", 3, None, float("nan"), 1 << 20_000, "\0", "x" * 10_000)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: type(bad).__name__)
def test_no_wrong_value_gets_through_or_raises_anything_but_value_error(bad: object) -> None:
    for entry in SCHEMA:
        try:
            value = entry.parse(bad)
        except ValueError as error:
            said = str(error)
            assert (entry.allowed in said, len(said) < 500) == (True, True)  # some values are allowed
        else:
            assert entry.parse(entry.to_file(value)) == value


def test_kinds_are_given_as_a_list_or_with_commas_and_said_in_one_order() -> None:
    entry = setting("allow_loss")
    assert entry.parse(["layers,bits", " animation "]) == entry.parse("animation, bits,layers")
    assert entry.parse("") == entry.parse([]) == ()
    for wrong in ("bit", ["bits", 3], {"bits"}, "bits;alpha"):
        with pytest.raises(ValueError, match="use any of animation, pages"):
            entry.parse(wrong)


def test_formats_may_be_called_as_their_files_are() -> None:
    assert setting("format").parse("jpg") == "jpeg"
    assert setting("also").parse("webp,tif,jpg") == setting("also").parse("jpeg,webp,tiff")
    with pytest.raises(ValueError, match="'jpg' is not allowed"):
        setting("effort").parse("jpg")


@pytest.mark.parametrize("bad", [-1, -5, "-1", "-1%", "100%", "nan%", 1.5, float("inf"), "9" * 500])
def test_savings_that_make_no_sense_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="use a share"):
        setting("min_savings").parse(bad)


@given(st.data())
def test_every_allowed_value_survives_the_form_of_a_file_and_of_a_field(data: st.DataObject) -> None:
    for entry in SCHEMA:
        value = data.draw(values_of(entry), label=entry.name)
        assert entry.parse(entry.to_file(value)) == value
        assert entry.parse(entry.show(value)) == value


@hypothesis_settings(deadline=None)
@given(st.data())
def test_settings_sent_to_a_runner_arrive_unchanged(data: st.DataObject) -> None:
    optional = {entry.name: st.none() | values_of(entry) if entry.optional else values_of(entry) for entry in SCHEMA}
    values: dict[str, Any] = data.draw(st.fixed_dictionaries(optional))
    settings = Settings(**values)
    assert Settings().with_values(settings.to_json()) == settings


def test_web_preset_holds_where_nothing_is_set() -> None:
    quality = Settings().recipe().settings.quality
    assert [quality.of(format) for format in Format] == [82, 100, 80, 60, 100, 100]


def test_quality_of_all_lossy_formats_leaves_png_lossless() -> None:
    quality = Settings(quality=70, quality_avif=44).recipe().settings.quality
    found = {format: quality.of(format) for format in (Format.JPEG, Format.WEBP, Format.AVIF, Format.PNG)}
    assert found == {Format.JPEG: 70, Format.WEBP: 70, Format.AVIF: 44, Format.PNG: 100}
    assert Settings(quality=70, quality_png=60).recipe().settings.quality.of(Format.PNG) == 60


def test_each_resize_setting_gives_its_mode() -> None:
    modes = {
        "width": ResizeMode.BOX,
        "height": ResizeMode.BOX,
        "long_edge": ResizeMode.LONGEST,
        "short_edge": ResizeMode.SHORTEST,
    }
    for name, mode in modes.items():
        assert Settings().with_values({name: 100}).recipe().settings.resize.mode is mode
    assert Settings().recipe().settings.resize.mode is ResizeMode.NONE


def test_contradictions_are_found() -> None:
    assert conflicts(Settings(width=1, long_edge=1)) == [("width", "long_edge")]
    assert conflicts(Settings(in_place=True, output="x")) == [("in_place", "output")]
    assert conflicts(Settings(width=1, height=1, in_place=True)) == []


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 << 20), ("1.5 GiB", 3 << 29), ("10k", 10240), ("7", 7), ("1 TB", 1 << 40)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1X", "-1", "1e9", "1 2", "٣x"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


def test_summary_names_what_decides_the_result() -> None:
    line = summary(Settings(quality_png=60, format="webp", long_edge=1200))
    for part in ("jpeg 82", "png 60", "to webp", "long edge 1200"):
        assert part in line
