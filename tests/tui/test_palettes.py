"""Promises about colours: each depth has its own codes, every text can be read, light and dark, and the user's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style

from engine.errors import ConfigError
from tests.terminal import Link, on_terminal
from tui.look import Look
from tui.palettes import COLOURS, DARK, LIGHT, Palette, Theme, chosen_theme, is_light
from tui.pens import Depth, Pens
from tui.terminal import colour_depth

FAINT = {"dim": 3.5, "soft": 3.5, "line": 1.2, "waiting": 2.4, "kept": 4.0}
"""Least contrast of what is meant to stand back; everything else has 4.5."""
BEHIND = ("ground", "cursor", "field")


def contrast(one: str, other: str) -> float:
    """Of two colours, from 1 to 21, as WCAG 2 counts it."""
    lights = []
    for colour in (one, other):
        parts = [part / 255 for part in Color.parse(colour).get_truecolor()]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_every_text_can_be_read_and_no_colour_shifts_where_there_are_256(palette: Palette) -> None:
    for name, colour in palette.colours.items():
        assert Pens(Depth.TRUE).of(Style(color=colour)).front.startswith("38;5;"), name
        if name not in BEHIND:
            assert contrast(colour, palette.colours["ground"]) >= FAINT.get(name, 4.5), name
    for behind in ("cursor", "field"):
        assert contrast(palette.colours["strong"], palette.colours[behind]) >= 4.5


@pytest.mark.parametrize(
    ("environ", "asked", "depth"),
    [
        ({"TERM": "xterm-256color"}, "auto", "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "auto", "true"),
        ({"TERM": "xterm-direct"}, "auto", "true"),
        ({"TERM": "xterm"}, "auto", "16"),
        ({"TERM": "linux"}, "auto", "16"),
        ({"TERM": "screen"}, "auto", "16"),
        ({"TERM": "xterm-kitty"}, "auto", "16"),
        ({"TERM": "alacritty"}, "auto", "256"),
        ({"TERM": "vt220"}, "auto", "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "auto", "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "auto", "256"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "true", "true"),
        ({"TERM": "vt100"}, "16", "16"),
    ],
)
def test_the_depth_is_what_was_asked_for_else_what_the_terminal_has(
    environ: dict[str, str], asked: str, depth: str
) -> None:
    assert colour_depth(environ, asked) == depth


def depths_of(raw: bytes) -> set[str]:
    """The kinds of colour codes in what was sent."""
    kinds: set[str] = set()
    for sequence in re.findall(r"\x1b\[([\d;]*)m", raw.decode(errors="replace")):
        codes = iter(sequence.split(";"))
        for code in codes:
            if code in ("38", "48"):
                kind = "256" if next(codes) == "5" else "true"
                kinds.add(kind)
                for _ in range(1 if kind == "256" else 3):
                    next(codes)
            elif len(code) > 1 and code not in ("39", "49"):  # those are the terminal's own
                kinds.add("16")
    return kinds


@pytest.mark.parametrize(("how", "depth"), [("NO_COLOR", "none"), ("16", "16"), ("256", "256"), ("true", "true")])
def test_a_terminal_is_sent_codes_of_its_depth_only(tmp_path: Path, how: str, depth: str) -> None:
    options = ["--colors", how] if how != "NO_COLOR" else []
    env = {"XDG_CONFIG_HOME": str(tmp_path), "NO_COLOR": "1" if how in ("NO_COLOR", "16") else ""}
    (tmp_path / "imgopt-tui").mkdir()
    (tmp_path / "imgopt-tui" / "theme.toml").write_text('[colors]\ntitle = "#12ab34"\n')
    with on_terminal(str(tmp_path), *options, env=env) as it:
        it.until_text("q Quit")
        for keys, words in (("o", "Settings"), ("\x1b[27u", "q Quit"), (":", "Commands")):
            it.send(keys)
            it.until_text(words)
    wanted = {"none": set(), "16": {"16"}, "256": {"256"}, "true": {"256", "true"}}[depth]
    assert depths_of(bytes(it.raw)) == wanted
    assert depth != "none" or not re.search(rb"\x1b\[[\d;]*(?<!\d)[34]9(?!\d)", it.raw)


def test_a_light_terminal_gets_light_colours_once_it_has_said_so(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path), link=Link(background="rgb:ffff/ffff/ffff")) as it:
        it.until_text("q Quit")
        ground = LIGHT.colours["ground"].removeprefix("#")
        it.until(lambda: {cell.bg for cell in it.screen.buffer[12].values()} == {ground})


@pytest.mark.parametrize(
    ("asked", "environ", "text", "light"),
    [
        ("auto", {}, "", None),
        ("light", {}, "", True),
        ("dark", {"COLORFGBG": "0;15"}, 'base = "light"', False),
        ("auto", {"COLORFGBG": "0;15"}, "", True),
        ("auto", {"COLORFGBG": "15;default;0"}, "", False),
        ("auto", {}, 'base = "light"', True),
    ],
)
def test_light_or_dark_is_asked_for_written_down_or_told_by_the_environment(
    tmp_path: Path, asked: str, environ: dict[str, str], text: str, light: bool | None
) -> None:
    file = tmp_path / "theme.toml"
    if text:
        file.write_text(text)
    assert chosen_theme(asked, environ, file).light is light


def test_a_theme_that_is_wrong_is_told_in_sentences(tmp_path: Path) -> None:
    file = tmp_path / "theme.toml"
    file.write_text('base = "grey"\n[colors]\nink = "red"\nfoot = "#000000"\n[more]\n')
    with pytest.raises(ConfigError) as caught:
        chosen_theme("auto", {}, file)
    assert all(words in str(caught.value) for words in ("base", "colors.ink", "colors.foot", "more"))
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        chosen_theme("auto", {}, file)


def test_own_colours_lie_over_the_base() -> None:
    palette = Theme(light=True, own={"done": "#00aa00"}).palette(few=False)
    assert palette.colours["done"] == "#00aa00"
    assert palette.colours["ink"] == LIGHT.colours["ink"]
    assert Theme(own={"done": "#00aa00"}).palette(few=True).colours["done"] == COLOURS["done"][2]


def test_sixteen_colours_leave_the_background_to_the_terminal() -> None:
    look = Look(ascii_only=False, plain=False, palette=Theme().palette(few=True))
    for role in ("", "done", "cursor", "tab on", "cell"):
        style = look.style(role)
        assert style.bgcolor is None or style.bgcolor.is_default
    assert look.style("cursor").reverse


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        ("rgb:ffff/ffff/ffff", True),
        ("rgb:00/00/00", False),
        ("rgba:fafa/fafa/d2d2/ffff", True),
        ("rgb:x", None),
        ("", None),
    ],
)
def test_what_a_terminal_says_of_its_background(answer: str, light: bool | None) -> None:
    assert is_light(answer) is light
