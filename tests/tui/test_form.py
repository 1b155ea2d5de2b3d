from pathlib import Path

import pytest

from engine.config_write import save
from engine.folder_settings import FolderSettings
from engine.settings import SCHEMA, Kind, Settings
from tests.engine.test_config import load
from tests.tui.driving import opened
from tui.form import IN_PLACE_WARNING, SettingList, explain, problem
from tui.parts import text_of


async def test_the_form_has_a_line_for_every_setting() -> None:
    async with opened(attach=False) as it:
        await it.pilot.press("o")
        await it.until_text("Settings of the next run")
        listing = it.app.screen.query_one(SettingList)
        shown = []
        for _ in range(len(SCHEMA)):
            assert listing.entry.name in it.text
            shown.append(listing.entry.name)
            await it.pilot.press("down")
        assert shown == [entry.name for entry in SCHEMA]


@pytest.mark.parametrize("entry", [entry for entry in SCHEMA if entry.high], ids=lambda entry: str(entry.name))
def test_a_bad_value_is_answered_with_the_allowed_range(entry: object) -> None:
    from engine.settings import Setting

    assert isinstance(entry, Setting)
    assert entry.allowed in problem(entry, "-5")
    assert entry.allowed in problem(entry, "many")
    assert problem(entry, "" if entry.optional else entry.show(entry.default)) == ""


@pytest.mark.parametrize("entry", SCHEMA, ids=lambda entry: str(entry.name))
def test_every_setting_explains_itself_and_its_values(entry: object) -> None:
    from engine.settings import Setting

    assert isinstance(entry, Setting)
    lines = " ".join(text_of(line).strip() for line in explain(entry, Settings(), str, 200))
    assert entry.help in lines
    assert entry.allowed in lines


async def test_typed_values_apply_to_the_next_run() -> None:
    async with opened(attach=False) as it:
        await it.pilot.press("o", "enter", *"777", "enter")
        await it.until_text("is not allowed: use a whole number from 1 to 100")
        await it.pilot.press("backspace", "enter")
        await it.until_text("77 ")
        await it.pilot.press("a")
        await it.until(lambda: it.app.settings.quality == 77)


async def test_a_run_is_told_what_was_changed_by_hand_and_what_was_tuned_for_folders() -> None:
    own = FolderSettings({}, {"effort": "fast"}, False)
    async with opened(attach=False, own=own) as it:
        await it.pilot.press("o", "enter", *"77", "enter", "a")
        await it.until(lambda: it.app.settings.quality == 77)
        it.app.tuned.apply(["/srv/media/2026/a"], {"target_quality": 80})
        await it.pilot.press("r")
        await it.until(lambda: it.own)
        given = {"/srv/media/2026/a": {"target_quality": 80}}
        assert it.own == [FolderSettings(given, {"effort": "fast", "quality": 77}, False)]


async def test_in_place_warns_and_asks_again_before_the_run() -> None:
    async with opened(attach=False) as it:
        await it.pilot.press("o")
        listing = it.app.screen.query_one(SettingList)
        while listing.entry.name != "in_place":
            await it.pilot.press("down")
        await it.until_text(IN_PLACE_WARNING[:40])
        await it.pilot.press("space", "a", "r")
        await it.until_text("Replace originals?")
        await it.pilot.press("enter")
        assert it.started == []
        await it.pilot.press("r", "down", "enter")
        await it.until(lambda: it.started)


async def test_contradicting_settings_cannot_be_applied() -> None:
    async with opened(attach=False, settings=Settings(width=800, long_edge=900)) as it:
        await it.pilot.press("o", "a")
        await it.until_text("width and long_edge contradict each other")
        assert it.app.screen.query_one(SettingList).entry.kind is Kind.WHOLE


async def test_save_writes_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with opened(attach=False) as it:
        await it.pilot.press("o", "enter", *"81", "enter", "w")
        await it.until_text("saved to")
    assert ["81" in file.read_text() for file in [*tmp_path.rglob("*.toml")]] == [True]


async def test_save_keeps_what_another_program_has_saved_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with opened(attach=False) as it:
        await it.until(lambda: it.app.saved.ready)
        save(Settings(workers=3, quality=20))
        await it.pilot.press("o", "enter", *"81", "enter", "w")
        await it.until_text("saved to")
        assert load() == Settings(workers=3, quality=81)
        save(Settings(workers=5, quality=70))
        await it.pilot.press("o", "down", "enter", *"66", "enter", "w")
        await it.until(lambda: load().quality_jpeg == 66)
        assert load() == Settings(workers=5, quality=70, quality_jpeg=66)
