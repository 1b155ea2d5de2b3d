"""Roots to images: scan, choose output paths, find collisions before anything is written. Streamed folder by folder.

A folder is listed whole before its first image is handed out, because two sources that would get the same output name
always lie in one folder: then all of them get their full name with the new extension added (``a.png`` and ``a.jpg`` →
``a.png.webp`` and ``a.jpg.webp``), except one whose own name is the output name already.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os.path import join

from engine import folders, temps
from engine.backup import AREA
from engine.catalog import Folder
from engine.errors import PlanError, system_reason
from engine.extras import missing_for_lossless, wrong_target
from engine.formats import Format, format_for_extension
from engine.job import Recipe
from engine.names import fold, output_names, output_names_beside
from engine.selection import IGNORE_FILE, Chain, Selection
from engine.settings import Settings
from engine.variants import sibling_bases

__all__ = ["Found", "Plan", "is_folder", "labels", "looks_like_image", "make_plan"]

OUTPUT_FOLDER = "optimized"
CHUNK = 2_000
"""Images handed out at once from one folder."""
OTHER_IMAGES = frozenset(
    (".bmp", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".svg", ".ico", ".psd", ".tga", ".apng", ".jfif", ".jls")
)
"""Extensions of images that are looked at although no format we read has them: the content decides."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the scan."""

    name: str
    size: int
    """Bytes."""
    target_name: str
    skip: str = ""
    """Why it is not an input; empty when it is."""
    base: str = ""
    """What the names of its siblings begin with; empty without siblings."""
    status: os.stat_result | None = None
    """As the scan saw it; None for what is no input."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to scan, or the files named in it."""

    source: str
    target: str
    label: str
    """In front of the paths shown, when there are several roots."""
    names: tuple[str, ...] = ()
    """Only these files of the folder; empty for all and the folders below."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to scan and where results go; ``scan`` does the reading."""

    roots: tuple[Root, ...]
    settings: Settings
    overwrite: bool
    """Whether existing files in the output folders are ours to replace."""
    output: str
    """For the eye: the output folder, or ``in place``."""
    made: tuple[str, ...]
    """Output folders to create and mark as ours."""
    only: frozenset[str] = frozenset()
    """Of all images just those with these full paths; empty: all."""

    def recipe(self) -> Recipe:
        """What the workers must know of it."""
        recipe = self.settings.recipe()
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
        """
        seen: set[tuple[int, int]] = set()
        if not self.settings.in_place:
            seen.update(key for root in self.roots if (key := _key(root.target)) is not None)
            seen.difference_update(key for root in self.roots if (key := _key(root.source)) is not None)
        left = set(self.only)
        for root in self.roots:
            for folder, found in self._scan_root(root, seen, note):
                left.difference_update(join(folder.source, each.name) for each in found if left)
                yield folder, found
        if left:
            note(f"{len(left)} of the files listed are left out: not there, no images, or not wanted: {min(left)} …")

    def _scan_root(
        self, root: Root, seen: set[tuple[int, int]], note: Callable[[str], None]
    ) -> Iterator[tuple[Folder, list[Found]]]:
        selection = Selection(self.settings, time.time())
        ways = _ways(self.only)
        pending: list[tuple[str, Chain]] = [("", ())]
        while pending:
            relative, chain = pending.pop()
            path = os.path.join(root.source, relative) if relative else root.source
            listed = self._list(path, root, seen, note)
            if listed is None:
                continue
            if not root.names and any(entry.name == IGNORE_FILE for entry in listed):
                chain = selection.chain(path, relative, chain, note)
            folders, found = self._found_in(listed, root, lambda name: selection.takes(join(relative, name), chain))  # noqa: B023
            below = [join(relative, name) for name in reversed(folders)]
            below = [each for each in below if not ways or join(root.source, each) in ways]
            pending.extend((each, chain) for each in below if selection.enters(each, chain))
            found = [each for each in found if each.status is None or selection.fits(each.status)]
            if self.only:
                found = [each for each in found if join(path, each.name) in self.only]
            folder = Folder(
                path,
                os.path.join(root.target, relative) if relative else root.target,
                os.path.join(root.label, relative) if root.label else relative,
                self.roots.index(root),
            )
            for start in range(0, len(found), CHUNK):
                yield folder, found[start : start + CHUNK]

    def _list(
        self, path: str, root: Root, seen: set[tuple[int, int]], note: Callable[[str], None]
    ) -> list[os.DirEntry[str]] | None:
        """What lies in a folder; None for one that is not to be read or cannot be."""
        try:
            if not root.names and not self._enter(path, root, seen, note):
                return None
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            note(f"{path}: this folder cannot be read ({error.strerror}); its images are left out")
            return None

    def _found_in(
        self, listed: Sequence[os.DirEntry[str]], root: Root, takes: Callable[[str], bool]
    ) -> tuple[list[str], list[Found]]:
        """Folders, and the images that ``takes`` says yes to. All images have a say in the names of results, so that
        these do not depend on what else is left out."""
        folders, images = self._sort_out(listed, root)
        names = (output_names_beside if self.settings.in_place else output_names)(
            [entry.name for entry in images], self._format
        )
        taken = {entry.name for entry in listed} if self.settings.in_place else set()
        variants = self.settings.variants
        bases = sibling_bases(names, variants) if variants else [""] * len(names)
        each = zip(images, names, bases, strict=True)
        return folders, [self._found(*one, taken) for one in each if takes(one[0].name)]

    def _enter(self, path: str, root: Root, seen: set[tuple[int, int]], note: Callable[[str], None]) -> bool:
        """Whether a folder is to be listed; raises OSError when it cannot be looked at."""
        status = os.stat(path)
        key = status.st_dev, status.st_ino
        if key in seen or (not self.settings.in_place and any(path == other.target for other in self.roots)):
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
                if entry.name in root.names:
                    images.append(entry)
                continue
            if (
                entry.name == AREA
                or temps.is_temp(entry.name)
                or (entry.name.startswith(".") and not self.settings.hidden)
            ):
                continue
            if is_folder(entry):
                folders.append(entry.name)
            elif looks_like_image(entry.name) and not _is_linked_folder(entry):
                images.append(entry)
        return folders, images

    @property
    def _format(self) -> Format | None:
        return None if self.settings.format == "original" else Format(self.settings.format)

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
            return Found(entry.name, status.st_size, target, f"{target!r} exists already beside it")
        return Found(entry.name, status.st_size, target, base=base, status=status)


def _ways(paths: Iterable[str]) -> set[str]:
    """Every folder on the way to some paths."""
    found: set[str] = set()
    for folder in {os.path.dirname(path) for path in paths}:
        while folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)
    return found


def _key(path: str) -> tuple[int, int] | None:
    """Device and inode of a folder; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def looks_like_image(name: str) -> bool:
    """Whether a file's extension makes it worth a look at its content."""
    extension = os.path.splitext(name)[1].lower()
    return format_for_extension(extension) is not None or extension in OTHER_IMAGES


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


def make_plan(paths: Sequence[str], settings: Settings, only: Collection[str] = ()) -> Plan:
    """Check roots and output folders; raises PlanError before anything is read or written. ``only``: see ``Plan``."""
    return replace(_plan(paths, settings), only=frozenset(only))


def _plan(paths: Sequence[str], settings: Settings) -> Plan:
    if wrong := (settings.lossless and missing_for_lossless()) or wrong_target(settings):
        raise PlanError(wrong)
    if settings.replace and not (settings.in_place and settings.format != "original"):
        raise PlanError("--replace says that sources go once they are converted: give --in-place and --format with it")
    roots = _roots(paths, settings)
    if settings.in_place:
        return Plan(_targets(roots, None), settings, False, "in place", ())
    if settings.output is None:
        planned = tuple(
            Root(root.source, os.path.join(root.source, OUTPUT_FOLDER), root.label, root.names) for root in roots
        )
        for root in planned:
            _check_default_output(root.target)
        made = tuple(dict.fromkeys(root.target for root in planned))
        return Plan(planned, settings, True, made[0] if len(made) == 1 else f"{OUTPUT_FOLDER}/ in each root", made)
    output = os.path.realpath(settings.output)
    if os.path.lexists(output) and not os.path.isdir(output):
        raise PlanError(f"{output} is a file, not a folder; choose another folder with -o")
    planned = _targets(roots, output)
    _check_apart(planned)
    overwrite = not os.path.isdir(output) or _empty(output) or folders.ours(output)
    return Plan(planned, settings, overwrite, output, (output,) if overwrite else ())


def _empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError as error:
        reason = f"{folder}: the output folder cannot be read: {error.strerror}; choose another with -o"
        raise PlanError(reason) from None


def _roots(paths: Sequence[str], settings: Settings) -> list[Root]:
    folders: list[str] = []
    named: dict[str, list[str]] = {}
    for path in paths:
        if not path or "\0" in path:
            raise PlanError(f"{path!r} is not a path")
        if _leads_to_folder(path):
            folders.append(os.path.realpath(path))
        elif os.path.lexists(path):
            parent, name = os.path.split(os.path.abspath(path))
            named.setdefault(os.path.realpath(parent), []).append(name)
        else:
            raise PlanError(f"{path}: no such file or folder")
    folders = [one for one in dict.fromkeys(folders) if not any(_reached(one, other, settings) for other in folders)]
    named = {parent: _unreached(parent, names, folders, settings) for parent, names in named.items()}
    named = {parent: names for parent, names in named.items() if names}
    names_of = labels([*folders, *named])
    files_of = [(folder, ()) for folder in folders] + [(parent, tuple(names)) for parent, names in named.items()]
    return [Root(source, source, label, names) for (source, names), label in zip(files_of, names_of, strict=True)]


def _leads_to_folder(path: str) -> bool:
    """Whether a path of the command line is a folder; False for nothing and for a link that leads nowhere. Raises
    PlanError when the system does not tell."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise PlanError(f"{path}: cannot be looked at: {system_reason(error)}") from None


def _reached(path: str, folder: str, settings: Settings) -> bool:
    """Whether the scan of ``folder`` comes through the folder ``path`` below it."""
    if not settings.recursive or not _inside(path, folder):
        return False
    return settings.hidden or not any(part.startswith(".") for part in os.path.relpath(path, folder).split(os.sep))


def _unreached(parent: str, names: Sequence[str], folders: Sequence[str], settings: Settings) -> list[str]:
    """Those of the files named in ``parent`` that no scan of ``folders`` finds."""
    if not any(parent == folder or _reached(parent, folder, settings) for folder in folders):
        return list(dict.fromkeys(names))
    return [name for name in names if not looks_like_image(name) or (name.startswith(".") and not settings.hidden)]


def labels(sources: Sequence[str]) -> list[str]:
    """Distinct names of several roots; a single root needs none."""
    if len(sources) < 2:
        return [""] * len(sources)
    found: list[str] = []
    for source in sources:
        base = os.path.basename(source) or "root"
        label, number = base, 2
        while fold(label) in {fold(other) for other in found}:
            label, number = f"{base}-{number}", number + 1
        found.append(label)
    return found


def _targets(roots: Sequence[Root], output: str | None) -> tuple[Root, ...]:
    if output is None:
        return tuple(roots)
    targets = [os.path.join(output, root.label) if root.label else output for root in roots]
    return tuple(Root(root.source, target, root.label, root.names) for root, target in zip(roots, targets, strict=True))


def _inside(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)


def _check_default_output(target: str) -> None:
    if not os.path.lexists(target) or folders.ours(target):
        return
    if os.path.islink(target) or not os.path.isdir(target) or not _empty(target):
        raise PlanError(
            f"{target} exists and was not made by imgopt-tui, so nothing is written there; choose a folder with -o"
        )


def _check_apart(roots: Sequence[Root]) -> None:
    """Refuse outputs that would land on sources."""
    for root in roots:
        for other in roots:
            if root.target == other.source or _inside(other.source, root.target):
                raise PlanError(
                    f"{root.target} holds the originals of this run; choose another folder with -o, or use --in-place"
                )
