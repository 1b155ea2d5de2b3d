"""Promises about what is loaded and mounted for the first picture, on a terminal of 120 × 40."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.engine.test_imports import SETTINGS, ours
from tests.terminal import Terminal

NOTED = """
import json, sys
from tui import cli
from tui.__main__ import main

def begin(app):
    counted = len(app.screen.walk_children())
    with open(sys.argv[1], "w") as file:
        json.dump([list(sys.modules), counted], file)
    app.exit()

def load_asyncio(load=cli.load_asyncio):
    load()
    from tui.app import ImgoptApp
    from tui.disk import Disk

    ImgoptApp._begin = begin
    Disk.list_folder = lambda *given, **more: []
    Disk.count_tree = lambda *given, **more: (0, 0)

cli.load_asyncio = load_asyncio
main([sys.argv[2]])
"""
PICTURE = {
    *("actions", "answers", "app", "canvas", "cli", "disk", "diverted", "driver", "file_tree", "files_pane", "frame"),
    *("gauges", "grammar", "hangup", "header", "link", "look", "main_screen", "mirror", "options", "outlet", "paced"),
    *(
        "painter",
        "palettes",
        "panes",
        "parts",
        "pens",
        "saved_settings",
        "session",
        "setting_options",
        "start",
        "terminal",
        "text",
        "trial_options",
    ),
    *("tuned", "__main__"),
}
CORE = {
    *SETTINGS,
    "child",
    "config",
    "escape",
    "extras",
    "figures",
    "folder_settings",
    "light",
    "places",
    "plural",
    "settings_file",
}


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], int]:
    """Modules loaded and widgets mounted when the first picture is out."""
    folder: Path = tmp_path_factory.mktemp("first")
    notes, pictures = folder / "notes", folder / "pictures"
    pictures.mkdir()
    it = Terminal([sys.executable, "-c", NOTED, str(notes), str(pictures)], size=(120, 40), whole=True)
    try:
        assert it.wait() == 0
    finally:
        it.close()
    modules, widgets = json.loads(notes.read_text())
    return set(modules), widgets


def test_the_first_picture_loads_nothing_that_only_keys_or_other_panes_need(noted: tuple[set[str], int]) -> None:
    ours = {name for name in noted[0] if name.startswith(("tui.", "engine."))}
    assert ours - {f"tui.{name}" for name in PICTURE} - {f"engine.{name}" for name in CORE} == set()


def test_the_first_picture_loads_neither_pixels_nor_databases_nor_tls(noted: tuple[set[str], int]) -> None:
    assert not noted[0] & {"pyvips", "numpy", "sqlite3", "psutil", "ssl", "tomli_w", "multiprocessing"}


def test_the_first_picture_mounts_only_what_it_shows(noted: tuple[set[str], int]) -> None:
    assert noted[1] <= 24


def test_all_that_draws_is_loaded_together_so_that_versions_do_not_mix() -> None:
    drawing = [
        path.stem for path in (ROOT / "tui").glob("*.py") if "\nfrom textual" in path.read_text(encoding="utf-8")
    ]
    loaded = ours("import tui.app\nfrom tui.panes import load_all\nload_all()")
    assert {f"tui.{name}" for name in drawing} - loaded == set()
