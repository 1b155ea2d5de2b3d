"""Promises of ``imgopt-tui report``, on real runs; the page is opened in a browser where there is one."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.history import past_runs
from engine.journal_file import JournalFile
from engine.machine import schema_text
from engine.past_report import load
from engine.places import journal_file, state_folder
from engine.report_page import page
from engine.run import Run
from engine.samples import Sample
from engine.settings import Settings
from tests.engine.test_run import finish
from tui.__main__ import main

ODD = os.fsdecode(b"\xff<b>&\x1b[31m.jpg")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """Their folder, with the journal that they left in it."""
    home = tmp_path_factory.mktemp("two")
    root = home / "in"
    for folder, name in (("one", "photo.jpg"), ("two", "small.png")):
        (root / folder).mkdir(parents=True)
        shutil.copy(samples / name, root / folder)
    shutil.copy(samples / "small.jpg", root / ODD)
    (root / "two" / "bad.jpg").write_bytes(b"nothing")
    first = Settings(output=str(home / "first"), target_quality=60, workers=1, format="webp")
    second = Settings(output=str(home / "second"), quality=40, workers=1, format="webp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        for settings in (first, second):
            asyncio.run(finish(Run([str(root)], settings)))
        file = JournalFile(journal_file())
        for number in (1, 2):  # as if they had taken ten seconds
            file.put_samples(number, [Sample(n, 2.0 * n, 50.0, 2**27, 2**30, 2**31, 1, n) for n in range(6)], 1)
        file.close()
    return home


@pytest.fixture
def runs(two_runs: Path) -> list[str]:
    """Two runs over one tree, the newer first: the older measured scores. One image is broken, one has an odd name."""
    shutil.copytree(two_runs / "state" / "imgopt-tui", state_folder())
    return [run.id for run in past_runs()]


Tool = Callable[..., str]


@pytest.fixture
def tool(capfdbinary: pytest.CaptureFixture[bytes]) -> Tool:
    """Calls ``imgopt-tui report`` in this process; returns stdout, or after a failure the exit code and stderr."""

    def call(*given: str | Path) -> str:
        code = main(["report", *map(str, given)])
        out, errors = capfdbinary.readouterr()
        return out.decode() if not code else f"exit {code}: {errors.decode()}"

    return call


def test_every_form_tells_the_same(runs: list[str], tool: Tool, two_runs: Path) -> None:
    newest = runs[0]
    value = json.loads(tool("--json"))
    summary, results = value["summary"], value["results"]
    assert (summary["run"], summary["done"], summary["failed"]) == (newest, 3, 1)
    assert summary["bytesIn"] - summary["bytesOut"] == summary["savedBytes"]
    assert summary["savedBytes"] == sum(each["savedBytes"] for each in results)
    assert sum(each["images"] for each in value["folders"]) == sum(each["images"] for each in value["formats"]) == 3
    assert (two_runs / "second" / "one" / "photo.webp").stat().st_size in [each["optimized_size"] for each in results]

    rows = list(csv.DictReader(io.StringIO(tool(newest[:5], "--csv"))))
    assert [int(row["optimized_size"]) for row in rows] == [each["optimized_size"] for each in results]
    text = tool("last")
    assert text.startswith(f"run {newest}")
    for shown in (
        "by folder",
        "jpeg -> webp",
        "bad.jpg",
        "1 failed",
        "not an image",
        " 1 image   ",
        str(two_runs / "in"),
    ):
        assert shown in text
    assert "\x1b" not in text


def test_names_are_exact_for_programs(runs: list[str], tool: Tool) -> None:
    value = json.loads(tool("--json"))
    (odd,) = [each for each in value["results"] if "original_path_b64" in each]
    assert os.fsdecode(os.path.basename(base64.b64decode(odd["original_path_b64"]))) == ODD
    assert odd["original_path"].endswith("\ufffd<b>&\x1b[31m.jpg")
    rows = csv.DictReader(io.StringIO(tool("--csv")))
    assert odd["original_path_b64"] in [row["original_path_b64"] for row in rows]


def test_what_is_said_for_programs_holds_to_the_schema(runs: list[str], tool: Tool) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = {**json.loads(schema_text()), "$ref": "#/$defs/report"}
    for given in (("--json",), (runs[1], "--json", "--against", runs[0])):
        jsonschema.validate(json.loads(tool(*given)), schema, jsonschema.Draft202012Validator)


def test_two_runs_are_compared(runs: list[str], tool: Tool) -> None:
    newest, older = runs
    found = json.loads(tool("--json", "--against", older))["against"]
    assert {each["setting"]: (each["before"], each["after"]) for each in found["settings"]}["quality"] == (None, 40)
    assert (found["run"], found["imagesInBoth"], found["onlyHere"], found["newlyFailed"]) == (older, 3, 0, [])
    assert found["smaller"] + found["larger"] == len(found["changes"]) > 0
    assert f"against run {older}" in tool("--against", older)
    assert "Largest differences" in page(load(newest, older))
    assert tool(newest, "--against", newest).startswith("exit 1: imgopt-tui: run")


def test_a_killed_and_a_very_old_run_have_a_report_too(runs: list[str], tool: Tool) -> None:
    database = JournalFile(journal_file())
    with database.transaction():
        database._db.execute("UPDATE runs SET ended=NULL, phase=NULL, report=NULL WHERE id=?", (runs[0],))
        database._db.execute("DELETE FROM results WHERE run=1")
    database.close()
    killed = tool()
    assert "interrupted" in killed
    assert "3 done, 0 kept, 0 skipped, 1 failed" in killed
    old = tool(runs[1])
    assert "single images are not kept" in old
    assert "3 done" in old
    assert "not kept" in page(load(runs[1]))


def test_a_report_is_written_whole_and_its_form_follows_the_ending(runs: list[str], tool: Tool, tmp_path: Path) -> None:
    for name, begins in (("a.html", b"<!doctype html>"), ("a.json", b'{"schema": 1'), ("a.csv", b"original_path,")):
        assert tool("-o", tmp_path / name) == ""
        assert (tmp_path / name).read_bytes().startswith(begins)
    said = tool("-o", tmp_path / "none" / "a.html")
    assert said.startswith(f"exit 2: imgopt-tui: {tmp_path}/none/a.html: the report cannot be written: no such file")
    assert not list(tmp_path.glob("*.tmp"))
    assert tool("zzz").startswith("exit 1: imgopt-tui: no run 'zzz' is known")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "style") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_loads_nothing_and_no_name_becomes_part_of_it(runs: list[str]) -> None:
    text = page(load(runs[1]))
    read = _Page()
    read.feed(text)
    assert not {"script", "link", "img", "iframe", "b"} & set(read.tags) - {"b"}
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&" not in text
    assert "\x1b" not in text
    assert all(value.startswith("width:") for value in read.loads)
    assert "url(" not in text
    assert "//" not in re.sub(r"<code>.*?</code>|<title>.*?</title>", "", text).replace("<!doctype", "")
    assert read.tags.count("svg") == 5, "batches, CPU, memory, scores, savings"
    for words in ("Savings by folder", "Biggest wins", "not an image", "SSIMULACRA 2", "whole blocks"):
        assert words in read.text


@pytest.mark.skipif(BROWSER is None, reason="no Chromium to open the page in")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_light_and_dark(runs: list[str], tmp_path: Path, scheme: str) -> None:
    from PIL import Image

    (tmp_path / "r.html").write_text(page(load(runs[1])), encoding="utf-8")
    picture = tmp_path / "r.png"
    how = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    common = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [
        str(BROWSER),
        *common,
        *how,
        "--window-size=1000,3000",
        f"--screenshot={picture}",
        f"file://{tmp_path}/r.html",
    ]
    subprocess.run(command, capture_output=True, timeout=100, check=True)
    with Image.open(picture) as shot:
        pixels = shot.convert("RGB")
        corner = pixels.getpixel((4, 4))
        assert isinstance(corner, tuple)
        assert (sum(corner) < 150) == (scheme == "dark")
        colours = pixels.getcolors(2**24) or []
    blue = (36, 103, 168) if scheme == "light" else (127, 180, 232)
    assert any(colour == blue and count > 500 for count, colour in colours), "bars are drawn"


def test_reports_load_neither_screen_nor_pixels() -> None:
    code = "import engine.report_page, engine.report_text, tui.report_command, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"textual", "pyvips", "numpy"} & set(loaded)
