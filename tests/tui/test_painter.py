"""Promises about what is sent: a terminal shows what Textual painted, and is sent no more than what is different."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui.painter import Painter
from tui.pens import PLAIN, Depth, Pen, Pens, change

WIDTH, HEIGHT = 16, 3
STYLES = [None, Style.parse("bold #87afd7 on #121212"), Style.parse("#303a4f"), Style.parse("reverse"), Style.null()]
Runs = list[tuple[str, int]]


def line_of(runs: Runs) -> list[Segment]:
    """Segments that fill a line."""
    segments, left = [], WIDTH
    for text, style in runs:
        kept = ""
        for char in text:
            if cell_len(kept + char) > left:
                break
            kept += char
        left -= cell_len(kept)
        segments.append(Segment(kept, STYLES[style]))
    return [*segments, Segment(" " * left, STYLES[1])]


def layout(lines: list[list[Segment]]) -> LayoutUpdate:
    return LayoutUpdate([[Strip(line, WIDTH)] for line in lines], Region(0, 0, WIDTH, HEIGHT))


text = st.text(st.sampled_from("ab #─■é漢字"), max_size=12)
picture = st.lists(st.lists(st.tuples(text, st.integers(0, 4)), max_size=4), min_size=HEIGHT, max_size=HEIGHT)


def shown(screen: pyte.Screen) -> list[str]:
    return [str(line) for line in screen.display]


@given(st.lists(picture, min_size=1, max_size=4), st.sampled_from(list(Depth)))
def test_the_terminal_shows_what_was_painted_whatever_stood_there_before(
    pictures: list[list[Runs]], depth: Depth
) -> None:
    painter, screen = Painter(Pens(depth)), pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.Stream(screen)
    for runs in pictures:
        lines = [line_of(line) for line in runs]
        stream.feed(painter.frame(layout(lines), (WIDTH, HEIGHT), (0, 0)))
        assert shown(screen) == ["".join(part.text for part in line) for line in lines]
        fresh = pyte.Screen(WIDTH, HEIGHT)
        pyte.Stream(fresh).feed(Painter(Pens(depth)).frame(layout(lines), (WIDTH, HEIGHT), (0, 0)))
        assert screen.buffer == fresh.buffer
        assert painter.frame(layout(lines), (WIDTH, HEIGHT), (0, 0)) == ""


def test_one_changed_cell_costs_a_few_bytes_and_a_forgotten_picture_all_of_them() -> None:
    painter = Painter(Pens(Depth.MANY))
    plain = [line_of([("aaaa", 1)]) for _ in range(HEIGHT)]
    whole = painter.frame(layout(plain), (WIDTH, HEIGHT), (0, 0))
    changed = [plain[0], line_of([("aaba", 1)]), plain[2]]
    assert len(painter.frame(layout(changed), (WIDTH, HEIGHT), (0, 0))) < 50
    painter.forget()
    assert len(painter.frame(layout(changed), (WIDTH, HEIGHT), (0, 0))) >= len(whole)


@pytest.mark.parametrize(
    ("depth", "codes"),
    [
        (Depth.NONE, ("1", "", "")),
        (Depth.SIXTEEN, ("1", "37", "40")),
        (Depth.MANY, ("1", "38;5;110", "48;5;233")),
        (Depth.TRUE, ("1", "38;5;110", "48;5;233")),
    ],
)
def test_each_depth_has_its_codes(depth: Depth, codes: tuple[str, str, str]) -> None:
    pen = Pens(depth).of(Style.parse("bold #87afd7 on #121212"))
    assert (pen.attributes, pen.back) == (codes[0], codes[2])
    assert pen.front == codes[1] or depth is Depth.SIXTEEN
    assert Pens(Depth.TRUE).of(Style.parse("#303a4f")).front == "38;2;48;58;79"


pens = st.builds(
    Pen,
    st.sampled_from(["", "1", "1;7"]),
    st.sampled_from(["", "31", "38;5;110"]),
    st.sampled_from(["", "41", "48;5;233"]),
)


@given(st.one_of(st.none(), pens), pens)
def test_a_change_of_pen_ends_where_it_should(old: Pen | None, new: Pen) -> None:
    screen, wanted = pyte.Screen(3, 1), pyte.Screen(3, 1)
    pyte.Stream(screen).feed(change(None, old or PLAIN) + change(old, new) + "x")
    pyte.Stream(wanted).feed(change(None, new) + "x")
    assert screen.buffer[0][0] == wanted.buffer[0][0]
