"""What the file tree asks of the disk; called in threads, replaced by a fake in tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.listing import Entry

__all__ = ["Disk"]


class Disk:
    """The real disk. The planner is imported at the first question: the first paint does not wait for it."""

    def list_folder(self, path: str, *, hidden: bool) -> list[Entry]:
        """Folders and images in ``path``; raises OSError."""
        from engine import listing

        return listing.list_folder(path, hidden=hidden)

    def count_tree(self, path: str, *, hidden: bool, stop: Callable[[], bool]) -> tuple[int, int]:
        """Images and bytes below ``path``."""
        from engine import listing

        return listing.count_tree(path, hidden=hidden, stop=stop)

    def project_file(self, path: str) -> str:
        """The name of the project file in the folder ``path``; empty when it has none."""
        from engine.config import PROJECT_FILE

        return PROJECT_FILE if os.path.lexists(os.path.join(path, PROJECT_FILE)) else ""
