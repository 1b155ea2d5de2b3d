"""Promises of the page that is copied home."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.formats import Format
from engine.tuning import Pixels, Rung, Subject
from engine.tuning_page import Shots, png, tuning_page


@given(st.integers(1, 40), st.integers(1, 30))
def test_another_reader_sees_the_same_pixels_in_the_png(width: int, height: int) -> None:
    rgb = bytes((x * 7 + y * 13 + c * 101) % 256 for y in range(height) for x in range(width) for c in range(3))
    image = Image.open(io.BytesIO(png(Pixels(0, 0, width, height, 1, rgb))))
    assert (image.size, image.mode) == ((width, height), "RGB")
    assert image.tobytes() == rgb


class _Page(HTMLParser):
    """What is in a page: texts, and where it would load something from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


NAME = "/srv/<img src=x onerror=alert(1)>\x1b[31m\udcff.jpg"


def page() -> str:
    subject = Subject(NAME, Format.JPEG, 600, 400, 3, 100_000, 92, "sRGB", Format.JPEG, 600, 400)
    rungs = [
        Rung(Format.JPEG, 75, 30_000, 77.5, 66.0),
        Rung(Format.JPEG, 82, 41_000, 80.25, 70.0, note="<b>larger</b>"),
    ]
    pixels = Pixels(0, 0, 2, 1, 1, b"\1\2\3\4\5\6")
    return tuning_page(subject, rungs, rungs[1], 80, [Shots("here", pixels, [(rung, pixels) for rung in rungs])])


def test_the_page_loads_nothing_and_holds_ladder_and_crops() -> None:
    read = _Page(page())
    assert len(read.sources) == 3
    for source in read.sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (2, 1)
    assert not re.search(r"https?://|@import|url\(", page())
    for words in ("jpeg 82", "59.0 %", "80.2", "70.0", "target 80", "here"):
        assert words in read.text, words


def test_names_and_notes_are_text_and_nothing_else() -> None:
    read = _Page(page())
    assert "onerror=alert(1)" in read.text
    assert "<b>larger</b>" in read.text
    assert "b" not in read.tags
    assert "\x1b" not in page()
    page().encode("utf-8")
