"""The user's settings file on the screen's side: loaded after the first paint, read and written beside the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from engine.settings import Settings

if TYPE_CHECKING:
    from engine.user_file import UserFile

__all__ = ["SavedSettings"]


class SavedSettings:
    """What a save changes is what was changed on this screen: other programs may save meanwhile."""

    def __init__(self) -> None:
        self._file: UserFile | None = None
        self.ready = False
        """Whether the file has been read."""

    def _known(self) -> UserFile:
        if self._file is None:
            from engine.user_file import UserFile

            self._file = UserFile()
        return self._file

    async def read(self) -> None:
        """Remember what the file says as the screen begins."""
        await asyncio.to_thread(lambda: self._known().read())
        self.ready = True

    async def save(self, settings: Settings) -> Path:
        """Write them to the user's file; raises OSError or ConfigError."""
        return await asyncio.to_thread(lambda: self._known().save(settings))
