"""Promises about a settings file that several programs save to at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from engine import config_write
from engine.config_write import alone, change
from engine.conflicts import conflicts
from engine.presets import presets, save_values
from engine.settings import SCHEMA, Settings
from engine.user_file import UserFile, merged
from tests.engine.test_config import load, project, savable

__all__ = ["project"]


def test_a_save_changes_what_was_changed_and_keeps_what_others_saved(project: Path) -> None:
    one, two = UserFile(), UserFile()
    one.read()
    two.read()
    one.save(Settings(quality=50, workers=2))
    two.save(Settings(memory_limit=2**30))
    assert load() == Settings(quality=50, workers=2, memory_limit=2**30)
    one.save(Settings(workers=4))  # quality is taken back, workers are changed once more
    assert load() == Settings(workers=4, memory_limit=2**30)


def test_what_contradicts_what_others_saved_takes_its_place(project: Path) -> None:
    one, two = UserFile(), UserFile()
    one.read()
    two.read()
    one.save(Settings(width=100, effort="small"))
    two.save(Settings(long_edge=300))
    assert load() == Settings(long_edge=300, effort="small")


def test_a_preset_that_others_chose_or_defined_stays(project: Path) -> None:
    file = UserFile()
    file.read()
    save_values("mine", {"quality": 33})
    change(load_path(), {(): {"preset": "archive"}})
    before = load()
    file.save(Settings(workers=7))
    assert load() == before.with_values({"workers": 7})
    assert "mine" in [preset.name for preset in presets()]


def load_path() -> Path:
    from engine.config import user_file

    return user_file()


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(now=savable(), since=savable(), mine=savable())
def test_the_sum_of_two_is_free_of_contradictions_and_has_all_that_was_changed(
    now: Settings, since: Settings, mine: Settings
) -> None:
    both = merged(now, since, mine)
    assert not conflicts(both)
    for entry in SCHEMA:
        if entry.in_files:
            one, other = getattr(mine, entry.name), getattr(both, entry.name)
            assert other in (one, getattr(now, entry.name))
            assert other == one or one == getattr(since, entry.name)


def test_two_programs_never_write_at_the_same_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Semaphore(0)
    monkeypatch.setattr(time, "sleep", lambda seconds: looks.release())
    writer = threading.Thread(target=change, args=(load_path(), {("run",): {"workers": 3}}))
    with alone(load_path()):
        writer.start()
        assert looks.acquire(timeout=20), "it did not wait"
        change(load_path(), {("run",): {"workers": 2, "batch_size": 10}})
        assert load() == Settings(workers=2, batch_size=10)
    writer.join(20)
    assert load() == Settings(workers=3, batch_size=10)


def test_a_program_that_never_ends_its_write_is_a_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_write, "WAIT_SECONDS", 0.0)
    held, told = threading.Event(), threading.Event()

    def hold() -> None:
        with alone(load_path()):
            held.set()
            told.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    with pytest.raises(OSError, match="another program is writing settings"):
        UserFile().save(Settings(workers=1))
    told.set()
    holder.join(20)
