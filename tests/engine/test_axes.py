"""Promises of the axes in reports: whatever the figures, numbers stand on them and everything lies inside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.axes import TICKS, Axis, bytes_axis, bytes_log_axis, number_axis, seconds_axis

figures = st.lists(st.floats(-1000, 1000), max_size=5)
sizes = st.lists(st.integers(0, 2**53).map(float), max_size=5)


def sound(axis: Axis, values: list[float]) -> None:
    assert axis.low < axis.high
    assert len(axis.ticks) <= TICKS + 2
    assert all(axis.low - 1e-6 <= tick <= axis.high * (1 + 1e-9) + 1e-6 for tick in axis.ticks)
    assert all(0 <= axis.share(value) <= 1 for value in values)
    assert len({axis.show(tick) for tick in axis.ticks}) == len(axis.ticks)


@given(figures)
def test_numbers(values: list[float]) -> None:
    sound(number_axis(values, low=None), values)
    sound(number_axis(values, "%"), values)


@given(st.floats(0, 1e8))
def test_seconds(high: float) -> None:
    sound(seconds_axis(high), [high])


@given(sizes)
def test_bytes(values: list[float]) -> None:
    sound(bytes_axis(max(values, default=0.0)), values)
    sound(bytes_log_axis(values), values)
