"""What a sample says of a whole run, as values."""

from __future__ import annotations

from random import Random

import pytest

from engine.forecast import Load, Tried, forecast
from engine.job import Status
from engine.strata import Draw, draw

MIB = 1 << 20
SIZES = [100_000] * 40


def sample(count: int = 10) -> Draw:
    return draw(["jpeg"] * len(SIZES), SIZES, count, Random(1))


def alike(drawn: Draw, one: Tried) -> dict[int, Tried]:
    return dict.fromkeys((image for image, _ in drawn.order), one)


def test_only_the_beginning_of_the_draw_counts_so_that_quick_images_do_not_count_more() -> None:
    drawn = sample()
    tried = alike(drawn, Tried(100_000, saved=50_000))
    late = drawn.order[4][0]
    del tried[late]

    assert forecast(drawn, SIZES, tried, Load(2, MIB)).sampled == 4
    assert forecast(drawn, SIZES, {}, Load(2, MIB)).saved is None


def test_the_work_is_shared_among_the_workers() -> None:
    drawn = sample()
    tried = alike(drawn, Tried(100_000, seconds=1.0))

    one, four = (forecast(drawn, SIZES, tried, Load(workers, MIB, start=0.5)).seconds for workers in (1, 4))

    assert one is not None
    assert four is not None
    assert one.value == pytest.approx(40.5, abs=0.1)
    assert four.value == pytest.approx(10.5, abs=0.1)


def test_what_the_memory_does_not_let_through_takes_longer() -> None:
    drawn = sample()
    tried = alike(drawn, Tried(100_000, seconds=1.0, needs=100 * MIB))

    found = forecast(drawn, SIZES, tried, Load(4, budget=200 * MIB)).seconds

    assert found is not None
    assert found.value == pytest.approx(20, abs=0.1)


def test_a_busy_machine_widens_the_range_of_the_time_both_ways() -> None:
    drawn = sample()
    tried = alike(drawn, Tried(100_000, seconds=1.0))
    quiet, busy = (forecast(drawn, SIZES, tried, Load(2, MIB, alone=alone)).seconds for alone in (1.0, 0.25))
    assert quiet is not None
    assert busy is not None
    assert busy.low < quiet.low / 3
    assert busy.high > quiet.high * 1.9


def test_memory_is_what_idles_and_what_the_budget_lets_in() -> None:
    drawn = sample()
    tried = alike(drawn, Tried(100_000, seconds=2.0, needs=50 * MIB))
    found = forecast(drawn, SIZES, tried, Load(4, budget=120 * MIB, idle=10 * MIB, host=5 * MIB)).memory
    assert found is not None
    assert found.value == (5 + 40 + 120) * MIB
    assert found.low >= (5 + 40) * MIB
    assert found.high < 200 * MIB


def test_failures_seen_are_expected_elsewhere_and_none_seen_are_not_ruled_out() -> None:
    drawn = sample()
    fine = alike(drawn, Tried(100_000, saved=10))
    bad = {**fine, drawn.order[0][0]: Tried(100_000, status=Status.FAILED)}
    none, some = (forecast(drawn, SIZES, tried, Load(2, MIB)).failed for tried in (fine, bad))
    assert none is not None
    assert some is not None
    assert none.value == 0 < none.high
    assert 1 <= some.low < some.value < some.high


def test_where_nothing_grows_nothing_is_taken_to_grow() -> None:
    drawn = sample()
    tried = {image: Tried(100_000, saved=90_000 * (place == 0)) for place, (image, _) in enumerate(drawn.order)}
    found = forecast(drawn, SIZES, tried, Load(2, MIB))
    assert found.saved is not None
    assert found.bytes_out is not None
    assert found.saved.low == 90_000
    assert found.bytes_out.high == found.bytes_in - 90_000
