"""Promises of the two lines in which images wait."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.budget import Budget
from engine.job import Job, Recipe
from engine.waiting import PATIENCE, WaitingImages

MIB = 1 << 20
RECIPE = Recipe()


def job(index: int) -> Job:
    return Job(index, f"/{index}", f"/out/{index}", RECIPE)


class Bench:
    """A run in miniature: each image has a true need; workers take, hold and end images one after the other."""

    def __init__(self, total: int, workers: int, needs: list[int]) -> None:
        self.budget = Budget(total, workers)
        self.waiting = WaitingImages(self.budget)
        self.needs = needs
        self.running: dict[int, int] = {}
        self.order: list[int] = []
        self.workers = workers
        self.now = 0.0
        for index in range(len(needs)):
            self.waiting.add(job(index))

    def dispatch(self) -> None:
        for slot in range(self.workers):
            while slot not in self.running and (chosen := self.waiting.take(slot, self.now)) is not None:
                given, allowance = chosen
                self.budget.reserve(slot, given.index, allowance)
                assert self.budget.used <= self.budget.total or list(self.running) == []
                need = self.needs[given.index]
                if need > allowance:
                    self.budget.release(slot, given.index)
                    self.waiting.hold(given, need, self.now)
                else:
                    self.budget.reserve(slot, given.index, need)
                    self.running[slot] = given.index
                    self.order.append(given.index)

    def end_one(self, pick: int) -> None:
        slot = sorted(self.running)[pick % len(self.running)]
        self.budget.release(slot, self.running.pop(slot))


needs = st.lists(st.integers(1, 150).map(lambda size: size * MIB), min_size=1, max_size=60)


@settings(deadline=None)
@given(st.integers(24, 128), st.integers(1, 6), needs, st.lists(st.integers(0, 5), min_size=1), st.floats(0, 5))
def test_every_image_gets_through_and_no_worker_idles_while_one_may_run(
    total: int, workers: int, needs: list[int], picks: list[int], step: float
) -> None:
    bench = Bench(total * MIB, workers, needs)
    for turn in range(10 * len(needs)):
        bench.dispatch()
        if not bench.running:
            break
        for slot in set(range(workers)) - set(bench.running):
            entries = list(bench.waiting._held)
            starving = [at for at, entry in enumerate(entries) if bench.now - entry.since > PATIENCE]
            held = [entry.needs for entry in entries[: starving[0] + 1 if starving else None]]
            assert not any(bench.budget.fits(slot, need) for need in held), "a held image that fits was left"
        bench.end_one(picks[turn % len(picks)])
        bench.now += step
    assert sorted(bench.order) == list(range(len(needs)))
    assert len(bench.waiting) == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 24), st.integers(40, 127))
def test_a_held_image_is_not_starved_by_an_endless_stream_of_small_ones(workers: int, large: int) -> None:
    """Workers end their images one at a time, so others are always running; the large one must still come."""
    bench = Bench(128 * MIB, workers, [large * MIB] + [5 * MIB] * 3_000)
    for turn in range(2_000):
        bench.dispatch()
        if 0 in bench.order:
            return
        bench.end_one(turn)
        bench.now += PATIENCE / 50
    raise AssertionError("starved")


def test_what_was_given_out_before_comes_first() -> None:
    waiting = WaitingImages(Budget(100, 1))
    waiting.add(job(1))
    waiting.put_back(job(0))
    taken = waiting.take(0, 0.0)
    assert taken is not None
    assert taken[0].index == 0
    assert [left.index for left in waiting.clear()] == [1]
    assert len(waiting) == 0
