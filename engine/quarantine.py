"""Images that crashed or hung workers twice, and that runs leave out since: which, and another try for them."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.catalog import is_below
from engine.deaths import TOOK_LONGER
from engine.history import ask_journal, writing
from engine.known import DEATHS
from engine.places import journal_file

__all__ = ["SetAside", "release", "set_aside"]


@dataclass(frozen=True, slots=True)
class SetAside:
    """One image. It is known by its content, so that it stays set aside under another name."""

    content: str
    """Its hash, hexadecimal."""
    path: str
    """Full path at the last try, as ``os.fsdecode`` gives it."""
    size: int
    """Bytes."""
    deaths: int
    """Workers it cost."""
    reason: str
    """How the last one ended."""
    run: str
    """The run of the last try."""
    at: float
    """When that was: seconds since the epoch."""

    @property
    def advice(self) -> str:
        """What can be done about it, beside trying it again."""
        if not os.path.lexists(self.path):
            return "nothing: it is not there any more"
        if TOOK_LONGER in self.reason:
            return "give it more time: --timeout, or timeout in the settings"
        return "save it anew with another program: a changed file is tried again by itself"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        value = asdict(self)
        del value["content"]
        return value


def set_aside(paths: Sequence[str] = ()) -> list[SetAside]:
    """Those that later runs leave out, the newest first; ``paths``: only those at or below these, unless empty. Raises
    RunnerError when the journal cannot be read."""
    if not journal_file().exists():
        return []
    found = [SetAside(**row) for row in ask_journal(lambda file: file.quarantined(DEATHS))]
    wanted = {os.path.abspath(path) for path in paths}
    return [image for image in found if not wanted or is_below(image.path, wanted)]


def release(images: Collection[SetAside] | None = None) -> int:
    """Hold nothing against these any more; None: against none, also those that cost fewer workers than it takes to be
    set aside. Returns how many had been set aside; raises RunnerError."""
    count = len(set_aside() if images is None else images)
    if not count and (images is not None or not journal_file().exists()):
        return 0
    with writing() as file:
        file.clear(None if images is None else [image.content for image in images])
    return count
