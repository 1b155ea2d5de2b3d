"""Promises of the details of an image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.view import ImageState
from tests.tui.fake_view import FakeView
from tui.details import image_lines
from tui.look import Look


@pytest.mark.parametrize(
    ("quality", "says"), [(82, "82, the original's about 93"), (0, "lossless, the original's about 93")]
)
def test_the_originals_own_quality_is_shown(quality: int, says: str) -> None:
    row = replace(FakeView().row(0), state=int(ImageState.DONE), quality=quality, source_quality=93)
    lines = ["".join(text for text, _ in line) for line in image_lines(row, Look(ascii_only=False, plain=True), 100)]
    assert [line for line in lines if says in line and "quality" in line]
    unknown = image_lines(replace(row, source_quality=0), Look(ascii_only=False, plain=True), 100)
    assert not [line for line in unknown if "original's" in "".join(text for text, _ in line)]
