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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file, with a preset in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "imgopt-tui" / "config.toml"
    path.parent.mkdir()
    path.write_text("[presets.shop]\nformat = 'webp'\ntarget_quality = 75\n")
    return path


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (160, 48)])
async def test_a_preset_is_chosen_by_what_it_changes_and_the_next_one_takes_its_place(
    shop: Path, size: tuple[int, int]
) -> None:
    async with opened(attach=False, settings=Settings(effort="small", metadata="keep"), size=size) as it:
        await it.pilot.press("o", "p")
        await it.until_text("web", "archive", "thumbnails", "shop", "yours", "quality_jpeg", "not set → 82")
        await it.pilot.press("G")
        await it.until_text("format", "original → webp", "target_quality", "not set → 75")
        await it.pilot.press("enter")
        form = it.app.screen.query_one(SettingList)
        await it.until(lambda: form.draft.format == "webp")
        await it.pilot.press("p")
        await it.until_text("Start from a preset")
        await it.pilot.press("down", "down")
        await it.until_text("long_edge", "not set → 320", "webp → original")
        await it.pilot.press("enter", "a")
        await it.until(lambda: it.app.settings.long_edge)
        thumbnails = {"long_edge": 320, "quality_jpeg": 75, "quality_webp": 75, "quality_avif": 55}
        assert it.app.settings == Settings(effort="small").with_values(thumbnails)
        assert it.app.own.fixed == {**thumbnails, "metadata": "strip"}


async def test_what_a_preset_says_holds_against_project_files_also_where_it_changed_nothing(shop: Path) -> None:
    shop.write_text("[presets.shop]\neffort = 'balanced'\n")
    async with opened(attach=False) as it:
        await it.pilot.press("o", "p", "G")
        await it.until_text("nothing: the settings are like that")
        await it.pilot.press("enter", "a")
        await it.until(lambda: it.app.own.fixed)
        assert it.app.own.fixed == {"effort": "balanced"}


async def test_a_settings_file_that_is_wrong_is_a_sentence_where_presets_are_asked_for(shop: Path) -> None:
    shop.write_text("[presets.shop]\nquality = 0\n")
    async with opened(attach=False, settings=Settings(width=800, long_edge=900)) as it:
        await it.pilot.press("o", "p")
        await it.until_text("contradict each other")
        await it.pilot.press("escape")
    async with opened(attach=False) as it:
        await it.pilot.press("o", "p")
        await it.until_text("The presets cannot be read", "presets.shop.quality")
