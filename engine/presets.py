"""Named presets: those that come with the program, and the user's own in ``[presets.NAME]`` of the user file.

A preset has the keys of all sections, without the section. One of the user's takes the place of a built-in one of the
same name. ``config.py`` says what lies over what when settings are resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import user_file
from engine.config_write import change, preset_changes, preset_values
from engine.errors import ConfigError, Problem
from engine.layers import Layer, resolve
from engine.settings import Settings
from engine.settings_file import NAME_RULE, PRESETS, FileSettings, is_preset_name, read_settings
from engine.stock_presets import STOCK, chosen

__all__ = ["Preset", "apply", "delete", "presets", "save", "save_values"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset to choose from."""

    name: str
    values: Mapping[str, object]
    """By field name of ``Settings``, in the form that a file holds."""
    own: bool
    """Whether the user defined it."""
    help: str = ""
    """What a built-in one is for; empty for the user's."""


def _own(path: Path | None) -> FileSettings:
    return read_settings(path or user_file())


def presets(path: Path | None = None) -> list[Preset]:
    """All presets, the built-in ones first. Raises ConfigError when the user's file has problems."""
    file = _own(path)
    if file.problems:
        raise ConfigError(file.problems)
    mine = {name: Preset(name, layer.values, True) for name, layer in file.presets.items()}
    stock = [Preset(each.name, each.values, False, each.help) for each in STOCK if each.name not in mine]
    return [*stock, *mine.values()]


def apply(name: str, settings: Settings, path: Path | None = None) -> Settings:
    """``settings`` with the preset over them. Raises ConfigError for one that is not there or has problems."""
    file = _own(path)
    if file.problems:
        raise ConfigError(file.problems)
    layer, unknown = chosen(name, file.presets, str(path or user_file()), PRESETS)
    return resolve([Layer("", settings.to_json()), layer], unknown).settings


def save(name: str, settings: Settings, path: Path | None = None) -> Path:
    """Save how ``settings`` make images as the user's preset ``name``, in place of one of that name; returns the file.

    Raises ConfigError for a name that is not allowed, settings that contradict each other or a file that cannot be
    read, OSError when it cannot be written.
    """
    return save_values(name, preset_values(settings), path)


def save_values(name: str, values: Mapping[str, Any], path: Path | None = None) -> Path:
    """``save`` with chosen values, by field name of ``Settings`` in the form that a file holds."""
    path = path or user_file()
    if not is_preset_name(name):
        raise ConfigError((Problem(str(path), PRESETS, f"{name!r:.60} cannot be the name of a preset; {NAME_RULE}"),))
    resolve([Layer(f"preset {name}", values)])
    change(path, preset_changes(name, values))
    return path


def delete(name: str, path: Path | None = None) -> None:
    """Remove a preset of the user's; raises ConfigError when there is none, OSError when it cannot be written."""
    path = path or user_file()
    if name not in read_settings(path).presets:
        raise ConfigError((Problem(str(path), PRESETS, f"there is no preset {name!r:.60} of yours to delete"),))
    change(path, preset_changes(name, None))
