"""Promises about the terminal's answers: they never arrive as keys, and no key is lost to them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.answers import KEEP_BARE, Answers

KEYS = [b"a", b"5", b"R", b"\x1b[A", b"\x1b[1;5A", b"\x1b[97u", b"\x1bOP", "é".encode(), b"\x1b[<0;12;5M"]


COLOUR = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
ANSWERS = (b"\x1b[1;3R", b"\x1b[24;80R", COLOUR, b"\x1b]11;rgba:0000/0000/0000/ffff\x07")


def answers(*, expected: bool = True) -> tuple[Answers, list[int | bytes]]:
    heard: list[int | bytes] = []
    it = Answers(heard.append, heard.append)
    it.expected = lambda: expected
    return it, heard


@given(
    st.lists(st.sampled_from([*KEYS, *ANSWERS]), max_size=12),
    st.lists(st.integers(0, 100), max_size=20),
)
def test_answers_in_any_pieces_never_arrive_as_keys_and_no_key_is_lost(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    it, columns = answers()
    keys, now = b"", 0.0
    for start, end in zip(places, [*places[1:], len(stream)], strict=True):
        now += KEEP_BARE / 2
        keys += it.feed(stream[start:end], now)
    keys += it.feed(b"", now + 10) + it.feed(b"", now + 20)
    wanted = [piece for piece in pieces if piece not in ANSWERS]
    assert keys == b"".join(wanted)
    assert len(columns) == len(pieces) - len(wanted)


def test_an_answer_in_two_pieces_seconds_apart_is_still_one() -> None:
    it, columns = answers()
    assert it.feed(b"\x1b[1", 0.0) == b""
    assert it.feed(b"", 5.0) == b""
    assert it.feed(b";4R", 9.0) == b""
    assert columns == [4]


def test_escape_alone_arrives_soon_and_the_rest_of_an_answer_behind_it_does_not() -> None:
    it, columns = answers()
    assert it.feed(b"\x1b", 0.0) == b""
    assert it.feed(b"", KEEP_BARE / 2) == b""
    assert it.feed(b"", KEEP_BARE) == b"\x1b"
    assert it.feed(b"[1;7Rq", 1.0) == b"q"
    assert columns == [7]


def test_the_background_is_told() -> None:
    it, heard = answers()
    assert it.feed(b"a" + COLOUR[:9], 0.0) == b"a"
    assert it.feed(COLOUR[9:] + b"b", 9.0) == b"b"
    assert heard == [b"rgb:ffff/ffff/ffff"]


def test_without_a_question_nothing_is_touched() -> None:
    it, columns = answers(expected=False)
    for data in (b"\x1b[1;2R", b"\x1b", b"\x1b["):
        assert it.feed(data, 0.0) == data
    assert not columns
