"""``--files-from``: the images of a run from a list, as ``find`` prints it."""

from __future__ import annotations

import os
import sys

from engine.errors import PlanError, system_reason

__all__ = ["common_folder", "read_list"]


def read_list(path: str, *, zeros: bool) -> list[str]:
    """Full paths of the files named in ``path`` (``-``: stdin), one a line, or with ``zeros`` each up to a zero byte.
    Links among their folders are followed, as a run follows those of the folders it is given. Raises PlanError."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else _contents(path)
    except OSError as error:
        raise PlanError(f"{path}: the list cannot be read: {system_reason(error)}") from None
    if not zeros and b"\0" in data:
        raise PlanError(f"{path}: the list has zero bytes between its names: give -0 as well")
    names = [os.fsdecode(name) for name in data.split(b"\0" if zeros else b"\n") if name]
    folders: dict[str, str] = {}
    found: dict[str, None] = {}
    for name in names:
        folder, last = os.path.split(name)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        found[os.path.join(folders[folder], last)] = None
    return list(found)


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def common_folder(paths: list[str]) -> str:
    """The deepest folder that holds all of them; ``paths`` are full and not empty."""
    return os.path.commonpath([os.path.dirname(path) for path in paths])
