"""Roots to images: scan, choose output paths, find collisions before anything is written. Streamed folder by folder.

A folder is listed whole before its first image is handed out, because two sources that would get the same output name
always lie in one folder: then all of them get their full name with the new extension added (``a.png`` and ``a.jpg`` →
``a.png.webp`` and ``a.jpg.webp``), except one whose own name is the output name already.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from os.path import join
from typing import Any

from engine import folders, temps
from engine.backup import AREA
from engine.catalog import Folder
from engine.errors import ConfigError, PlanError
from engine.extent import Extent
from engine.extras import missing_for_lossless, wrong_target
from engine.flat import FlatNames
from engine.folder_settings import FolderRules, FolderSettings
from engine.formats import Format, looks_like_image
from engine.job import Recipe
from engine.names import output_names, output_names_beside, with_suffix
from engine.outputs import outputs_of
from engine.policy import Overwrite
from engine.roots import Root, roots_of
from engine.selection import IGNORE_FILE, Chain, Selection
from engine.settings import Settings, setting
from engine.variants import sibling_bases, siblings
from engine.why import Why

__all__ = ["Found", "Plan", "is_folder", "make_plan"]

CHUNK = 2_000
"""Images handed out at once from one folder."""
FILTERS = ("exclude", "include", "ignore_files", "newer", "min_size")
"""Settings that leave single images out."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the scan."""

    name: str
    size: int
    """Bytes."""
    target_name: str
    skip: str = ""
    """Why it is not an input; empty when it is."""
    why: Why = Why.NONE
    base: str = ""
    """What the names of its siblings begin with; empty without siblings."""
    status: os.stat_result | None = None
    """As the scan saw it; None for what can be no input."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to scan and where results go; ``scan`` does the reading."""

    roots: tuple[Root, ...]
    settings: Settings
    overwrite: Overwrite
    """Which existing files may be replaced by results of the same name; never ``OURS``."""
    output: str
    """For the eye: the output folder, or ``in place``."""
    made: tuple[str, ...]
    """Output folders to create and mark as ours."""
    rules: FolderRules
    """The settings of each folder."""
    only: frozenset[str] = frozenset()
    """Of all images just those with these full paths; empty: all."""

    def recipe(self, settings: Settings | None = None) -> Recipe:
        """What the workers must know of it; ``settings`` are those of a folder, None for the run's."""
        recipe = (settings or self.settings).recipe()
        return replace(recipe, policy=replace(recipe.policy, overwrite=self.overwrite))

    def prepare(self) -> tuple[str, ...]:
        """Create and mark the output folders; returns those that were not there before. Raises PlanError."""
        created = []
        for folder in self.made:
            try:
                if not os.path.isdir(folder):
                    created.append(folder)
                folders.mark_ours(folder)
            except OSError as error:
                reason = f"{folder}: the output folder cannot be made: {error.strerror}; choose another with -o"
                raise PlanError(reason) from None
        return tuple(created)

    def scan(self, note: Callable[[str], None] = lambda line: None) -> Iterator[tuple[Folder, list[Found]]]:
        """Images by folder, in the order of their names; folders are entered once each, whatever links say.

        The output folders are never entered. A folder that cannot be read is told to ``note``; this never raises.
        Where all results go into one folder, everything is listed once before, for their names.
        """
        left = set(self.only)
        for folder, found in self.look(note, Extent(self.only)):
            left.difference_update(join(folder.source, each.name) for each in found if left)
            yield folder, found
        if left:
            note(f"{len(left)} of the files listed are left out: not there, no images, or not wanted: {min(left)} …")

    def look(self, note: Callable[[str], None], extent: Extent) -> Iterator[tuple[Folder, list[Found]]]:
        """The same of a part of the roots. Results have the names that a scan of all would give them."""
        if not self.settings.flat:
            yield from self._look(note, extent)
            return
        names = FlatNames()
        for folder, found in self._unfiltered()._look(lambda line: None, Extent()):
            for each in found:
                names.claim(folder.target, folder.relative, self._results(folder, each))
        for folder, found in self._look(note, extent):
            yield folder, [self._named_flat(names, folder, each) for each in found]

    def _unfiltered(self) -> Plan:
        """The same with no image left out."""
        return replace(self, settings=replace(self.settings, **{name: setting(name).default for name in FILTERS}))

    def _results(self, folder: Folder, found: Found) -> list[str]:
        """The names of all files that an image may become."""
        variants = (folder.settings or self.settings).variants
        return [found.target_name, *(name for _, name in siblings(variants, found.base, found.target_name))]

    def _named_flat(self, names: FlatNames, folder: Folder, found: Found) -> Found:
        prefix = names.prefix(folder.target, folder.relative, self._results(folder, found))
        if prefix is None:
            return replace(found, skip="its result would have the name of another one; the next run does it")
        return replace(found, target_name=prefix + found.target_name, base=found.base and prefix + found.base)

    def _look(self, note: Callable[[str], None], extent: Extent) -> Iterator[tuple[Folder, list[Found]]]:
        self.rules.note = note
        seen: set[tuple[int, int]] = set()
        if not self.settings.in_place:
            seen.update(key for root in self.roots if (key := _key(root.target)) is not None)
            seen.difference_update(key for root in self.roots if (key := _key(root.source)) is not None)
        for root in self.roots:
            yield from self._scan_root(root, extent, seen, note)

    def _scan_root(
        self, root: Root, extent: Extent, seen: set[tuple[int, int]], note: Callable[[str], None]
    ) -> Iterator[tuple[Folder, list[Found]]]:
        selection = Selection(self.settings, time.time())
        pending: list[tuple[str, Chain, bool]] = [("", (), extent.whole(root.source))]
        while pending:
            relative, chain, whole = pending.pop()
            path = os.path.join(root.source, relative) if relative else root.source
            listed = self._list(path, root, extent, seen, note)
            if listed is None:
                continue
            if not root.names and any(entry.name == IGNORE_FILE for entry in listed):
                chain = selection.chain(path, relative, chain, note)

            def takes(name: str) -> bool:
                return (whole or extent.takes(join(path, name))) and selection.takes(join(relative, name), chain)  # noqa: B023

            folders, found = self._found_in(path, listed, root, takes)
            for each in (join(relative, name) for name in reversed(folders)):
                here = join(root.source, each)
                if (whole or extent.leads(here)) and selection.enters(each, chain):
                    pending.append((each, chain, whole or extent.whole(here)))
            fitting = [pair for pair in found if pair[1].status is None or selection.fits(pair[1].status)]
            folder = Folder(
                path,
                join(root.target, relative) if relative and not self.settings.flat else root.target,
                os.path.join(root.label, relative) if root.label else relative,
                self.roots.index(root),
            )
            for settings, chunk in _chunks(fitting):
                yield folder if settings == self.settings else replace(folder, settings=settings), chunk

    def _list(
        self, path: str, root: Root, extent: Extent, seen: set[tuple[int, int]], note: Callable[[str], None]
    ) -> list[os.DirEntry[str]] | None:
        """What lies in a folder; None for one that is not to be read or cannot be."""
        try:
            if not root.names and not self._enter(path, root, seen, note):
                return None
            extent.entering(path)
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            note(f"{path}: this folder cannot be read ({error.strerror}); its images are left out")
            return None

    def _found_in(
        self, path: str, listed: Sequence[os.DirEntry[str]], root: Root, takes: Callable[[str], bool]
    ) -> tuple[list[str], list[tuple[Settings, Found]]]:
        """Folders, and the images that ``takes`` says yes to, with their settings. All images have a say in the names
        of results, so that these do not depend on what else is left out."""
        folders, images = self._sort_out(listed, root)
        given, wrong = self._settings_of(path, images)
        names = (output_names_beside if self.settings.in_place else output_names)(
            [entry.name for entry in images], [_format(settings) for settings in given]
        )
        if self.settings.suffix is not None:
            names = [with_suffix(name, self.settings.suffix) for name in names]
        taken = {entry.name for entry in listed} if self.settings.in_place else set()
        differing = {id(settings): settings for settings in given}  # nearly always one
        siblings = {key: settings.variants for key, settings in differing.items()}
        variants = [siblings[id(settings)] for settings in given]
        bases = sibling_bases(names, variants) if any(variants) else [""] * len(names)
        found: list[tuple[Settings, Found]] = []
        for settings, entry, name, base in zip(given, images, names, bases, strict=True):
            if takes(entry.name):
                one = self._found(entry, name, base, taken)
                found.append((settings, replace(one, **wrong) if wrong and not one.skip else one))
        return folders, found

    def _settings_of(self, path: str, images: Sequence[os.DirEntry[str]]) -> tuple[Sequence[Settings], dict[str, Any]]:
        """Those of each image of a folder; and what to note of all of them when a project file is wrong."""
        try:
            folder = self.rules.of(path)
        except ConfigError as error:
            reason = f"{error.problems[0]}; mend it, or leave such files out with --no-project-files"
            return [self.settings] * len(images), {"skip": reason, "why": Why.BAD_SETTINGS}
        if not self.rules.has_images(path):
            return [folder] * len(images), {}
        return [self.rules.of_image(path, entry.name) for entry in images], {}

    def _enter(self, path: str, root: Root, seen: set[tuple[int, int]], note: Callable[[str], None]) -> bool:
        """Whether a folder is to be listed; raises OSError when it cannot be looked at."""
        status = os.stat(path)
        key = status.st_dev, status.st_ino
        elsewhere = (other.target for other in self.roots if other.target != other.source)
        if key in seen or path in elsewhere:
            return False
        if folders.ours(path):
            if path == root.source:
                note(f"{path}: this folder holds results of imgopt-tui, which are not read again")
            return False
        seen.add(key)
        return True

    def _sort_out(self, listed: Sequence[os.DirEntry[str]], root: Root) -> tuple[list[str], list[os.DirEntry[str]]]:
        folders: list[str] = []
        images: list[os.DirEntry[str]] = []
        for entry in listed:
            if root.names:
                if entry.name in root.names and not self._is_result(root, entry.name):
                    images.append(entry)
                continue
            if (
                entry.name == AREA
                or self._is_result(root, entry.name)
                or temps.is_temp(entry.name)
                or (entry.name.startswith(".") and not self.settings.hidden)
            ):
                continue
            if is_folder(entry):
                folders.append(entry.name)
            elif looks_like_image(entry.name) and not _is_linked_folder(entry):
                images.append(entry)
        return folders, images

    def _is_result(self, root: Root, name: str) -> bool:
        """Whether a file among the sources is a result by its name: results lie beside sources, and it has their
        suffix."""
        suffix = self.settings.suffix
        return root.target == root.source and suffix is not None and os.path.splitext(name)[0].endswith(suffix)

    def _found(self, entry: os.DirEntry[str], target: str, base: str, taken: set[str]) -> Found:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            return Found(entry.name, 0, target, f"cannot be looked at: {error.strerror}")
        if stat.S_ISLNK(status.st_mode):
            return Found(entry.name, 0, target, "a symbolic link, which is not followed")
        if not stat.S_ISREG(status.st_mode):
            return Found(entry.name, 0, target, "not a regular file")
        if target != entry.name and target in taken:
            reason = f"{target!r} exists already beside it"
            return Found(entry.name, status.st_size, target, reason, Why.NAME_TAKEN, base, status)
        return Found(entry.name, status.st_size, target, base=base, status=status)


def _chunks(found: Sequence[tuple[Settings, Found]]) -> Iterator[tuple[Settings, list[Found]]]:
    """By settings, in order, and not too many at once."""
    groups: dict[int, tuple[Settings, list[Found]]] = {}
    for settings, one in found:
        groups.setdefault(id(settings), (settings, []))[1].append(one)
    for settings, group in groups.values():
        for start in range(0, len(group), CHUNK):
            yield settings, group[start : start + CHUNK]


def _format(settings: Settings) -> Format | None:
    return None if settings.format == "original" else Format(settings.format)


def _key(path: str) -> tuple[int, int] | None:
    """Device and inode of a folder; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one itself, not a link to one."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def make_plan(
    paths: Sequence[str], settings: Settings, own: FolderSettings | None = None, only: Collection[str] = ()
) -> Plan:
    """Check roots, their settings and output folders; raises PlanError or ConfigError before anything is read or
    written. ``own`` are the settings of single folders, None for those of project files alone; ``only``: see ``Plan``.
    """
    return replace(_plan(paths, settings, own or FolderSettings()), only=frozenset(only))


def _plan(paths: Sequence[str], settings: Settings, own: FolderSettings) -> Plan:
    if wrong := (settings.lossless and missing_for_lossless()) or wrong_target(settings):
        raise PlanError(wrong)
    if settings.replace and not (settings.in_place and settings.format != "original"):
        raise PlanError("--replace says that sources go once they are converted: give --in-place and --format with it")
    roots = roots_of(paths, settings)
    rules = FolderRules(settings, own)
    for root in roots:
        rules.of(root.source)
    outputs = outputs_of(roots, settings)
    return Plan(outputs.roots, settings, outputs.overwrite, outputs.shown, outputs.made, rules)
