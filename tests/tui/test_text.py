import pytest
from rich.cells import cell_len

from tui import text

HOSTILE = "a\x1b[31mred\x07\n\r\t\u202egpj.\u200bexe\udcff[bold]x[/]\ufe0f\u2028\x9b2J.jpg"


def test_hostile_names_lose_every_control_and_keep_their_brackets() -> None:
    shown = text.escape(HOSTILE)
    assert shown.isprintable()
    assert shown.startswith("a\\x1b[31mred\\x07\\x0a")
    assert "\\u202egpj.\\u200bexe\\xff[bold]x[/]" in shown


def test_ascii_mode_shows_seven_bits_of_any_name() -> None:
    assert text.escape("été ¾ 日本.jpg", ascii_only=True) == "ete 3/4 ??.jpg"
    assert text.escape(HOSTILE, ascii_only=True).isascii()


def test_ordinary_names_of_any_script_stay_as_they_are() -> None:
    for name in ("DSC_0412.jpg", "Ferien – Überblick.png", "写真.webp", "e\u0301te\u0301.jpg"):
        assert text.escape(name) == name


def test_a_tower_of_combining_marks_cannot_climb_over_other_lines() -> None:
    assert text.escape("a" + "\u0301" * 40).count("\u0301") == 2


@pytest.mark.parametrize("width", range(12))
def test_cut_names_never_exceed_their_room(width: int) -> None:
    for name in ("写真写真写真", "abcdefgh", "a写b真c"):
        assert cell_len(text.cut(name, width)) <= width
        assert cell_len(text.cut_left(name, width)) <= width


@pytest.mark.parametrize(
    ("number", "short"),
    [(0, "0B"), (999, "999B"), (1000, "1.0K"), (8_493_466, "8.1M"), (197_132_288, "188M"), (-2048, "-2.0K")],
)
def test_sizes_fit_their_column(number: int, short: str) -> None:
    assert text.size(number) == short


def test_changes_and_times_read_as_people_write_them() -> None:
    assert text.change(100, 48) == "-52%"
    assert text.change(100, 106) == "+6%"
    assert text.change(100, 100) == "0%"
    assert text.change(0, 10) == ""
    assert [text.clock(value) for value in (None, 252, 11_052, 200_000)] == ["--:--", "04:12", "3:04:12", "2d 07h"]
