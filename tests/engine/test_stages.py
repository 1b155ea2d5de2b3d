"""The promise of the time that each stage took."""

from __future__ import annotations

import pytest

from engine.job import Stage
from engine.stages import StageTimes


def test_every_second_belongs_to_one_stage_also_when_one_is_entered_twice() -> None:
    times = StageTimes(10.0)
    for stage, now in ((Stage.DECODE, 10.5), (Stage.ENCODE, 10.5), (Stage.CHECK, 12.0), (Stage.ENCODE, 12.25)):
        times.enter(stage, now)
    times.enter(Stage.WRITE, 13.0)
    assert times.until(13.1) == pytest.approx((0.5, 0.0, 2.25, 0.25, 0.1))
