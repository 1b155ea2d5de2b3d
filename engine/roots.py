"""The paths of a command line as folders to scan: none twice, none inside another, files by the folder they are in."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import PlanError, system_reason
from engine.formats import looks_like_image
from engine.names import fold
from engine.settings import Settings

__all__ = ["Root", "inside", "labels", "roots_of", "with_targets", "within"]


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to scan, or the files named in it."""

    source: str
    target: str
    label: str
    """In front of the paths shown, when there are several roots."""
    names: tuple[str, ...] = ()
    """Only these files of the folder; empty for all and the folders below."""


def roots_of(paths: Sequence[str], settings: Settings) -> list[Root]:
    """The roots of a run, each its own target; raises PlanError for a path that is not there."""
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
    if not settings.recursive or not inside(path, folder):
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


def with_targets(roots: Sequence[Root], output: str | None) -> tuple[Root, ...]:
    """The same with targets inside the folder ``output``; None: in place."""
    if output is None:
        return tuple(roots)
    targets = [os.path.join(output, root.label) if root.label else output for root in roots]
    return tuple(Root(root.source, target, root.label, root.names) for root, target in zip(roots, targets, strict=True))


def within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies below it."""
    return path == folder or inside(path, folder)


def inside(path: str, folder: str) -> bool:
    """Whether ``path`` lies below ``folder``."""
    return path != folder and path.startswith(folder.rstrip(os.sep) + os.sep)
