"""The search for a size: bounded, never over the limit, the best where the budget reaches."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.fit import ENCODES, LOWEST, fit


@dataclass
class Made:
    data: bytes


@given(st.lists(st.integers(0, 9), min_size=101, max_size=101), st.integers(1, 100), st.integers(0, 500))
def test_the_best_quality_that_fits_is_found_in_few_encodes(steps: list[int], quality: int, limit: int) -> None:
    sizes = [sum(steps[: number + 1]) for number in range(101)]
    tried: list[int] = []

    def encode(number: int) -> Made:
        tried.append(number)
        return Made(b"x" * sizes[number])

    found = fit(encode, quality, limit)
    fitting = [number for number in range(min(LOWEST, quality), quality + 1) if sizes[number] <= limit]
    assert len(tried) <= ENCODES
    if not fitting:
        assert found is None
        assert tried[-1] == min(LOWEST, quality)
    else:
        assert found is not None
        assert len(found[1].data) == sizes[found[0]] <= limit
        assert max(fitting) - found[0] <= 1


def test_what_fits_at_once_is_encoded_once() -> None:
    tried: list[int] = []

    def encode(number: int) -> Made:
        tried.append(number)
        return Made(b"")

    assert fit(encode, 82, 10) == (82, Made(b""))
    assert tried == [82]
