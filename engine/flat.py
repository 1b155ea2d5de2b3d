"""Names of results that all go into one folder, however deep their sources lie.

Pictures that would get the same name there all get the names of their folders in front: ``a/x.jpg`` and ``b/x.jpg``
become ``a-x.jpg`` and ``b-x.jpg``. Where that is some other picture's name, a number made of the folder's path stands
in between. All images of the tree have a say, done or not, so names do not depend on what a run leaves out; therefore
every image is claimed for before the first one is named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from engine.names import fold

__all__ = ["FlatNames"]

MOST_BYTES = 200
"""Of folder names in front; longer ones give way to the number alone. A name may have 255 bytes."""


class FlatNames:
    """Of one run. Holds two numbers for each image."""

    def __init__(self) -> None:
        self._once: set[int] = set()
        self._twice: set[int] = set()
        self._with_folders: set[int] = set()
        self._with_folders_twice: set[int] = set()
        self._given: set[int] = set()

    def claim(self, target: str, folder: str, names: Iterable[str]) -> None:
        """An image would like to write these names in the folder ``target``; its own ``folder`` is shown as that, empty
        for the root itself."""
        prefix = _prefix(folder)
        for name in names:
            _count(_key(target, name), self._once, self._twice)
            if prefix:
                _count(_key(target, prefix + name), self._with_folders, self._with_folders_twice)

    def prefix(self, target: str, folder: str, names: Iterable[str]) -> str | None:
        """What stands in front of the names of an image that was claimed for; None where one of them was given already,
        to an image that nobody claimed for because it came later. Call it once for each."""
        names = list(names)
        found = ""
        if folder and any(_key(target, name) in self._twice for name in names):
            found = _prefix(folder)
            if any(self._is_anothers(_key(target, found + name)) for name in names):
                found = f"{found}{_number(folder)}-"
        keys = {_key(target, found + name) for name in names}
        if keys & self._given:
            return None
        self._given |= keys
        return found

    def _is_anothers(self, key: int) -> bool:
        return key in self._with_folders_twice or key in self._once


def _count(key: int, once: set[int], twice: set[int]) -> None:
    (twice if key in once else once).add(key)


def _key(target: str, name: str) -> int:
    return hash((target, fold(name)))


def _prefix(folder: str) -> str:
    """The folder's names with ``-`` between; its number where they are too long."""
    text = folder.replace(os.sep, "-")
    return f"{text if len(os.fsencode(text)) <= MOST_BYTES else _number(folder)}-" if folder else ""


def _number(folder: str) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
