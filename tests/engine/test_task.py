"""Promises of the stable contract's values and their JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.efforts import Effort
from engine.formats import Format
from engine.job import Job, Outcome, Recipe, Sibling, Status
from engine.policy import Overwrite, Policy, Savings, SizeLimit, Verify
from engine.quality import Measured, QualityTarget
from engine.task import (
    Dialect,
    ImageTask,
    OptimizationResult,
    Quality,
    Resize,
    ResizeMode,
    TaskError,
    TaskSettings,
    saved_percent,
)


def task(**settings: object) -> ImageTask:
    return ImageTask.from_json({"input_path": "/a.png", "output_path": "/b.png", "settings": settings})


def test_library_dialect_has_exactly_these_keys() -> None:
    result = OptimizationResult("/a.png", "/b.png", 1000, 539, True).to_json()
    assert result == {
        "original_path": "/a.png",
        "optimized_path": "/b.png",
        "original_size": 1000,
        "optimized_size": 539,
        "success": True,
        "error": None,
        "savedBytes": 461,
        "compressionRatio": pytest.approx(46.1),
    }


def test_sidecar_dialect_has_exactly_these_keys_and_its_ratio_is_text() -> None:
    result = OptimizationResult("/a.png", "/b.webp", 1000, 539, True, format="webp").to_json(Dialect.SIDECAR)
    assert result == {
        "path": "/b.webp",
        "original_size": 1000,
        "optimized_size": 539,
        "saved_bytes": 461,
        "compression_ratio": "46.10",
        "format": "webp",
        "success": True,
        "error": None,
    }


def test_dialects_are_told_apart_by_the_tasks_keys() -> None:
    library = ImageTask.from_json({"input_path": "/a", "output_path": "/b"})
    sidecar = ImageTask.from_json({"input": "/a", "output": "/b"})
    assert (library.dialect, sidecar.dialect) == (Dialect.LIBRARY, Dialect.SIDECAR)
    assert (library.input_path, library.output_path) == (sidecar.input_path, sidecar.output_path) == ("/a", "/b")


def test_a_result_that_grew_has_negative_savings() -> None:
    result = OptimizationResult("/a", "/b", 100, 150, True).to_json()
    assert (result["savedBytes"], result["compressionRatio"]) == (-50, -50.0)
    assert saved_percent(0, 10) == 0.0


def test_quality_of_the_format_wins_over_global() -> None:
    quality = task(quality={"global": 70, "jpeg": 80, "png": None, "avif": 100}).settings.quality
    assert [quality.of(format) for format in Format] == [80, 70, 70, 100, 100, 100]


def test_quality_defaults_to_global_90_with_a_palette_for_png() -> None:
    quality = task().settings.quality
    assert (quality.of(Format.JPEG), quality.of(Format.PNG)) == (90, 90)
    assert task(quality=75).settings.quality.of(Format.WEBP) == 75


def test_format_names_and_their_aliases() -> None:
    assert task().settings.output_format is None
    assert task(outputFormat="original").settings.output_format is None
    assert task(outputFormat="JPG").settings.output_format is Format.JPEG
    assert task(outputFormat="tif").settings.output_format is Format.TIFF


@pytest.mark.parametrize(
    ("resize", "source", "target"),
    [
        ({"mode": "width", "size": 50}, (100, 40), (50, 20)),
        ({"mode": "height", "size": 20}, (100, 40), (50, 20)),
        ({"mode": "longest", "size": 50}, (40, 100), (20, 50)),
        ({"mode": "shortest", "size": 20}, (40, 100), (20, 50)),
        ({"mode": "width", "size": 500}, (100, 40), (100, 40)),
        ({"mode": "none", "width": 10, "size": 10}, (100, 40), (100, 40)),
        ({"mode": "width", "width": 50}, (100, 40), (50, 20)),
        ({"mode": "height", "height": 20}, (100, 40), (50, 20)),
        ({"width": 50, "height": 50}, (100, 40), (50, 20)),
        ({"width": 50, "height": 30, "maintainAspect": False}, (100, 40), (50, 30)),
        ({"width": 500, "height": 30, "maintainAspect": False}, (100, 40), (100, 30)),
        ({"mode": "longest", "size": 1}, (1000, 1), (1, 1)),
        ({}, (100, 40), (100, 40)),
        (None, (100, 40), (100, 40)),
    ],
)
def test_resize_gives_the_size_that_was_asked_for(resize: Any, source: Any, target: Any) -> None:
    assert task(resize=resize).settings.resize.target(*source) == target


sides = st.integers(1, 65_535)


@given(st.sampled_from(ResizeMode), sides, sides, sides, sides, sides, st.booleans())
def test_resize_never_enlarges_and_never_vanishes(
    mode: ResizeMode, size: int, wide: int, high: int, width: int, height: int, aspect: bool
) -> None:
    got = Resize(mode, size, wide, high, aspect).target(width, height)
    assert 1 <= got[0] <= width
    assert 1 <= got[1] <= height


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"quality": {"jpeg": 0}}, "settings.quality.jpeg"),
        ({"quality": {"global": 101}}, "settings.quality.global"),
        ({"quality": {"webp": "80"}}, "settings.quality.webp"),
        ({"quality": {"png": True}}, "settings.quality.png"),
        ({"quality": {"avif": 80.5}}, "settings.quality.avif"),
        ({"quality": {"avif": float("inf")}}, "settings.quality.avif"),
        ({"quality": {"avif": float("nan")}}, "settings.quality.avif"),
        ({"quality": float("inf")}, "settings.quality.global"),
        ({"quality": []}, "settings.quality"),
        ({"resize": {"mode": "diagonal"}}, "settings.resize.mode"),
        ({"resize": {"mode": "box", "width": 5}}, "settings.resize.mode"),
        ({"resize": {"mode": ["width"]}}, "settings.resize.mode"),
        ({"resize": {"mode": "width"}}, "settings.resize.size"),
        ({"resize": {"width": 0}}, "settings.resize.width"),
        ({"resize": {"height": 1e400}}, "settings.resize.height"),
        ({"resize": {"size": 10**400}}, "settings.resize.size"),
        ({"resize": {"maintainAspect": 1}}, "settings.resize.maintainAspect"),
        ({"outputFormat": "bmp"}, "settings.outputFormat"),
        ({"outputFormat": ["webp"]}, "settings.outputFormat"),
    ],
)
def test_a_bad_value_is_named_with_its_field(settings: dict[str, object], field: str) -> None:
    with pytest.raises(TaskError, match=field.replace(".", r"\.")):
        task(**settings)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "a task"),
        (["/a", "/b"], "a task"),
        ({}, "input_path"),
        ({"input_path": "/a"}, "output_path"),
        ({"input": "/a"}, "output"),
        ({"input_path": "", "output_path": "/b"}, "input_path"),
        ({"input_path": "/a\0", "output_path": "/b"}, "input_path"),
        ({"input_path": "/\ud800", "output_path": "/b"}, "input_path"),
        ({"input_path": 5, "output_path": "/b"}, "input_path"),
        ({"input_path": "/a", "output_path": "/b", "settings": "x"}, "settings"),
    ],
)
def test_what_is_no_task_is_refused_with_a_sentence(value: object, field: str) -> None:
    with pytest.raises(TaskError, match=field):
        ImageTask.from_json(value)


numbers = st.none() | st.integers(1, 100)
resizes = st.builds(
    Resize,
    st.sampled_from([mode for mode in ResizeMode if mode is not ResizeMode.BOX]),
    sides,
    st.none() | sides,
    st.none() | sides,
    st.booleans(),
) | st.builds(Resize, st.just(ResizeMode.BOX), st.none(), sides, st.none() | sides, st.booleans())
task_settings = st.builds(
    TaskSettings,
    st.builds(Quality, st.integers(1, 100), numbers, numbers, numbers, numbers),
    resizes,
    st.none() | st.sampled_from(Format),
)


@given(task_settings)
def test_a_task_survives_its_json(settings: TaskSettings) -> None:
    value = ImageTask("/in/\udcff.png", "/out/x.png", settings)
    assert ImageTask.from_json(json.loads(json.dumps(value.to_json()))) == value


@given(
    task_settings,
    st.sampled_from(Verify),
    st.floats(0, 99),
    st.integers(0, 10**9),
    st.booleans(),
    st.sampled_from(Effort),
    st.sampled_from(Overwrite),
)
def test_a_recipe_survives_the_workers_pipe(
    settings: TaskSettings, verify: Verify, percent: float, size: int, flag: bool, effort: Effort, overwrite: Overwrite
) -> None:
    limit = SizeLimit(bytes=size) if size else None
    policy = Policy(
        flag, Savings(percent, size), not flag, verify, overwrite, lossless=flag, max_size=limit, effort=effort
    )
    target = QualityTarget(80, size / 1e8, None, 95) if flag else None
    recipe = Recipe(settings, replace(policy, target=target))
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_an_outcome_survives_the_workers_pipe() -> None:
    outcome = Outcome(Status.KEPT, "why", "/t\udcff", 5, 4, "png", "webp", 3, 2, 80, 0.5, 7, 8, 91)
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    outcome = replace(
        outcome, measured=Measured(80.2, 3, 71.5, 64, 128), siblings=(Sibling("a", 1, 2, 3, "avif", 60, 81.5),)
    )
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    assert Job(0, "/a", "/a", Recipe()).in_place


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0, 99), st.integers(0, 10**6))
def test_enough_savings_means_a_smaller_file(original: int, result: int, percent: float, size: int) -> None:
    if Savings(percent, size).reached(original, result):
        assert result < original
        assert original - result >= size
