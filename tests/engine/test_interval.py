"""A total from a sample, with its range: what holds for all figures, and how often the range holds the truth."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interval import Cell, Range, count_range, ratio_total, student

measure = st.floats(1, 1e9)
pairs = st.lists(st.tuples(measure, st.floats(-1e9, 1e9)), min_size=1, max_size=8)
complete = st.builds(
    lambda group, drawn: Cell(group, len(drawn), sum(known for known, _ in drawn), tuple(drawn)),
    st.sampled_from("ab"),
    pairs,
)
partly = st.builds(
    lambda cell, more, known: Cell(cell.group, cell.images + more, cell.known + known, cell.drawn),
    complete,
    st.integers(0, 50),
    st.floats(0, 1e9),
)


@given(st.lists(complete, min_size=1, max_size=5))
def test_what_was_drawn_whole_is_known_exactly(cells: list[Cell]) -> None:
    found = ratio_total(cells)
    truth = sum(value for cell in cells for _, value in cell.drawn)
    assert found is not None
    assert found.low == found.value == found.high
    assert found.value == pytest.approx(truth, rel=1e-6, abs=10)


@given(st.lists(partly, max_size=6))
def test_a_range_holds_its_value(cells: list[Cell]) -> None:
    for found in (ratio_total(cells), count_range([_as_counts(cell) for cell in cells])):
        assert found is None or found.low <= found.value <= found.high


@given(st.lists(partly, min_size=1, max_size=4), st.integers(1, 20))
def test_a_figure_in_other_units_has_the_same_range_in_those(cells: list[Cell], factor: int) -> None:
    scaled = [
        Cell(cell.group, cell.images, cell.known, tuple((known, value * factor) for known, value in cell.drawn))
        for cell in cells
    ]
    one, other = ratio_total(cells), ratio_total(scaled)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        for name in ("value", "low", "high"):
            expected = getattr(one, name) * factor
            assert getattr(other, name) == pytest.approx(expected, rel=1e-6, abs=1e-3 * max(1, abs(one.high)))


@given(st.lists(st.lists(st.integers(1, 10**6), min_size=3, max_size=8), min_size=1, max_size=4), st.integers(0, 10**8))
def test_what_is_in_proportion_to_the_known_measure_is_exact(sizes: list[list[int]], more: int) -> None:
    cells = [Cell("a", len(each) + 5, sum(each) + more, tuple((float(one), one / 2) for one in each)) for each in sizes]
    found = ratio_total(cells)
    assert found is not None
    total = sum(cell.known for cell in cells)
    assert found.value == pytest.approx(total / 2)
    assert found.high - found.low <= 1e-6 * total


def test_too_few_say_nothing() -> None:
    assert ratio_total([Cell("a", 9, 90.0)]) is None
    assert ratio_total([Cell("a", 9, 90.0, ((10.0, 5.0),))]) is None
    assert ratio_total([]) == Range.exact(0.0)
    assert count_range([Cell("a", 9, 9.0)]) is None


def test_a_format_with_too_few_drawn_is_judged_with_another() -> None:
    found = ratio_total([Cell("a", 2, 20.0, ((10.0, 5.0),)), Cell("b", 4, 40.0, ((10.0, 5.0), (10.0, 5.0)))])
    assert found is not None
    assert found.value == pytest.approx(30.0)


def test_none_seen_does_not_mean_none() -> None:
    found = count_range([Cell("a", 1_000, 1_000.0, ((1.0, 0.0),) * 100)])
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert 20 < found.high < 50


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 3, 3.182), (0.99, 4, 3.747), (0.95, 10, 1.812), (0.99, 60, 2.390)],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: int, expected: float) -> None:
    assert student(probability, freedom) == pytest.approx(expected, rel=0.02)


def test_nine_of_ten_ranges_hold_the_truth_where_few_images_decide() -> None:
    chance = random.Random(5)
    held = 0
    for _ in range(200):
        cells, truth = [], 0.0
        for level in range(4):
            sizes = [chance.lognormvariate(4 + 2 * level, 0.6) for _ in range(80)]
            values = [size * chance.betavariate(2, 3) for size in sizes]
            truth += sum(values)
            chosen = chance.sample(range(80), 8)
            cells.append(Cell("a", 80, sum(sizes), tuple((sizes[one], values[one]) for one in chosen)))
        found = ratio_total(cells)
        assert found is not None
        held += found.low <= truth <= found.high
    assert held >= 180


def _as_counts(cell: Cell) -> Cell:
    return Cell(cell.group, cell.images, float(cell.images), tuple((1.0, float(value > 0)) for _, value in cell.drawn))
