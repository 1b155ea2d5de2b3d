"""The search for a score: bounded, never below what can be reached, the smallest where curves rise."""

from __future__ import annotations

from itertools import accumulate, pairwise, product
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.efforts import Effort
from engine.formats import Format
from engine.quality import ENCODES, NEAR, Found, prior, search

LOSSY = (Format.JPEG, Format.WEBP, Format.AVIF)
PRIOR = prior(Format.JPEG, Effort.BALANCED, full_chroma=False)


def run(
    scores: list[float],
    target: float,
    low: int = 1,
    high: int = 100,
    encodes: int = ENCODES,
    near: float = NEAR[Effort.BALANCED],
    *,
    give_up: bool = False,
) -> tuple[Found[int], list[int]]:
    """A search over the scores of quality 0 to 100; what it tried as well."""
    tried: list[int] = []

    def encode(quality: int) -> int:
        tried.append(quality)
        return quality

    found = search(encode, lambda quality: scores[quality], target, low, high, PRIOR, encodes, near, give_up=give_up)
    return found, tried


def usual(stretch: float, shift: float) -> list[float]:
    """A photo's curve: the prior's distance from 100, times ``stretch``, at a quality ``shift`` away."""
    points = list(PRIOR)

    def at(quality: float) -> float:
        if quality <= points[0][0]:
            return points[0][1] - 1.2 * (points[0][0] - quality)
        for (q, s), (r, t) in pairwise(points):
            if quality <= r:
                return s + (quality - q) * (t - s) / (r - q)
        return points[-1][1] + 0.8 * (quality - points[-1][0])

    return [100 - stretch * (100 - at(quality + shift)) for quality in range(101)]


STEPS = st.lists(st.floats(0, 3), min_size=101, max_size=101)
BOUNDS = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted)


@given(STEPS, st.floats(0, 150), BOUNDS, st.integers(1, ENCODES))
@settings(deadline=None)
def test_what_can_be_reached_is_reached_and_within_the_encodes(
    steps: list[float], target: float, bounds: list[int], encodes: int
) -> None:
    scores, (low, high) = list(accumulate(steps)), bounds
    found, tried = run(scores, target, low, high, encodes)
    assert 1 <= len(tried) == len(set(tried)) == found.encodes <= encodes
    assert all(low <= quality <= high for quality in tried)
    assert found.result == found.quality
    assert found.score == scores[found.quality]
    assert found.reached == (found.score >= target) == (scores[high] >= target)
    if not found.reached:
        assert found.quality == high


@given(st.lists(st.floats(0, 100), min_size=101, max_size=101), st.floats(1, 99))
@settings(deadline=None)
def test_what_is_called_reached_was_measured_also_where_scores_go_up_and_down(
    scores: list[float], target: float
) -> None:
    found, tried = run(scores, target)
    assert len(tried) <= ENCODES
    assert found.reached == (scores[found.quality] >= target)
    if not found.reached:
        assert all(scores[quality] < target for quality in tried)
        assert 100 in tried


@given(st.floats(0.6, 1.6), st.floats(-12, 12), st.floats(60, 92), st.floats(-0.2, 0.2))
@settings(deadline=None)
def test_the_smallest_that_reaches_it_is_found_on_the_curves_of_photos(
    stretch: float, shift: float, target: float, bump: float
) -> None:
    scores = [score + bump * (number % 2) for number, score in enumerate(usual(stretch, shift))]
    found, _ = run(scores, target)
    best = next((number for number in range(1, 101) if scores[number] >= target), None)
    if best is None:
        assert not found.reached
    else:
        assert found.reached
        assert found.quality - best <= 1


def test_three_encodes_are_enough_for_most_photos() -> None:
    counts = [
        run(usual(stretch, shift), target)[0].encodes
        for stretch in (0.8, 0.9, 1.0, 1.1, 1.25)
        for shift in (-4, -2, 0, 2, 4)
        for target in (70, 75, 80, 85)
    ]
    assert mean(counts) <= 3.0


@pytest.mark.parametrize("target", [0.0, 50.0, 99.0])
def test_a_single_quality_is_encoded_once(target: float) -> None:
    found, tried = run([50.0] * 101, target, 77, 77)
    assert tried == [77]
    assert found.reached == (target <= 50)


@pytest.mark.parametrize("edge", [60, 75, 83, 90])
def test_the_edge_of_a_plateau_is_found(edge: int) -> None:
    found, _ = run([79.0] * edge + [83.0] * (101 - edge), 80)
    assert found.reached
    assert found.quality == edge


@pytest.mark.parametrize("format", LOSSY)
@pytest.mark.parametrize("effort", list(Effort))
@pytest.mark.parametrize("full_chroma", [False, True])
def test_priors_rise(format: Format, effort: Effort, full_chroma: bool) -> None:
    curve = prior(format, effort, full_chroma=full_chroma)
    assert all(q < r and s < t for (q, s), (r, t) in pairwise(curve))


def flat_at_the_top(score: float) -> list[float]:
    """A drawing's curve: it rises up to quality 85 and hardly any more."""
    return [score - max(0, 85 - quality) * 0.6 + max(0, quality - 85) * 0.1 for quality in range(101)]


def test_a_search_that_has_something_else_to_turn_to_gives_up_where_the_curve_flattens() -> None:
    scores = flat_at_the_top(72)
    stubborn, _ = run(scores, 80, high=97)
    found, tried = run(scores, 80, high=97, give_up=True)
    assert not found.reached
    assert found.encodes == len(tried) < stubborn.encodes
    assert found.score == max(scores[quality] for quality in tried)


@given(st.floats(0.6, 1.3), st.floats(-12, 12), st.floats(60, 84))
@settings(deadline=None)
def test_nothing_is_given_up_for_photos_that_reach_the_score(stretch: float, shift: float, target: float) -> None:
    scores = usual(stretch, shift)
    found, _ = run(scores, target, high=97, give_up=True)
    assert found == run(scores, target, high=97)[0] or scores[97] - target < 1.5


def test_fast_needs_fewer_encodes_and_ends_a_few_qualities_above_at_most() -> None:
    def counts(near: float) -> tuple[float, int]:
        found = []
        for shift, target in product((-5, -3, -1, 1, 3, 5), (70, 75, 80, 85)):
            scores = usual(1.1, shift)
            best = next(quality for quality in range(101) if scores[quality] >= target)
            ended, _ = run(scores, target, near=near)
            found.append((ended.encodes, ended.quality - best))
        return mean(encodes for encodes, _ in found), max(above for _, above in found)

    (quick, far), (slow, close) = counts(NEAR[Effort.FAST]), counts(NEAR[Effort.BALANCED])
    assert quick < slow
    assert close <= 1
    assert far <= NEAR[Effort.FAST]
