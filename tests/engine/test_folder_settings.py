"""Promises of settings that hold for single folders and images only."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import config, history, runner
from engine.errors import ConfigError
from engine.folder_settings import FolderRules, FolderSettings, fixed_after, own_settings
from engine.layers import Layer, Options
from engine.plan import make_plan
from engine.run import Run
from engine.settings import SCHEMA, Settings
from engine.settings_file import FileSettings
from engine.view import Window
from tests.conftest import ROOT

FLAGS = {entry.name: entry.flags[-1] for entry in SCHEMA}
FILE = "imgopt-tui.toml"
PICTURE = next(ROOT.joinpath("tui/demo_images").glob("*.jpg")).read_bytes()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with ``a/b`` and ``c``, a picture in each; the working directory lies elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    root = tmp_path / "root"
    for folder in (root, root / "a", root / "a" / "b", root / "c"):
        folder.mkdir(exist_ok=True)
        (folder / "x.jpg").write_bytes(PICTURE)
    return root


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text)
    return folder / FILE


def ask(preset: str | None = None, **given: object) -> tuple[Settings, FolderSettings]:
    options = Options(given, FLAGS, preset)
    found = config.resolved(options)
    return found.settings, own_settings(options, found)


def rules(preset: str | None = None, **given: object) -> FolderRules:
    return FolderRules(*ask(preset, **given))


def test_the_nearest_project_file_wins_setting_by_setting(tree: Path) -> None:
    write(tree, "[encode]\nquality = 50\neffort = 'fast'\n")
    write(tree / "a" / "b", "[encode]\nquality = 70\n")
    found = rules()
    assert found.of(str(tree)) == found.of(str(tree / "c")) == found.of(str(tree / "a"))
    assert found.of(str(tree / "a" / "b")) == Settings(quality=70, effort="fast")
    assert found.of(str(tree)) == Settings(quality=50, effort="fast")
    assert found.of(str(tree.parent)) == Settings()


def test_options_and_a_preset_beat_project_files_and_given_settings_beat_both(tree: Path) -> None:
    write(tree / "a", "[encode]\nquality_webp = 50\nlong_edge = 100\nmetadata = 'keep'\n")
    assert rules(quality="60").of(str(tree / "a")) == Settings(quality=60, long_edge=100, metadata="keep")
    found = rules("thumbnails", long_edge="200").of(str(tree / "a"))
    assert (found.long_edge, found.quality_webp, found.metadata) == (200, 75, "strip")
    settings, own = ask(quality="60")
    own = replace(own, given={str(tree / "a" / "b"): {"target_quality": 80}})
    assert FolderRules(settings, own).of(str(tree / "a")).quality == 60
    assert FolderRules(settings, own).of(str(tree / "a" / "b")).quality is None
    assert FolderRules(settings, own).of(str(tree / "a" / "b")).target_quality == 80


def test_a_project_file_speaks_of_images_only_and_never_for_the_whole_run(tree: Path) -> None:
    whole = "[run]\nworkers = 9\n[limits]\nmax_pixels = 1\n[scan]\nhidden = true\n"
    write(tree, f"[encode]\nquality = 50\nalso = ['webp']\n{whole}")
    assert rules().of(str(tree)) == Settings(quality=50, also=("webp",))
    assert rules(in_place=True).of(str(tree)) == Settings(quality=50, in_place=True)


@pytest.mark.parametrize(
    "text", ["[encode]\nquality = 0\n", "[output]\noutput = '/etc'\n", "[encode\n", "preset = 'no'\n"]
)
def test_a_wrong_project_file_of_a_root_is_told_before_anything_starts(tree: Path, text: str) -> None:
    path = write(tree, text)
    with pytest.raises(ConfigError, match=str(path)):
        make_plan([str(tree)], Settings())
    make_plan([str(tree)], Settings(), FolderSettings(project_files=False))
    assert not (tree / "optimized").exists()


def test_a_project_file_of_somebody_else_is_ignored_with_a_word(tree: Path) -> None:
    path = write(tree / "a", "[encode]\nquality = 1\n")
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)
    found, notes = rules(), list[str]()
    found.note = notes.append
    assert found.of(str(tree / "a")) == found.of(str(tree / "a" / "b")) == Settings()
    assert notes == [f"{path}: belongs to somebody else, so its settings are not used"]


def test_given_settings_are_checked_when_they_are_given(tree: Path) -> None:
    for values in ({"workers": 3}, {"quality": 0}, {"nothing": 1}, {"quality": 3, "lossless": True}):
        with pytest.raises(ConfigError):
            FolderRules(Settings(), FolderSettings({str(tree): values}))


def test_a_folder_given_through_a_link_is_the_folder(tree: Path) -> None:
    (tree.parent / "link").symlink_to(tree)
    own = FolderSettings(
        {str(tree.parent / "link" / "a"): {"quality": 50}, str(tree.parent / "link"): {"effort": "fast"}}
    )
    assert FolderRules(Settings(), own).of(str(tree / "a" / "b")) == Settings(quality=50, effort="fast")


def test_what_is_given_to_a_link_is_not_given_to_the_image_it_leads_to(tree: Path) -> None:
    (tree / "a" / "link.jpg").symlink_to(tree / "c" / "x.jpg")
    found = FolderRules(Settings(), FolderSettings({str(tree / "a" / "link.jpg"): {"quality": 50}}))
    assert found.of_image(str(tree / "c"), "x.jpg") == Settings()


def test_images_given_the_same_are_handed_out_together_also_from_a_list(tree: Path) -> None:
    names = [f"{number:03}.jpg" for number in range(200)]
    for name in names:
        (tree / "c" / name).write_bytes(b"")
    given = {str(tree / "c" / name): {"target_quality": 80, "format": "webp"} for name in names[::2]}
    own = FolderSettings.from_json(FolderSettings(given).to_json())
    chunks = [(one.settings, len(found)) for one, found in make_plan([str(tree / "c")], Settings(), own).scan()]
    assert chunks == [(Settings(target_quality=80, format="webp"), 100), (None, 101)]
    only = [str(tree / "c" / name) for name in names[:3]]
    chunks = [(one.settings, len(found)) for one, found in make_plan([str(tree)], Settings(), own, only).scan()]
    assert chunks == [(Settings(target_quality=80, format="webp"), 2), (None, 1)]


def test_a_folder_far_down_has_the_settings_from_far_above() -> None:
    found = FolderRules(Settings(), FolderSettings({"/srv": {"quality": 50}}, project_files=False))
    assert found.of("/srv" + "/d" * 2000) == Settings(quality=50)


def test_what_is_changed_by_hand_holds_against_project_files() -> None:
    loaded, changed = Settings(quality=50, long_edge=90), Settings(quality=60, effort="fast")
    assert fixed_after({"long_edge": 90, "format": "webp"}, loaded, changed) == {
        "format": "webp",
        "quality": 60,
        "effort": "fast",
    }


def test_a_preset_of_the_users_may_be_chosen_by_a_project_file(tree: Path) -> None:
    config.user_file().parent.mkdir(parents=True)
    config.user_file().write_text("[presets.shop]\nquality = 33\nworkers = 2\n")
    write(tree / "c", "preset = 'shop'\n[encode]\neffort = 'fast'\n")
    assert rules().of(str(tree / "c")) == Settings(quality=33, effort="fast")


values = st.fixed_dictionaries(
    {},
    optional={"quality": st.integers(1, 100), "effort": st.sampled_from(["fast", "small"]), "width": st.integers(1, 9)},
)
places = st.dictionaries(st.sampled_from(["/r", "/r/a", "/r/a/b", "/r/c"]), values)


@hypothesis_settings(deadline=None, max_examples=60)
@given(files=places, own=places, fixed=values, base=values)
def test_each_setting_is_that_of_the_strongest_place(
    files: dict[str, Any], own: dict[str, Any], fixed: dict[str, Any], base: dict[str, Any]
) -> None:
    """The order told in the documentation, written down a second time as a search."""

    def read(path: Path) -> FileSettings:
        return FileSettings(Layer(str(path), files.get(str(path.parent), {})), exists=True)

    rules = FolderRules(Settings(**(base | fixed)), FolderSettings(own, fixed), read)
    for folder in ("/r", "/r/a", "/r/a/b", "/r/c", "/r/c/d"):
        above = [place for place in ("/r", "/r/a", "/r/a/b", "/r/c") if f"{folder}/".startswith(f"{place}/")][::-1]
        strongest = [*(own.get(place, {}) for place in above), fixed, *(files.get(place, {}) for place in above), base]
        found = rules.of(folder)
        for name in ("quality", "effort", "width"):
            wanted = next((place[name] for place in strongest if name in place), getattr(Settings(), name))
            assert getattr(found, name) == wanted


async def result(tree: Path, settings: Settings, own: FolderSettings | None = None) -> dict[str, Any]:
    """Rows by path, and the run itself."""
    async with Run([str(tree)], settings, own) as run:
        await run.wait()
    page = await run.rows(Window(count=100))
    return {row.path: row for row in page.rows} | {"run": run}


FAST = Settings(workers=1, effort="fast", verify="quick")


async def test_each_image_is_made_with_the_settings_of_its_folder(tree: Path) -> None:
    (tree / "a" / "y.jpg").write_bytes(PICTURE)
    write(tree / "a", "[encode]\nformat = 'webp'\nquality = 30\nwidths = [64]\n")
    own = FolderSettings({str(tree / "c"): {"quality": 20}, str(tree / "a/y.jpg"): {"format": "png", "long_edge": 50}})
    rows = await result(tree, FAST, own)
    made = sorted(path.relative_to(tree / "optimized").as_posix() for path in (tree / "optimized").rglob("[a-z]*.*"))
    assert made == ["a/b/x-64.webp", "a/b/x.webp", "a/x-64.webp", "a/x.webp", "a/y.png", "c/x.jpg", "x.jpg"]
    assert [rows[path].quality for path in ("x.jpg", "a/x.jpg", "c/x.jpg", "a/y.jpg")] == [82, 30, 20, 0]


async def test_a_second_run_does_again_only_where_the_settings_of_a_folder_changed(tree: Path) -> None:
    path = write(tree / "a", "[encode]\nquality = 30\n")
    await result(tree, FAST)
    rows = await result(tree, FAST)
    assert all(rows[name].reason.startswith("done already") for name in ("x.jpg", "a/x.jpg", "a/b/x.jpg", "c/x.jpg"))
    path.write_text("[encode]\nquality = 40\n")
    rows = await result(tree, FAST)
    assert [rows[name].quality for name in ("a/x.jpg", "a/b/x.jpg")] == [40, 40]
    assert all(rows[name].reason.startswith("done already") for name in ("x.jpg", "c/x.jpg"))


async def test_images_under_a_wrong_project_file_fail_and_stay_and_the_others_are_done(tree: Path) -> None:
    path = write(tree / "a", "[encode]\nquality = 0\n")
    rows = await result(tree, FAST)
    for name in ("a/x.jpg", "a/b/x.jpg"):
        assert rows[name].reason.startswith(f"{path}: encode.quality: 0 is not allowed")
        assert rows[name].reason.endswith("--no-project-files")
    totals = rows["run"].update(-1).totals
    assert (totals.done, totals.failed) == (2, 2)
    assert not (tree / "optimized" / "a").exists()


async def test_a_detached_run_and_its_journal_have_the_settings_of_its_folders(tree: Path) -> None:
    own = FolderSettings({str(tree / "a"): {"quality": 20}}, {"effort": "fast"}, False)
    write(tree / "c", "[encode]\nquality = 1\n")
    view = await runner.launch([str(tree)], FAST, own)
    assert "1 path with settings of its own" in view.info.summary
    async for update in view.updates():
        last = update
    rows = {row.path: row for row in (await view.rows(Window(count=100))).rows}
    await view.close()
    assert last.totals.done == 4
    assert [rows[name].quality for name in ("x.jpg", "a/x.jpg", "c/x.jpg")] == [82, 20, 82]
    import asyncio

    [past] = await asyncio.to_thread(history.past_runs)
    assert past.own == own
    assert Settings().with_values(past.settings) == FAST
