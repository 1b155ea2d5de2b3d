"""Promises about measuring the link: what answers say, what missing ones say; nothing is ever held for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.link import PATIENCE, LinkPace


def exchange(pace: LinkPace, now: float, took: float) -> float:
    """A frame with its question, answered after ``took`` seconds; gives when the next question is due."""
    assert pace.due(now)
    number = pace.ask(now)
    pace.sent(now)
    pace.answered(number, now + took)
    return now + 1.0 + took


@pytest.mark.parametrize(("took", "rate"), [(0.05, 10), (0.3, 2), (0.9, 1)])
def test_a_slow_answer_lowers_the_rate(took: float, rate: int) -> None:
    pace = LinkPace()
    exchange(pace, 0.0, took)
    assert pace.rate == rate


def test_quick_answers_raise_the_rate_step_by_step() -> None:
    pace, now, rates = LinkPace(), 0.0, []
    now = exchange(pace, now, 0.9)
    for _ in range(9):
        now = exchange(pace, now, 0.01)
        rates.append(pace.rate)
    assert rates[0] == 1
    assert 2 in rates
    assert rates[-1] == 10


def test_a_rate_that_did_not_hold_is_tried_less_often() -> None:
    pace, now, waits = LinkPace(), 0.0, []
    now = exchange(pace, now, 0.3)
    for _ in range(3):
        tries = 0
        while pace.rate == 2:
            now = exchange(pace, now, 0.01)
            tries += 1
        waits.append(tries)
        now = exchange(pace, now, 0.3)
    assert waits[0] < waits[1] < waits[2]


def test_no_frame_goes_out_before_the_answer_or_a_second() -> None:
    pace = LinkPace()
    number = pace.ask(0.0)
    pace.sent(0.5)  # it took half a second to leave
    assert pace.wait(0.6) == pytest.approx(0.9)
    pace.answered(number, 0.7)
    assert pace.wait(0.7) == 0
    pace.ask(2.0)
    assert pace.wait(2.0 + PATIENCE) == 0
    assert pace.rate == 1


def test_a_terminal_that_never_answers_is_asked_no_more_and_keeps_its_rate() -> None:
    pace, now, asked = LinkPace(), 0.0, 0
    for _ in range(100):
        if pace.due(now):
            pace.ask(now)
            asked += 1
        now += 0.1 + pace.wait(now)
    assert asked == 3
    assert pace.rate == 10
    assert not pace.expects


def test_a_late_answer_is_not_taken_for_that_to_a_later_question() -> None:
    pace = LinkPace()
    exchange(pace, 0.0, 0.01)
    first = pace.ask(2.0)
    pace.wait(3.5)
    second = pace.ask(3.5)
    pace.answered(first, 3.51)
    assert pace.wait(3.51) > 0
    assert pace.rate == 1
    pace.answered(second, 3.6)
    assert pace.wait(3.6) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.one_of(st.none(), st.integers(0, 9))), max_size=60))
def test_nothing_is_held_longer_than_a_second_whatever_the_terminal_says(steps: list[tuple[float, int | None]]) -> None:
    pace, now = LinkPace(), 0.0
    for seconds, answer in steps:
        now += seconds
        if answer is not None:
            pace.answered(answer, now)
        held = pace.wait(now)
        assert held <= PATIENCE
        if not held and pace.due(now):
            pace.ask(now)
        assert pace.wait(now + PATIENCE + 1e-6) == 0
        assert pace.rate in (10, 2, 1)
