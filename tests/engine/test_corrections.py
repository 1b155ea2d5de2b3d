"""Promises of what is learned from measured memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.corrections import ENOUGH, LEAST, MOST, WINDOW, WORTH_BYTES, Corrections, kind

MIB = 1024**2
KIND = kind("jpeg", "webp")
ratios = st.lists(st.floats(0.05, 6.0), min_size=1, max_size=200)


@given(ratios)
def test_a_corrected_prediction_is_never_below_what_was_measured_and_stays_within_bounds(ratios: list[float]) -> None:
    learned = Corrections()
    for ratio in ratios:
        learned.note(KIND, 100 * MIB, int(ratio * 100 * MIB))
    factor = learned.factors.get(KIND, 1.0)
    assert LEAST <= factor <= MOST
    for ratio in ratios[-WINDOW:]:
        assert factor >= ratio - 1e-6 or factor == MOST


@given(ratios)
def test_it_says_when_a_factor_changed_and_only_then(ratios: list[float]) -> None:
    learned = Corrections()
    for ratio in ratios:
        before = dict(learned.factors)
        assert learned.note(KIND, 100 * MIB, int(ratio * 100 * MIB)) == (learned.factors != before)


@given(st.floats(0.05, 0.9))
def test_one_measurement_raises_a_prediction_and_only_enough_of_them_lower_it(ratio: float) -> None:
    learned = Corrections()
    for _ in range(ENOUGH - 1):
        learned.note(KIND, 100 * MIB, int(ratio * 100 * MIB))
    assert learned.factors == {}
    learned.note(KIND, 100 * MIB, int(ratio * 100 * MIB))
    assert ratio < learned.factors.get(KIND, 1.0) <= max(LEAST, ratio * 1.1 + 0.05)
    learned.note(KIND, 100 * MIB, 180 * MIB)
    assert learned.factors[KIND] >= 1.8


def test_small_images_and_other_kinds_teach_nothing() -> None:
    learned = Corrections()
    for _ in range(50):
        assert not learned.note(KIND, WORTH_BYTES - 1, 900 * MIB)
        assert not learned.note(KIND, 100 * MIB, 0)
    learned.note(KIND, 100 * MIB, 200 * MIB)
    assert set(learned.factors) == {KIND}
