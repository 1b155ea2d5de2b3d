"""Promises of the gauges as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.view import Gauges, Update
from tests.tui.fake_view import FakeView
from tui.gauges import held_reason, memory_bar, spark
from tui.look import Look
from tui.mirror import Mirror
from tui.parts import text_of
from tui.side import side_lines

PLAIN = Look(ascii_only=True, plain=True)
BUDGET = Gauges(budget=1000 << 20, reserved=600 << 20)


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(1, 80), st.booleans())
def test_the_sparkline_fits_and_its_highest_column_is_full(counts: list[int], cells: int, plain: bool) -> None:
    look = Look(ascii_only=plain, plain=plain)
    line = spark(counts, cells, look)
    assert len(line) <= cells
    assert set(line) <= set(look.glyphs.levels)
    if any(counts):
        assert look.glyphs.levels[-1] in line
    assert line.isascii() or not plain


def test_the_newest_second_is_at_the_right() -> None:
    assert spark((0, 0, 7), 10, PLAIN) == "__#"
    assert spark((0, 0, 0, 7), 2, PLAIN) == "_#"


@pytest.mark.parametrize(
    ("needs", "gauges", "says"),
    [
        (300 << 20, BUDGET, "needs 300 MiB, which is free: begins next"),
        (500 << 20, BUDGET, "400 MiB of 0.98 GiB are free: begins when images end that hold 100 MiB"),
        (2000 << 20, BUDGET, "begins when no other is at work, and runs alone"),
        (300 << 20, replace(BUDGET, short="5 % left"), "memory is short on the machine (5 % left)"),
        (0, BUDGET, "waits until enough memory is free"),
    ],
)
def test_why_an_image_waits_and_until_when(needs: int, gauges: Gauges, says: str) -> None:
    assert says in held_reason(needs, gauges)


def test_peak_and_stop_line_stand_above_what_others_use() -> None:
    gauges = Gauges(mem_used=50, mem_limit=100, mem_run=20, mem_peak=30, mem_stop=60)
    assert text_of(memory_bar(gauges, PLAIN, 102)) == "[" + "#" * 50 + "." * 9 + ":" + "." * 29 + "|" + "." * 10 + "]"


def side(update: Update, height: int) -> list[str]:
    mirror = Mirror()
    mirror.apply(update)
    return [text_of(line) for line in side_lines(mirror, PLAIN, 33, height)]


@pytest.mark.parametrize("workers", [4, 12, 24, 256])
def test_the_panel_names_as_many_workers_as_fit_and_counts_the_rest(workers: int) -> None:
    view = FakeView()
    view.workers = workers
    view.step(10)
    lines = side(view.update(whole=True), 27)
    assert len(lines) <= 27
    assert all(len(line) <= 33 for line in lines)
    shown = sum(line.startswith(" W") and line[2].isdigit() for line in lines)
    more = [line for line in lines if line.endswith(" more")]
    assert (shown == workers) if not more else more == [f" +{workers - shown} more"]
    assert shown >= 4


def test_a_worker_shows_its_memory_of_its_share() -> None:
    view = FakeView()
    view.step(10)
    lines = side(view.update(whole=True), 40)
    (first,) = (line for line in lines if line.startswith(" W1"))
    assert first.split() == ["W1", "encode", "312M/448M", "97%"]
