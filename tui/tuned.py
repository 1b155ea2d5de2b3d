"""What was tuned and applied: settings over those of the next run, and the folders and files it was meant for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.settings import Settings

__all__ = ["Tuned", "in_words"]

Values = Mapping[str, object]
"""By field name of ``Settings``, in the form that a file holds."""


class Tuned:
    """The last ``apply`` holds, for the whole of the next run; each can be taken back, the last one first."""

    def __init__(self) -> None:
        self._by_path: dict[str, Values] = {}
        self._before: list[dict[str, Values]] = []

    @property
    def by_path(self) -> Mapping[str, Values]:
        """Full path → values, the same for all of them."""
        return self._by_path

    def over(self, settings: Settings) -> Settings:
        """The settings of the next run."""
        return settings.with_values(next(iter(self._by_path.values()), {}))

    def apply(self, paths: Iterable[str], values: Values) -> None:
        """Use these in the next run, which is over these paths where nothing else is marked."""
        self._before.append(self._by_path)
        self._by_path = dict.fromkeys(paths, values)

    def undo(self) -> bool:
        """Take the last ``apply`` back; False when there is none."""
        if self._before:
            self._by_path = self._before.pop()
            return True
        return False

    def words(self, path: str) -> str:
        """What a path itself was given, short; empty when nothing."""
        values = self._by_path.get(path)
        return in_words(values) if values else ""


def in_words(values: Values) -> str:
    """``score 80``, ``score 80 webp``."""
    format = values.get("format")
    return f"score {values['target_quality']}{f' {format}' if format else ''}"
