"""Promises of the batch figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.job import Outcome, Status
from engine.metrics import ParallelProcessingMetrics, PerSecond, RateMeter, Spread

DONE = Outcome(Status.DONE, original_size=100, optimized_size=40)
FAILED = Outcome(Status.FAILED, original_size=100, optimized_size=100)


@pytest.mark.parametrize(
    ("images", "size", "sizes"),
    [
        (1, 75, [1]),
        (74, 75, [74]),
        (75, 75, [75]),
        (76, 75, [75, 1]),
        (150, 75, [75, 75]),
        (5, 1, [1] * 5),
        (0, 75, []),
    ],
)
def test_batches_have_the_planned_size(images: int, size: int, sizes: list[int]) -> None:
    metrics = ParallelProcessingMetrics(size)
    metrics.planned(images)
    assert metrics.total_batches == len(sizes)
    assert [metrics.batch(number, 0).count for number in range(len(sizes))] == sizes
    assert metrics.common_batch_size() == max(sizes, default=0)


def test_a_batch_says_what_happened_in_it() -> None:
    metrics = ParallelProcessingMetrics(2)
    metrics.planned(3)
    metrics.started(0, 10.0)
    metrics.started(2, 11.0)
    assert (metrics.concurrent_batches, metrics.max_concurrent_batches) == (2, 2)
    metrics.finished(0, 0, DONE, 12.0)
    assert metrics.batch(0, 13.0).seconds == 3.0
    metrics.finished(1, 1, FAILED, 14.0)
    row = metrics.batch(0, 99.0)
    assert (row.finished, row.failed, row.bytes_in, row.bytes_out) == (2, 1, 100, 40)
    assert (row.seconds, row.complete, row.first, row.number) == (4.0, True, 0, 1)
    metrics.finished(2, 1, DONE, 15.0)
    assert (metrics.completed_batches, metrics.concurrent_batches, metrics.total_processed) == (2, 0, 3)
    assert metrics.batch_times() == Spread(2, 4.0, 4.0, 4.0, 4.0, 4.0)
    assert metrics.tasks_per_worker().mean == 1.5
    assert metrics.recent_batches() == (4.0, 4.0)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=10), st.integers(1, 20), st.booleans())
def test_figures_add_up_while_the_plan_still_grows(chunks: list[int], size: int, early: bool) -> None:
    """Images that the scan leaves out end before the plan is complete."""
    metrics = ParallelProcessingMetrics(size)
    known = 0
    for chunk in chunks:
        metrics.planned(known + chunk)
        for index in range(known, known + chunk):
            if early:
                metrics.finished(index, -1, DONE, 1.0)
        known += chunk
    for index in range(known):
        if not early:
            metrics.finished(index, 0, DONE, 1.0)
    assert metrics.completed_batches == metrics.total_batches == -(-known // size)
    assert metrics.concurrent_batches == 0
    assert metrics.total_processed == known


def test_an_image_done_again_opens_its_batch_again() -> None:
    metrics = ParallelProcessingMetrics(2)
    metrics.planned(2)
    metrics.finished(0, 0, FAILED, 1.0)
    metrics.finished(1, 0, DONE, 1.0)
    metrics.again(0, failed=True)
    assert (metrics.completed_batches, metrics.concurrent_batches, metrics.batch(0, 2.0).failed) == (0, 1, 0)
    metrics.finished(0, 0, DONE, 3.0)
    assert (metrics.completed_batches, metrics.batch(0, 9.0).seconds) == (1, 2.0)


def test_p95_is_the_nearest_rank() -> None:
    assert Spread.of([float(n) for n in range(1, 101)]).p95 == 95.0
    assert Spread.of([7.0]).p95 == 7.0
    assert Spread.of([]) == Spread()


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = RateMeter(window=10)
    for second in range(30):
        rate.add(float(second), second * (1 if second < 15 else 4))
    assert rate.rate == pytest.approx(4.0)
    assert RateMeter().rate == 0.0


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(0, 9)), min_size=1, max_size=60))
def test_the_last_seconds_add_up_to_what_came_through_in_them(steps: list[tuple[float, int]]) -> None:
    meter, now, count, looks = PerSecond(20), 100.0, 0, []
    for wait, more in steps:
        now, count = now + wait, count + more
        meter.add(now, count)
        looks.append((now, count))
    counts = meter.counts(now)
    assert len(counts) == min(20, int(now) - int(looks[0][0]))
    shown_from = int(now) - len(counts)
    through = max((known for at, known in looks if at < int(now)), default=0)
    before = max((known for at, known in looks if at < shown_from), default=0)
    assert sum(counts) == (through - before if counts else 0)


def test_images_put_back_to_wait_are_no_negative_speed() -> None:
    meter = PerSecond()
    for now, count in ((1.0, 0), (2.0, 5), (3.0, 2), (4.0, 4)):
        meter.add(now, count)
    assert meter.counts(5.0) == (0, 5, 0, 2)
