"""Ages and moments as people write them: ``12h``, ``30d``, ``4w``, ``2026-11-01``, ``2026-11-01T18:30``."""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass

__all__ = ["Since", "parse_age"]

_SPANS = {"h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}


def parse_age(text: str) -> float:
    """Seconds from ``12h``, ``30d`` or ``4w``; raises ValueError."""
    match = re.fullmatch(r"(\d{1,6})([hdw])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no age")
    return int(match[1]) * _SPANS[match[2]]


@dataclass(frozen=True, slots=True)
class Since:
    """From some moment on: a fixed one, or one that keeps its distance from now."""

    text: str
    """An age, or a date in ISO 8601; without a zone it is local time."""

    @classmethod
    def parse(cls, text: str) -> Since:
        """From an age, a date, or the path of a file, whose time of change it then is; raises ValueError."""
        since = cls(text.strip())
        try:
            since.moment(0.0)
        except (ValueError, OverflowError):
            try:
                changed = os.stat(text).st_mtime_ns
            except OSError:
                raise ValueError(f"{text!r} is no age, no date and no file") from None
            moment = datetime.datetime.fromtimestamp(changed // 10**9, datetime.UTC)
            return cls(moment.replace(microsecond=changed % 10**9 // 1000).isoformat())
        return since

    def moment(self, now: float) -> float:
        """Seconds since the epoch; raises ValueError for a text that ``parse`` would not take."""
        if re.fullmatch(r"\d+[hdw]", self.text):
            return now - parse_age(self.text)
        return datetime.datetime.fromisoformat(self.text).timestamp()

    def __str__(self) -> str:
        return self.text
