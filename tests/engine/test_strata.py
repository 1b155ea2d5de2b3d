"""Which images stand for a tree: every one has a stratum, every format and the largest are there."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.strata import draw

trees = st.lists(st.tuples(st.sampled_from(["gif", "jpeg", "png"]), st.integers(0, 10**8)), max_size=200)


@given(trees, st.integers(10, 100), st.integers())
def test_every_image_has_one_stratum_and_none_is_drawn_twice(
    tree: list[tuple[str, int]], count: int, seed: int
) -> None:
    groups, sizes = [group for group, _ in tree], [size for _, size in tree]
    found = draw(groups, sizes, count, Random(seed))

    assert sorted(image for stratum in found.strata for image in stratum.images) == list(range(len(tree)))
    drawn = [image for image, _ in found.order]
    assert len(set(drawn)) == len(drawn)
    assert {groups[image] for image in drawn} == set(groups)
    for image, number in found.order:
        assert image in found.strata[number].images
        assert found.strata[number].group == groups[image]
    for stratum in found.strata:
        assert stratum.size == sum(sizes[image] for image in stratum.images)
    if count >= len(tree):
        assert len(drawn) == len(tree)


@given(st.lists(st.integers(1, 10**8), min_size=150, max_size=300), st.integers(20, 100))
def test_about_as_many_are_drawn_as_asked_for(sizes: list[int], count: int) -> None:
    drawn = draw(["jpeg"] * len(sizes), sizes, count, Random(1)).order
    assert count / 2 < len(drawn) <= 1.5 * count + 10


def test_the_few_that_decide_are_all_drawn() -> None:
    sizes = [1_000] * 500 + [10**7, 10**8, 10**9]
    drawn = {image for image, _ in draw(["png"] * 503, sizes, 40, Random(3)).order}
    assert {500, 501, 502} <= drawn


def test_the_sample_is_spread_over_the_folders() -> None:
    """Ten folders of a hundred images each: each is met, though the draw knows only the order."""
    drawn = draw(["jpeg"] * 1_000, [50_000] * 1_000, 40, Random(9)).order
    assert set(Counter(image // 100 for image, _ in drawn).values()) == {4}


def test_any_beginning_is_a_sample_of_all_strata() -> None:
    groups = ["jpeg"] * 600 + ["png"] * 300
    sizes = [30_000] * 600 + [60_000] * 300
    found = draw(groups, sizes, 100, Random(2))
    whole = Counter(number for _, number in found.order)
    half = Counter(number for _, number in found.order[:50])
    assert set(half) == set(whole)
    assert all(abs(half[number] - whole[number] / 2) <= 5 for number in whole)


def test_a_seed_draws_the_same_again() -> None:
    tree = ["jpeg"] * 300, list(range(1_000, 1_300))
    assert draw(*tree, 30, Random(4)) == draw(*tree, 30, Random(4))
    assert draw(*tree, 30, Random(4)).order != draw(*tree, 30, Random(5)).order
