"""Settings of single folders: those written there in a project file, and those that somebody gave them.

    the run's settings < project files < --preset and options < given to a folder or an image

Of several project files, and of several that were given, the nearest one to the image wins.

A project file holds for the images in its folder and below, also when only a part of that is run. It can come with
somebody else's pictures: of it only [encode] counts here, and only if it belongs to the user or to root.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.config import PROJECT_FILE, foreign, user_file
from engine.errors import ConfigError, Problem
from engine.extras import missing_for_lossless, wrong_target
from engine.layers import COMMAND_LINE, Layer, Options, Origin, Resolved, resolve
from engine.settings import SCHEMA, Settings, setting
from engine.settings_file import PRESET, FileSettings, read_project, read_settings
from engine.stock_presets import chosen

__all__ = [
    "FolderRules",
    "FolderSettings",
    "fixed_after",
    "own_settings",
    "with_folders",
    "without_folders",
]

SECTION = "encode"
"""What a folder can have settings of its own for."""
RUN = "this run"
"""The source of what the whole run has."""
FOLDERS = "folders"
"""Where a kept value of settings has those of single folders; no setting is called that."""
CACHED = 4096
"""Folders whose settings are kept; a scan comes back only to those it is inside of, and others can be read again."""


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """What a run is told of settings that do not hold for all of it."""

    given: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Absolute path of a folder or an image → settings by field name, in the form a file holds."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """What was said for the whole run by preset, option or form, which no project file changes; the same form."""
    project_files: bool = True
    """Whether project files in folders are read."""

    def to_json(self) -> dict[str, Any]:
        """For the runner and the journal."""
        given = {path: dict(values) for path, values in self.given.items()}
        return {"given": given, "fixed": dict(self.fixed), "projectFiles": self.project_files}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FolderSettings:
        """The reverse of ``to_json``; an empty value is that of a run without any."""
        return cls(value.get("given", {}), value.get("fixed", {}), value.get("projectFiles", True))


def own_settings(options: Options, found: Resolved) -> FolderSettings:
    """What an invocation whose settings are ``found`` says of those of single folders."""
    names = (n for n, layer in found.origin.items() if layer.kind is Origin.OPTION or layer.by == COMMAND_LINE)
    fixed = {name: setting(name).to_file(getattr(found.settings, name)) for name in names}
    return FolderSettings({}, fixed, options.project_files and options.config is None)


def with_folders(settings: Mapping[str, object], own: FolderSettings | None) -> dict[str, object]:
    """The settings of a run as one value that is kept with it."""
    return dict(settings) if own is None else {**settings, FOLDERS: own.to_json()}


def without_folders(value: Mapping[str, Any]) -> tuple[dict[str, Any], FolderSettings]:
    """The two parts of it."""
    settings = {name: each for name, each in value.items() if name != FOLDERS}
    return settings, FolderSettings.from_json(value.get(FOLDERS, {}))


def fixed_after(
    fixed: Mapping[str, object], before: Settings, after: Settings, said: Collection[str] = ()
) -> dict[str, object]:
    """``fixed`` once somebody turned the settings of a run from ``before`` to ``after`` by hand, and ``said`` some of
    them also where nothing was to be turned."""
    changed = [e for e in SCHEMA if e.name in said or getattr(before, e.name) != getattr(after, e.name)]
    kept = {name: value for name, value in fixed.items() if name not in {entry.name for entry in changed}}
    pairs = ((entry, getattr(after, entry.name)) for entry in changed)
    return kept | {entry.name: entry.to_file(value) for entry, value in pairs if value is not None}


@dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    """What holds from some folder on down, until another one says otherwise."""

    files: tuple[Layer, ...]
    given: tuple[Layer, ...]
    problems: tuple[Problem, ...]
    resolved: Resolved


class FolderRules:
    """Finds the settings of each folder of one run; reads project files when it comes by."""

    def __init__(
        self,
        base: Settings | Resolved,
        wanted: FolderSettings,
        read: Callable[[Path], FileSettings] = read_project,
    ) -> None:
        """``base`` are the settings of the whole run; ``read`` reads project files. Raises ConfigError for given
        settings that are not allowed."""
        self._base = base if isinstance(base, Resolved) else Resolved(base, {})
        self._wanted = wanted
        self._read = read
        self._given = _by_place(wanted.given)
        self._holders = {os.path.dirname(path) for path in self._given}
        self.note: Callable[[str], None] = lambda line: None
        """Is told of a project file that is ignored, once."""
        self._scopes: dict[str, _Scope] = {}
        self._laid: dict[tuple[_Scope, int], Resolved] = {}
        """By what holds in a folder, and which values lie over it."""

    def read_again(self) -> None:
        """Project files may have changed: what was read of them is forgotten."""
        self._scopes.clear()
        self._laid.clear()

    def of(self, folder: str) -> Settings:
        """The settings of the images in ``folder``, an absolute path without links; the same object where nothing
        differs. Raises ConfigError when a project file that holds there has problems."""
        return self.resolved(folder).settings

    def resolved(self, folder: str) -> Resolved:
        """As ``of``, with where each value comes from."""
        scope = self._scope(folder)
        if scope.problems:
            raise ConfigError(scope.problems)
        return scope.resolved

    def of_image(self, folder: str, name: str) -> Settings:
        """The settings of one image of a folder, whose own are known to be sound."""
        return self.resolved_image(folder, name).settings

    def resolved_image(self, folder: str, name: str) -> Resolved:
        """As ``of_image``, with where each value comes from."""
        scope = self._scope(folder)
        layer = self._given.get(os.path.join(folder, name))
        if layer is None:
            return scope.resolved
        key = scope, id(layer.values)
        if key not in self._laid:
            self._laid[key] = self._lay(scope.files, (*scope.given, layer))
        return self._laid[key]

    def has_images(self, folder: str) -> bool:
        """Whether an image of this folder may have settings of its own."""
        return folder in self._holders

    def _scope(self, folder: str) -> _Scope:
        """From the nearest known folder down."""
        down: list[str] = []
        while folder not in self._scopes:
            down.append(folder)
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above
        scope = self._scopes.get(folder) or _Scope((), (), (), self._base)
        if len(self._scopes) > CACHED:
            self._scopes.clear()
            self._laid.clear()
        for each in reversed(down):
            scope = self._scopes[each] = self._below(scope, each)
        return scope

    def _below(self, parent: _Scope, folder: str) -> _Scope:
        """What holds from ``folder`` on, where ``parent`` holds above it."""
        files, problems = self._written(folder) if self._wanted.project_files else ((), ())
        given = (self._given[folder],) if folder in self._given else ()
        if not files and not given and not problems:
            return parent
        files, given = (*parent.files, *files), (*parent.given, *given)
        problems = (*parent.problems, *problems)
        try:
            return _Scope(files, given, problems, self._lay(files, given))
        except ConfigError as error:
            return _Scope(files, given, tuple(dict.fromkeys((*problems, *error.problems))), parent.resolved)

    def _written(self, folder: str) -> tuple[tuple[Layer, ...], tuple[Problem, ...]]:
        """The layers of a folder's project file, and what is wrong with it."""
        path = Path(folder, PROJECT_FILE)
        file = self._read(path)
        if not file.exists:
            return (), ()
        if file.foreign:
            self.note(foreign(path))
            return (), ()
        layers, problems = [file.layer], list(file.problems)
        if file.preset:
            below, unknown = chosen(file.preset, read_settings(user_file()).presets, str(path), PRESET)
            layers.insert(0, below)
            problems += unknown
        return tuple(map(_of_images, layers)), tuple(problems)

    def _lay(self, files: tuple[Layer, ...], given: tuple[Layer, ...]) -> Resolved:
        """The run's settings with these over them. Raises ConfigError."""
        base = self._base.settings
        whole = {entry.name: entry for entry in SCHEMA if entry.section != SECTION}
        own = base.to_json()
        fixed = Layer(RUN, {**{name: value for name, value in own.items() if name in whole}, **self._wanted.fixed})
        found = resolve([Layer(RUN, own), *files, fixed, *given])
        settings = replace(found.settings, **{name: getattr(base, name) for name in whole})
        if wrong := (settings.lossless and missing_for_lossless()) or wrong_target(settings):
            raise ConfigError((Problem((*files, *given)[-1].source, SECTION, wrong),))
        before = self._base.origin
        said = {name: before.get(name) if layer.source == RUN else layer for name, layer in found.origin.items()}
        return Resolved(settings, {name: layer for name, layer in said.items() if layer is not None})


def _by_place(given: Mapping[str, Mapping[str, object]]) -> dict[str, Layer]:
    """Layers by path, with links resolved as a scan does: those on the way, and one to a folder, which may be a root.
    Equal values are one object."""
    layers: dict[str, Layer] = {}
    same: dict[str, Mapping[str, object]] = {}
    problems: list[Problem] = []
    known = {entry.name for entry in SCHEMA if entry.section == SECTION}
    for path, values in given.items():
        problems += [
            Problem(path, name, f"cannot be given to a folder; only settings of [{SECTION}] can")
            for name in values
            if name not in known
        ]
        parent, name = os.path.split(os.path.abspath(path))
        wanted = {name: values[name] for name in sorted(known & set(values))}
        layer = Layer(path, same.setdefault(repr(wanted), wanted))
        layers[os.path.join(os.path.realpath(parent), name)] = layer
        if os.path.isdir(path):
            layers[os.path.realpath(path)] = layer
    if problems:
        raise ConfigError(tuple(problems))
    for layer in layers.values():
        resolve([layer])
    return layers


def _of_images(layer: Layer) -> Layer:
    """What a project file says of images; the rest is for the whole run, and only the working directory's file says
    it."""
    values = {name: value for name, value in layer.values.items() if setting(name).section == SECTION}
    return replace(layer, values=values)
