"""The user's settings file, which several programs may save to: each writes what was changed in it, and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.config import user_file
from engine.config_write import alone, save
from engine.conflicts import conflicts
from engine.errors import ConfigError
from engine.layers import resolve
from engine.settings import SCHEMA, Settings
from engine.settings_file import PRESET, read_settings
from engine.stock_presets import chosen

__all__ = ["UserFile", "merged"]

NAMES = tuple(entry.name for entry in SCHEMA if entry.in_files)


def merged(now: Settings, since: Settings, mine: Settings) -> Settings:
    """``now`` with what ``mine`` has changed ``since``; where both together contradict each other, ``mine`` holds."""
    taken = {name for name in NAMES if getattr(mine, name) != getattr(since, name)}
    while True:
        both = replace(now, **{name: getattr(mine, name) for name in taken})
        more = {name for pair in conflicts(both) for name in pair if name in NAMES} - taken
        if not more:
            return both
        taken |= more


class UserFile:
    """The file as one program knows it."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` None: the user's file."""
        self._path = path or user_file()
        self._since: Settings | None = None
        """What the program's settings had in common with the file when it was read or saved last; None before."""

    def _told(self) -> Settings | None:
        """What the file alone comes to; None where it is out of order."""
        file = read_settings(self._path)
        below, unknown = chosen(file.preset, file.presets, str(self._path), PRESET) if file.preset else (None, [])
        try:
            return resolve([*([below] if below else []), file.layer], [*file.problems, *unknown]).settings
        except ConfigError:
            return None

    def read(self) -> None:
        """Remember what it says now; blocks."""
        self._since = self._told()

    def save(self, settings: Settings) -> Path:
        """Write what differs from what was read or saved last; what others have changed meanwhile stays. Without that
        the file is made to say ``settings``. Returns its path; blocks, and raises as ``config_write.save`` does."""
        with alone(self._path):
            now = self._told() if self._since is not None else None
            both = settings if now is None or self._since is None else merged(now, self._since, settings)
            path = save(both, self._path)
        self._since = settings
        return path
