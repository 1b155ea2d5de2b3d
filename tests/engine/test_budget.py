"""Promises of the memory arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.budget import LEAST_SHARE, RUNNER_BASE, WORKER_BASE, Budget, fitting_workers, image_budget

sizes = st.integers(1, 400)


@given(st.integers(50, 300), st.integers(1, 6), st.lists(st.tuples(st.integers(0, 5), sizes), max_size=60))
def test_reservations_never_exceed_the_total_except_for_one_image_alone(
    total: int, workers: int, asks: list[tuple[int, int]]
) -> None:
    budget = Budget(total, workers)
    for index, (slot, need) in enumerate(asks):
        if budget.fits(slot, need):
            budget.reserve(slot, index, need)
            holders = [number for number in range(6) if budget.reserved(number)]
            assert budget.used <= total or holders == [slot]
        elif index % 3 == 0:
            budget.drop(slot)


@given(st.integers(50, 300), st.integers(1, 6), st.lists(sizes, max_size=30))
def test_everything_given_back_leaves_nothing_reserved(total: int, workers: int, needs: list[int]) -> None:
    budget = Budget(total, workers)
    for index, need in enumerate(needs):
        budget.reserve(index % workers, index, need)
    for index in range(len(needs)):
        budget.release(index % workers, index)
    assert budget.used == 0
    assert all(budget.allowance(slot) == budget.share for slot in range(workers))


@given(st.integers(50, 300), st.integers(1, 6), st.lists(st.tuples(st.integers(0, 5), sizes), max_size=20))
def test_an_allowance_always_fits(total: int, workers: int, asks: list[tuple[int, int]]) -> None:
    budget = Budget(total, workers)
    for index, (slot, need) in enumerate(asks):
        if budget.fits(slot, need):
            budget.reserve(slot, index, need)
        allowance = budget.allowance(slot)
        others = budget.used - budget.reserved(slot)
        assert allowance == 0 or others + allowance <= total


@given(st.integers(128 << 20, 1 << 40), st.integers(1, 256))
def test_the_limit_holds_for_all_processes_together(limit: int, wanted: int) -> None:
    workers = fitting_workers(limit, wanted)
    assert 1 <= workers <= wanted
    together = RUNNER_BASE + workers * WORKER_BASE + image_budget(limit, workers)
    assert together <= limit or workers == 1
    assert image_budget(limit, workers) >= LEAST_SHARE


pressures = st.one_of(st.none(), st.integers(0, 300))


@given(
    st.integers(50, 300),
    st.integers(1, 6),
    pressures,
    st.integers(0, 200),
    st.lists(st.integers(0, 120), max_size=6),
    st.lists(st.tuples(st.integers(0, 5), sizes), max_size=40),
)
def test_what_workers_hold_and_a_low_ceiling_leave_less_but_never_nothing(
    total: int,
    workers: int,
    ceiling: int | None,
    extra: int,
    retained: list[int],
    asks: list[tuple[int, int]],
) -> None:
    budget = Budget(total, workers)
    budget.ceiling, budget.extra = ceiling, extra
    for slot, size in enumerate(retained):
        budget.retain(slot, size)
    assert all(budget.fits(slot, 10 * total) for slot in range(6)), "with nothing in work anything may be begun"
    assert all(budget.allowance(slot) > 0 for slot in range(6))
    for index, (slot, need) in enumerate(asks):
        if budget.fits(slot, need):
            alone = not budget.used
            budget.reserve(slot, index, need)
            assert alone or sum(budget.held(number) for number in range(6)) <= budget.limit
    assert budget.limit <= min(total, total if ceiling is None else ceiling)
    for slot in range(6):
        budget.drop(slot)
    assert sum(budget.held(slot) for slot in range(6)) == 0
