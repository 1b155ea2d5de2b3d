"""How much the backups of a run may hold: counted before an image is handed over, settled when it is through."""

from __future__ import annotations

from engine.job import Outcome

__all__ = ["BackupRoom"]


class BackupRoom:
    """Bytes that originals take in the backups; every image in work counts as if its original would be kept."""

    def __init__(self, limit: int | None) -> None:
        """``limit`` None: no end."""
        self.limit = limit
        self.held = 0
        """Bytes of the originals that are kept."""
        self._claimed: dict[int, int] = {}

    def claim(self, index: int, size: int) -> bool:
        """Whether the original of image ``index`` would fit; it has its room then."""
        if self.limit is None:
            return True
        claimed = sum(self._claimed.values()) - self._claimed.get(index, 0)
        if self.held + claimed + size > self.limit:
            return False
        self._claimed[index] = size
        return True

    def settle(self, index: int, outcome: Outcome) -> None:
        """An image is through: its original is kept, or its room is free again."""
        self._claimed.pop(index, None)
        if outcome.entry is not None and outcome.entry.backup:
            self.held += outcome.entry.before.size
