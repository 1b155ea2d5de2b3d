"""Promises of the piece of the picture beside the ladder."""

from __future__ import annotations

import fcntl
import itertools
import os
import struct
import termios
import zlib
from base64 import b64decode
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tuning import Pixels
from tui.crop import ZOOMS, Place, Preview, crop_size, half_block_line, preview_for, ramp_line
from tui.graphics import USUAL_CELL, Graphics, ask, at, kitty, learn, sixel, wanted
from tui.look import Look
from tui.parts import text_of

sides = st.integers(1, 400)


def piece(width: int, height: int, *shades: int) -> Pixels:
    rgb = b"".join(bytes([shades[row % len(shades)]] * 3 * width) for row in range(height))
    return Pixels(0, 0, width, height, 1, rgb)


@given(sides, sides, st.sampled_from(ZOOMS), st.floats(0, 1), st.floats(0, 1), st.data())
def test_the_crop_never_leaves_the_picture(
    width: int, height: int, zoom: float, x: float, y: float, data: st.DataObject
) -> None:
    picture = (width, height)
    size = (data.draw(st.integers(1, 320)), data.draw(st.integers(1, 200)))
    place = Place(x, y, zoom)
    for by in data.draw(st.lists(st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]), max_size=6)):
        place.move(by, picture, size)
        left, top = place.corner(picture, size)
        assert 0 <= left <= max(0, width - int(size[0] / zoom))
        assert 0 <= top <= max(0, height - int(size[1] / zoom))


def test_moving_left_and_right_again_comes_back() -> None:
    place, picture, size = Place(), (4000, 3000), (26, 24)
    start = place.corner(picture, size)
    place.move((1, 0), picture, size)
    assert place.corner(picture, size)[0] == start[0] + 13
    place.move((-1, 0), picture, size)
    assert place.corner(picture, size) == start


@given(st.integers(0, 300), st.integers(0, 100), st.sampled_from(list(Preview)))
def test_a_crop_is_never_larger_than_what_may_be_asked_for(cells: int, lines: int, preview: Preview) -> None:
    width, height = crop_size(cells, lines, preview, (10, 20))
    assert width <= 320
    assert height <= 200


def test_two_rows_of_pixels_are_one_line_and_equal_cells_share_a_style() -> None:
    pixels = piece(5, 3, 0, 255, 128)
    assert half_block_line(pixels, 0, "true") == [("▀" * 5, "#000000 #ffffff")]
    assert half_block_line(pixels, 1, "true") == [("▀" * 5, "#808080 #808080")]
    assert half_block_line(pixels, 2, "true") == []


@given(st.binary(min_size=3, max_size=3))
def test_with_256_colours_only_those_are_used_that_every_such_terminal_has(rgb: bytes) -> None:
    ((_, role),) = half_block_line(Pixels(0, 0, 1, 1, 1, rgb), 0, "256c")
    used = bytes.fromhex(role.split(" ")[0][1:])
    grey = len(set(used)) == 1 and (used[0] - 8) % 10 == 0
    assert grey or set(used) <= {0, 95, 135, 175, 215, 255}
    assert Look(ascii_only=False, plain=False).style(role).color is not None


@given(sides, st.integers(1, 20), st.binary(min_size=1, max_size=8))
def test_the_ascii_ramp_rises_with_brightness_and_is_seven_bit(width: int, height: int, shades: bytes) -> None:
    pixels = piece(width, height, *shades)
    for line in range((height + 1) // 2):
        drawn = ramp_line(pixels, line)
        assert drawn.isascii()
        assert len(drawn) == width
    dark, bright = ramp_line(piece(1, 2, 0), 0), ramp_line(piece(1, 2, 255), 0)
    assert (dark, bright) == (" ", "@")


@pytest.mark.parametrize(
    ("colors", "ascii_only", "expected"),
    [
        ("true", False, "half"),
        ("256c", False, "half"),
        ("16c", False, "ascii"),
        ("mono", False, "ascii"),
        ("true", True, "ascii"),
    ],
)
def test_a_terminal_with_too_few_colours_gets_characters(colors: str, ascii_only: bool, expected: str) -> None:
    assert preview_for(colors, ascii_only=ascii_only) == expected


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"\x1b[?62;4;22c", Graphics(sixel=True, asked=True)),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62c", Graphics(kitty=True, cell=(9, 18), asked=True)),
        (b"\x1b_Gi=31;ENOTSUP\x1b\\\x1b[?64;14c", Graphics(asked=True)),
        (b"\x1b[?1;2c", Graphics(asked=True)),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?6", None),
    ],
)
def test_what_a_terminal_says_of_itself_is_understood(answer: bytes, found: Graphics | None) -> None:
    assert learn(answer) == found


def test_a_way_to_draw_that_is_asked_for_by_name_is_believed() -> None:
    answer = Graphics(asked=True)
    assert wanted("auto", lambda: answer).modes(Preview.HALF) == (Preview.HALF,)
    assert wanted("sixel", lambda: answer).modes(Preview.HALF) == (Preview.HALF, Preview.SIXEL)
    assert wanted("kitty", lambda: answer).cell == USUAL_CELL


def test_kittys_protocol_carries_the_pixels_in_pieces_it_allows() -> None:
    pixels = Pixels(0, 0, 90, 50, 1, bytes(n * 7919 % 251 for n in range(90 * 50 * 3)))
    sent = kitty(pixels)
    pieces = [part.partition(";") for part in sent.removesuffix("\x1b\\").split("\x1b\\")]
    assert all(len(data) <= 4096 for _, _, data in pieces)
    assert zlib.decompress(b64decode("".join(data for _, _, data in pieces))) == pixels.rgb
    assert [head[-1] for head, _, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    assert "s=90,v=50" in pieces[0][0]
    assert at(3, 4, "X") == "\x1b7\x1b[5;4HX\x1b8"


def test_a_line_of_the_crop_is_as_wide_as_its_pixels() -> None:
    assert len(text_of(half_block_line(piece(33, 2, 9), 0, "true"))) == 33


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal: the terminal's and the program's."""
    outer, inner = os.openpty()
    yield outer, inner
    os.close(outer)
    os.close(inner)


def test_the_terminal_is_asked_and_its_modes_are_as_before(terminal: tuple[int, int]) -> None:
    outer, inner = terminal
    before = termios.tcgetattr(inner)
    os.write(outer, b"\x1b[6;18;9t\x1b[?62;4c")
    assert ask(inner, inner) == Graphics(sixel=True, cell=(9, 18), asked=True)
    seen = b""
    while not seen.endswith(b"\x1b[c"):  # the echo of the answer comes first, or with it
        seen += os.read(outer, 1000)
    assert termios.tcgetattr(inner) == before


def test_a_terminal_that_does_not_answer_is_waited_for_only_so_long(terminal: tuple[int, int]) -> None:
    _, inner = terminal
    assert ask(inner, inner, 0.01) == Graphics(asked=True)


def test_a_terminal_is_waited_for_a_second_at_most(terminal: tuple[int, int]) -> None:
    outer, inner = terminal
    os.write(outer, b"x" * 2500)  # no answer, however much of it is read
    clock = itertools.count(0.0, 0.6)
    assert ask(inner, inner, clock=lambda: next(clock)) == Graphics(asked=True)
    assert next(clock) == pytest.approx(3 * 0.6), "it went on after a second"


def test_the_size_of_the_window_tells_the_size_of_a_cell(terminal: tuple[int, int]) -> None:
    outer, inner = terminal
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 80 * 8, 24 * 17))
    os.write(outer, b"\x1b[?62;4c")
    assert ask(inner, inner).cell == (8, 17)


@pytest.mark.skipif(not find_spec("textual_image"), reason="needs the packages of [all]")
async def test_sixel_is_made_outside_the_screens_process() -> None:
    made = await sixel(piece(12, 12, 0, 255))
    assert made.startswith("\x1bP")
    assert made.endswith("\x1b\\")
    assert '"1;1;12;12' in made
