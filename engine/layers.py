"""Settings from several places, one over the other: what is said nearer wins. Pure: files are read elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.conflicts import CONFLICTS, conflicts, is_set
from engine.errors import ConfigError, Problem
from engine.settings import Settings, setting

__all__ = ["COMMAND_LINE", "Layer", "Options", "Origin", "Resolved", "laid_over", "resolve"]

COMMAND_LINE = "command line"
QUALITIES = ("quality_jpeg", "quality_webp", "quality_avif")
"""What ``quality`` takes back where they were said further away."""
COMPANIONS = {"target_quality": ("worst_tile", "min_quality", "max_quality")}
"""Settings that say nothing without another one: they go with it."""


class Origin(StrEnum):
    """What kind of place a value comes from."""

    DEFAULT = "default"
    USER_FILE = "user file"
    PROJECT_FILE = "project file"
    FILE = "settings file"
    """Any other one, such as that of ``--config``."""
    PRESET = "preset"
    OPTION = "command line"


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place, not yet checked."""

    source: str
    """A file's path, ``preset NAME`` or ``command line``."""
    values: Mapping[str, object] = field(default_factory=dict)
    """By field name of ``Settings``."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Field name → what it is called in that place, for messages."""
    kind: Origin = Origin.FILE
    by: str = ""
    """Of a preset, who chose it: a file's path or ``command line``."""

    def key(self, name: str) -> str:
        """What a setting is called here."""
        return self.keys.get(name, name)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of settings."""

    values: Mapping[str, object]
    """By field name of ``Settings``, not yet checked."""
    flags: Mapping[str, str]
    """Field name → the option."""
    preset: str | None = None
    config: Path | None = None
    """The file that replaces all others; None for the user's and the project's."""
    project_files: bool = True
    """Whether project files are read, the one in the working directory and those beside the images."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings, and where each comes from."""

    settings: Settings
    origin: Mapping[str, Layer]
    """By field name; what is missing has its default."""
    notes: tuple[str, ...] = ()
    """What to tell of files that were not used."""


def resolve(layers: Sequence[Layer], problems: Sequence[Problem] = ()) -> Resolved:
    """Check values and lay them over each other, later layers win; raises ConfigError with every problem, those
    found before included."""
    found = list(problems)
    values: dict[str, Any] = {}
    origin: dict[str, Layer] = {}
    for layer in layers:
        for name, value in layer.values.items():
            try:
                values[name] = setting(name).parse(value)
                origin[name] = layer
            except ValueError as error:
                found.append(Problem(layer.source, layer.key(name), str(error)))
        for name in _overridden(layer, values, origin):
            values.pop(name, None)
    settings = Settings(**values)
    for left, right in conflicts(settings):
        layer = origin[right]
        message = f"cannot be set together with {origin[left].key(left)}; give one of them"
        found.append(Problem(layer.source, layer.key(right), message))
    if found:
        raise ConfigError(tuple(found))
    return Resolved(settings, {name: origin[name] for name in values})


def laid_over(settings: Settings, values: Mapping[str, object]) -> Settings:
    """``settings`` with these values over them, which take back what excludes them; raises ConfigError."""
    return resolve([Layer("", settings.to_json()), Layer("", values)]).settings


def _overridden(layer: Layer, values: Mapping[str, object], origin: Mapping[str, Layer]) -> list[str]:
    """What ``layer`` takes back although it does not name it: settings of layers below that exclude one of its own,
    and those that say nothing without these."""

    def sets(names: Sequence[str]) -> bool:
        return any(origin.get(name) is layer and is_set(name, values.get(name)) for name in names)

    below = [
        name
        for mine, others in _pairs()
        if sets(mine)
        for name in others
        if name in values and origin.get(name) is not layer
    ]
    lonely = [other for name in below for other in COMPANIONS.get(name, ()) if origin.get(other) is not layer]
    return below + lonely


def _pairs() -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    for left, right in CONFLICTS:
        yield left, right
        yield right, left
    yield ("quality",), QUALITIES
