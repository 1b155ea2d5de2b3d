"""Folders as a file tree shows them: folders and images, one level at a time, and how much lies below."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from engine import folders
from engine.backup import AREA
from engine.formats import Format, format_for_extension, looks_like_image
from engine.plan import is_folder

__all__ = ["Entry", "count_tree", "list_folder"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder's listing, for a file tree."""

    name: str
    is_folder: bool
    size: int
    """Bytes; 0 for folders."""
    format: Format | None
    """By extension."""


def list_folder(path: str, *, hidden: bool = False) -> list[Entry]:
    """Folders, then images of one folder, each by name; links and our own output are left out. Raises OSError."""
    found: list[Entry] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name == AREA or (entry.name.startswith(".") and not hidden):
                continue
            if is_folder(entry):
                if not folders.ours(entry.path):
                    found.append(Entry(entry.name, True, 0, None))
            elif looks_like_image(entry.name) and entry.is_file(follow_symlinks=False):
                format = format_for_extension(os.path.splitext(entry.name)[1])
                found.append(Entry(entry.name, False, entry.stat(follow_symlinks=False).st_size, format))
    found.sort(key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))
    return found


def count_tree(path: str, *, hidden: bool = False, stop: Callable[[], bool]) -> tuple[int, int]:
    """Images below a folder and their bytes; ends early when ``stop`` says so. Unreadable folders count nothing."""
    images = size = 0
    pending = [path]
    while pending and not stop():
        folder = pending.pop()
        try:
            listed = list_folder(folder, hidden=hidden)
        except OSError:
            continue
        pending.extend(os.path.join(folder, entry.name) for entry in listed if entry.is_folder)
        images += sum(not entry.is_folder for entry in listed)
        size += sum(entry.size for entry in listed)
    return images, size
