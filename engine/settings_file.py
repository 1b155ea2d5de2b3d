"""Reading one settings file by the schema: its sections, the preset it chooses, the presets it defines.

A project file can come with somebody else's pictures, so it sets no paths and nothing that must be asked for each time,
and it defines no presets.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.conflicts import conflicts
from engine.errors import Problem
from engine.layers import Layer, Origin
from engine.nearest import did_you_mean
from engine.settings import SCHEMA, Kind, Setting, Settings

__all__ = [
    "PRESET",
    "PRESETS",
    "FileSettings",
    "Unreadable",
    "is_preset_name",
    "read_document",
    "read_project",
    "read_settings",
]

MAX_FILE_BYTES = 1024 * 1024
"""A larger settings file is refused unread."""
PRESET = "preset"
"""The key that chooses a preset."""
PRESETS = "presets"
"""The table of presets: ``[presets.NAME]``."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
NAME_RULE = "a name is made of up to 40 letters, digits, - and _"


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a settings file says."""

    layer: Layer
    preset: str = ""
    """The preset that its own values lie upon; empty for none."""
    presets: Mapping[str, Layer] = field(default_factory=dict)
    exists: bool = False
    foreign: bool = False
    """Whether it belongs to somebody else, so that nothing of it is used."""
    problems: tuple[Problem, ...] = ()
    """Values of ``layer`` are not checked yet, those of ``presets`` are."""


class Unreadable(Exception):
    """A file that is there and cannot be read as TOML; ``str`` is the reason."""


def is_preset_name(name: str) -> bool:
    """Whether a preset may be called that."""
    return _NAME.fullmatch(name) is not None


def read_document(path: Path) -> tuple[str, dict[str, Any]] | None:
    """A TOML file's text and what it holds; None when there is no such file. Raises Unreadable."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise Unreadable("is larger than 1 MiB; a settings file is not")
        text = raw.decode("utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)[:200]
        raise Unreadable(f"cannot be read: {reason}") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file to read; one that is no regular file (a pipe would wait for a writer) is an OSError."""
    fd = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")
    return fd


def read_settings(path: Path, *, required: bool = False, project: bool = False) -> FileSettings:
    """Read one settings file by the schema; a missing one is empty unless ``required``. Never raises."""
    source = str(path)
    try:
        found = read_document(path)
    except Unreadable as error:
        return FileSettings(Layer(source), exists=True, problems=(Problem(source, "", str(error)),))
    if found is None:
        missing = (Problem(source, "", "does not exist"),) if required else ()
        return FileSettings(Layer(source), problems=missing)
    return _Reader(source, project).read(found[1])


def read_project(path: Path) -> FileSettings:
    """Read a project file, unless it belongs to neither the user nor root: it can come with somebody else's pictures.
    Never raises."""
    try:
        foreign = os.lstat(path).st_uid not in (os.getuid(), 0)
    except OSError:
        return FileSettings(Layer(str(path)))
    return FileSettings(Layer(str(path)), exists=True, foreign=True) if foreign else read_settings(path, project=True)


class _Reader:
    """Collects values and problems of one document."""

    def __init__(self, source: str, project: bool) -> None:
        self._source = source
        self._project = project
        self._problems: list[Problem] = []

    def read(self, document: Mapping[str, Any]) -> FileSettings:
        values: dict[str, object] = {}
        preset, presets = "", {}
        sections = sorted({entry.section for entry in SCHEMA})
        for section, table in document.items():
            if section == PRESET:
                preset = self._preset(table)
            elif section == PRESETS and not self._project and isinstance(table, Mapping):
                presets = {name: layer for name, body in table.items() if (layer := self._defined(name, body))}
            elif section in sections and isinstance(table, Mapping):
                values |= self._section(section, table)
            elif section == PRESETS:
                self._refuse(section, "presets are defined by [presets.NAME] in the user file")
            else:
                self._refuse(section, f"is not a section; sections are {', '.join([*sections, PRESETS])}")
        kind = Origin.PROJECT_FILE if self._project else Origin.FILE
        layer = Layer(self._source, values, {entry.name: entry.key for entry in SCHEMA}, kind)
        return FileSettings(layer, preset, presets, True, problems=tuple(self._problems))

    def _refuse(self, key: str, message: str) -> None:
        self._problems.append(Problem(self._source, key, message))

    def _preset(self, value: object) -> str:
        if isinstance(value, str) and is_preset_name(value):
            return value
        self._refuse(PRESET, f"{value!r:.60} is not the name of a preset; {NAME_RULE}")
        return ""

    def _section(self, section: str, table: Mapping[str, object]) -> dict[str, object]:
        here = {entry.name: entry for entry in SCHEMA if entry.section == section}
        values = {}
        for name, value in table.items():
            refusal = _refusal(
                here.get(name),
                f"{did_you_mean([name], here)}; [{section}] has {', '.join(here)}",
                project=self._project,
            )
            if refusal:
                self._refuse(f"{section}.{name}", refusal)
            else:
                values[name] = value
        return values

    def _defined(self, name: str, table: object) -> Layer | None:
        """A preset whose values are all allowed; None when one is not."""
        place = f"{PRESETS}.{name}"
        if not is_preset_name(name) or not isinstance(table, Mapping):
            self._refuse(place, f"is no preset; write [{PRESETS}.NAME] and settings below it; {NAME_RULE}")
            return None
        before, parsed = len(self._problems), {}
        known = {entry.name: entry for entry in SCHEMA}
        for key, value in table.items():
            entry = known.get(key)
            if refusal := _refusal(
                entry,
                f"{did_you_mean([key], known)}; a preset has the keys of all sections, without the section",
                project=False,
            ):
                self._refuse(f"{place}.{key}", refusal)
            elif entry is not None:
                try:
                    parsed[key] = entry.parse(value)
                except ValueError as error:
                    self._refuse(f"{place}.{key}", str(error))
        for left, right in conflicts(Settings(**parsed)):
            self._refuse(f"{place}.{right}", f"cannot be set together with {left}; give one of them")
        keys = {key: f"{place}.{key}" for key in table}
        return Layer(self._source, dict(table), keys) if len(self._problems) == before else None


def _refusal(entry: Setting | None, known: str, *, project: bool) -> str:
    if entry is None:
        return f"is no setting{known}"
    if not entry.in_files:
        return f"can only be given on the command line ({entry.flags[-1]})"
    if project and entry.kind is Kind.PATH:
        return "cannot be set by a project file; put it in the user file or on the command line"
    return ""
