"""Promises of when a file counts as complete; times and looks are given."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from engine.settling import OPEN_SECONDS, Settling

SETTLE = 2.0


def status(size: int = 10, mtime: float = 0.0) -> os.stat_result:
    """Bytes, and seconds of the wall clock."""
    return os.stat_result((0o100644, 1, 1, 1, 0, 0, size, mtime, mtime, mtime))


class Case:
    """Both clocks go together; the wall's is ``ahead`` of the times that the file system gives."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.now = 1000.0
        self.ahead = ahead
        self.settling = Settling(SETTLE, lambda: self.now + self.ahead)

    def settled(self, size: int, mtime: float) -> bool:
        """Whether it is, where it is looked at only when that is due."""
        due = self.settling.due(self.now)
        return due == ["a"] and self.settling.settled("a", self.now, status(size, mtime))

    def seconds_until_settled(self, size: int, mtime: float) -> float:
        began = self.now
        while not self.settled(size, mtime):
            due = self.settling.next_due()
            assert due is not None
            assert due > self.now or self.settling.due(self.now)
            self.now = max(due, self.now + 0.001)
        assert len(self.settling) == 0
        return self.now - began


def test_a_file_that_was_closed_is_complete_after_the_settle_time() -> None:
    case = Case()
    case.settling.news("a", case.now)
    assert SETTLE <= case.seconds_until_settled(10, case.now) <= SETTLE + 0.01


def test_one_that_its_writer_keeps_open_or_that_is_empty_gets_longer() -> None:
    for size, open in ((10, True), (0, False)):
        case = Case()
        case.settling.news("a", case.now, open=open)
        assert OPEN_SECONDS <= case.seconds_until_settled(size, case.now) <= OPEN_SECONDS + 2 * SETTLE


def test_closing_ends_the_longer_wait() -> None:
    case = Case()
    case.settling.news("a", case.now, open=True)
    case.now += 30
    case.settling.news("a", case.now)
    assert case.seconds_until_settled(10, case.now) <= SETTLE + 0.01


@given(st.floats(-1e6, 1e6))
def test_a_clock_that_is_wrong_delays_by_no_more_than_another_settle_time(ahead: float) -> None:
    case = Case(ahead)
    case.settling.news("a", case.now)
    assert case.seconds_until_settled(10, case.now) <= 2 * SETTLE + 0.01


@given(st.lists(st.floats(0.01, SETTLE - 0.01), min_size=1, max_size=40), st.floats(-1e6, 1e6))
def test_a_file_that_grows_is_never_complete_while_it_grows(steps: list[float], ahead: float) -> None:
    """Without news as well: writers of other machines are not told of."""
    case = Case(ahead)
    size = 1
    assert not case.settling.found("a", case.now, status(size, case.now + abs(ahead)))
    for step in steps:
        case.now += step
        size += 1
        assert not case.settled(size, case.now + abs(ahead))
    assert case.seconds_until_settled(size, case.now + abs(ahead)) <= 2 * SETTLE + 0.01


def test_an_old_file_that_a_scan_comes_across_is_complete_at_once() -> None:
    case = Case()
    assert case.settling.found("a", case.now, status(10, case.now - SETTLE))
    assert not case.settling.found("b", case.now, status(10, case.now - 0.5))
    assert not case.settling.found("c", case.now, status(0, case.now - 100))
    assert case.settling.next_due() is not None
    case.settling.forget("b")
    case.settling.forget("c")
    assert case.settling.next_due() is None
