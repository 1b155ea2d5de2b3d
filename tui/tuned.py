"""What was tuned and applied: settings of folders and files that the next run follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["Tuned", "in_words"]

Values = Mapping[str, object]
"""By field name of ``Settings``, in the form that a file holds."""


class Tuned:
    """Each ``apply`` holds for its paths and what lies below; each can be taken back, the last one first."""

    def __init__(self) -> None:
        self._by_path: dict[str, Values] = {}
        self._before: list[dict[str, Values]] = []

    @property
    def by_path(self) -> Mapping[str, Values]:
        """Full path → values; of several above an image the nearest count."""
        return self._by_path

    def apply(self, paths: Iterable[str], values: Values) -> None:
        """Use these for some paths, in place of what they had."""
        self._before.append(self._by_path)
        self._by_path = {**self._by_path, **dict.fromkeys(paths, values)}

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
    format = values["format"]
    return f"score {values['target_quality']}{f' {format}' if format != 'original' else ''}"
