"""The room that a run leaves free on a file system."""

from __future__ import annotations

from dataclasses import dataclass

from engine.policy import parse_share_or_size

__all__ = ["DEFAULT_FLOOR", "Floor"]


@dataclass(frozen=True, slots=True)
class Floor:
    """A share of a file system, a number of bytes, or the smaller of both."""

    percent: float = 0.0
    """Percent of the file system, 0 to below 100; 0 when ``bytes`` says it."""
    bytes: int = 0

    @classmethod
    def parse(cls, text: str) -> Floor:
        """Read ``5%``, ``500M``, ``2GiB`` or ``0``; raises ValueError otherwise."""
        return cls(*parse_share_or_size(text))

    def __str__(self) -> str:
        return f"{self.percent!r}%".replace(".0%", "%") if self.percent else str(self.bytes)

    def of(self, total: int) -> int:
        """Bytes that stay free on a file system of ``total`` bytes."""
        share = int(total * self.percent / 100)
        return min(share, self.bytes) if self.percent and self.bytes else share or self.bytes


DEFAULT_FLOOR = Floor(5.0, 64 * 1024**2)
"""64 MiB, and no more than a twentieth of a small file system."""
