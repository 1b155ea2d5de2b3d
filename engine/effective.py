"""Every setting as it holds for a run or for one image, where it comes from, and which files had a say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.config import PROJECT_FILE, layers_of, project_file, resolved, user_file
from engine.errors import ConfigError, Problem
from engine.folder_settings import FolderRules, own_settings
from engine.formats import Format
from engine.layers import COMMAND_LINE, Layer, Options, Origin, Resolved, resolve
from engine.schema import Setting
from engine.settings import SCHEMA, WEB_PRESET
from engine.settings_file import FileSettings, read_project, read_settings

__all__ = ["Effective", "SettingsFile", "effective", "file_at", "files_for", "problems_of", "resolved_for"]

_LOSSY = {f"quality_{format}": format for format in (Format.JPEG, Format.WEBP, Format.AVIF)}


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting."""

    entry: Setting
    value: object
    """None where it is not set."""
    origin: Origin
    place: str = ""
    """The file or the option; of a preset, what chose it; empty where nobody said anything."""
    preset: str = ""
    """Its name."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that settings are read from, or would be if it were there."""

    path: Path
    kind: Origin
    found: FileSettings

    @property
    def note(self) -> str:
        """Why nothing of it counts; empty when it does."""
        if not self.found.exists:
            return "does not exist"
        return "belongs to somebody else, so it is not used" if self.found.foreign else ""


def resolved_for(options: Options, path: str | None = None) -> Resolved:
    """The settings of an invocation; with ``path`` those of that image, or of the images in that folder. Raises
    ConfigError for settings with problems and for a path that is not there."""
    found = resolved(options)
    if path is None:
        return found
    folder, image = _place(path)
    rules, notes = FolderRules(found, own_settings(options, found)), list(found.notes)
    rules.note = notes.append
    here = rules.resolved_image(folder, image) if image else rules.resolved(folder)
    return Resolved(here.settings, here.origin, tuple(dict.fromkeys(notes)))


def _place(path: str) -> tuple[str, str]:
    """The folder without links on its way, and the image in it; no image for a folder. Raises ConfigError."""
    if not path or "\0" in path or not os.path.lexists(path):
        raise ConfigError((Problem(COMMAND_LINE, "PATH", f"{path}: no such file or folder"),))
    if os.path.isdir(path):
        return os.path.realpath(path), ""
    folder, image = os.path.split(os.path.abspath(path))
    return os.path.realpath(folder), image


def files_for(options: Options, path: str | None = None) -> list[SettingsFile]:
    """The files of an invocation, the nearest last: the user's, the project's, and those of the folders above the
    image or folder ``path``, of which only those there are. Raises ConfigError for a path that is not there."""
    if options.config is not None:
        return [SettingsFile(options.config, Origin.FILE, read_settings(options.config, required=True))]
    files = [SettingsFile(user_file(), Origin.USER_FILE, read_settings(user_file()))]
    if not options.project_files:
        return files
    working = project_file()
    files.append(SettingsFile(working, Origin.PROJECT_FILE, read_project(working)))
    above = _upwards(_place(path)[0]) if path is not None else ()
    other = [each / PROJECT_FILE for each in above if each / PROJECT_FILE != working]
    found = (SettingsFile(each, Origin.PROJECT_FILE, read_project(each)) for each in reversed(other))
    return files + [file for file in found if file.found.exists]


def _upwards(folder: str) -> tuple[Path, ...]:
    return (Path(folder), *Path(folder).parents)


def effective(found: Resolved) -> Iterator[Effective]:
    """All settings in the order of the schema. The quality of a lossy format that nothing decides is that of the
    preset web, as when it is encoded."""
    settings = found.settings
    decided = settings.quality is not None or settings.target_quality is not None or settings.lossless
    for entry in SCHEMA:
        value, layer = getattr(settings, entry.name), found.origin.get(entry.name)
        if value is None and entry.name in _LOSSY and not decided:
            yield Effective(entry, WEB_PRESET[_LOSSY[entry.name]], Origin.PRESET, preset="web")
        elif layer is None:
            yield Effective(entry, value, Origin.DEFAULT)
        elif layer.kind is Origin.PRESET:
            yield Effective(entry, value, layer.kind, layer.by, layer.source.split()[-1])
        elif layer.kind is Origin.OPTION:
            yield Effective(entry, value, layer.kind, layer.key(entry.name))
        else:
            ours = layer.source == str(user_file())
            yield Effective(entry, value, Origin.USER_FILE if ours else layer.kind, layer.source)


def problems_of(file: SettingsFile) -> tuple[Problem, ...]:
    """Everything that is wrong with a file by itself. One of somebody else has no say, so nothing is wrong with it."""
    if file.found.foreign:
        return ()
    own = read_settings(user_file()).presets if file.kind is Origin.PROJECT_FILE else {}
    try:
        resolve(*layers_of([FileSettings(Layer(""), presets=own), file.found], Options({}, {})))
    except ConfigError as error:
        return error.problems
    return ()


def file_at(path: Path, text_of: Path | None = None) -> SettingsFile:
    """A settings file by its name: one called as project files are is one. ``text_of``: where its text is, if it is
    to be judged before it is written."""
    project = path.name == PROJECT_FILE
    found = read_settings(text_of or path, required=True, project=project)
    return SettingsFile(path, Origin.PROJECT_FILE if project else Origin.FILE, found)
