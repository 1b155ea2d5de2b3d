"""Promises of the details of an image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.view import Gauges, ImageState
from tests.tui.fake_view import FakeView
from tui.details import image_lines
from tui.look import Look


@pytest.mark.parametrize(
    ("quality", "says"), [(82, "82, the original's about 93"), (0, "lossless, the original's about 93")]
)
def test_the_originals_own_quality_is_shown(quality: int, says: str) -> None:
    row = replace(FakeView().row(0), state=int(ImageState.DONE), quality=quality, source_quality=93)
    lines = [
        "".join(text for text, _ in line)
        for line in image_lines(row, Look(ascii_only=False, plain=True), 100, Gauges())
    ]
    assert [line for line in lines if says in line and "quality" in line]
    unknown = image_lines(replace(row, source_quality=0), Look(ascii_only=False, plain=True), 100, Gauges())
    assert not [line for line in unknown if "original's" in "".join(text for text, _ in line)]


def test_the_score_and_the_worst_place_are_shown() -> None:
    def text_of(measured: tuple[float, int, float, int, int] | None) -> str:
        row = replace(FakeView().row(0), state=int(ImageState.DONE), measured=measured)
        lines = image_lines(row, Look(ascii_only=False, plain=True), 100, Gauges())
        return "\n".join("".join(text for text, _ in line) for line in lines)

    assert "80.3 in 3 encodes; the worst place, at 64 × 128 px: 71.5" in text_of((80.31, 3, 71.5, 64, 128))
    assert "100, every pixel as it was" in text_of((100.0, 8, 100.0, 0, 0))
    assert "score" not in text_of(None)
