"""Which part of its roots a scan is about: all of them, or single images and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable

__all__ = ["Extent"]


class Extent:
    """The whole without images and folders, else the images with these full paths, and what lies in or below these
    folders. ``entering`` is told the path of each folder right before it is listed."""

    def __init__(
        self,
        images: Collection[str] = (),
        folders: Collection[str] = (),
        entering: Callable[[str], None] = lambda path: None,
    ) -> None:
        self._images = frozenset(images)
        self._folders = frozenset(folders)
        self._ways = _ways([*self._images, *self._folders])
        self._all = not self._images and not self._folders
        self.entering = entering

    def whole(self, folder: str) -> bool:
        """Whether everything in and below this folder is meant."""
        return self._all or folder in self._folders

    def leads(self, folder: str) -> bool:
        """Whether something of it lies in or below this folder."""
        return self._all or folder in self._folders or folder in self._ways

    def takes(self, path: str) -> bool:
        """Whether the image with this path is meant, by itself."""
        return path in self._images


def _ways(paths: Iterable[str]) -> set[str]:
    """Every folder on the way to some paths."""
    found: set[str] = set()
    for folder in {os.path.dirname(path) for path in paths}:
        while folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)
    return found
