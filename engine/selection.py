"""Which files of a scan are taken, and which folders are entered: patterns, ignore files, depth, size and age."""

from __future__ import annotations

import os
from collections.abc import Callable

from engine.ignore import Rules
from engine.scan_settings import ScanSettings

__all__ = ["IGNORE_FILE", "Chain", "Selection"]

IGNORE_FILE = ".imgoptignore"
MOST_BYTES = 1024 * 1024
"""Of an ignore file that are read."""
Chain = tuple[tuple[str, Rules], ...]
"""The ignore files that hold in a folder: where each lies, from the root of the scan, and what it says; the deepest
last."""


class Selection:
    """One scan's. Paths are relative to its root, with ``/`` between."""

    def __init__(self, settings: ScanSettings, now: float) -> None:
        """``now``: seconds since the epoch, from which ages are counted back."""
        self._exclude, self._include = Rules(settings.exclude), Rules(settings.include)
        self._since = settings.newer.moment(now) if settings.newer is not None else None
        self._least = settings.min_size or 0
        self._reads = settings.ignore_files
        depth = settings.max_depth if settings.recursive else 1
        self._depth = depth if depth is not None else 2**31

    def chain(self, folder: str, relative: str, above: Chain, note: Callable[[str], None]) -> Chain:
        """The ignore files that hold in ``folder``; reads its own."""
        if not self._reads:
            return ()
        path = os.path.join(folder, IGNORE_FILE)
        try:
            with open(path, "rb") as file:
                lines = os.fsdecode(file.read(MOST_BYTES)).split("\n")
        except FileNotFoundError:
            return above
        except OSError as error:
            note(f"{path}: this ignore file cannot be read ({error.strerror}); it leaves out nothing")
            return above
        return (*above, (relative, Rules(lines)))

    def enters(self, relative: str, chain: Chain) -> bool:
        """Whether a folder below the root is looked into."""
        return relative.count("/") + 2 <= self._depth and not self._left_out(relative, chain, folder=True)

    def takes(self, relative: str, chain: Chain) -> bool:
        """Whether a file is an image of the run, by its path."""
        return not self._left_out(relative, chain, folder=False) and (not self._include or self._included(relative))

    def fits(self, status: os.stat_result) -> bool:
        """Whether a file is, by its size and age."""
        return status.st_size >= self._least and (self._since is None or status.st_mtime >= self._since)

    def _left_out(self, relative: str, chain: Chain, *, folder: bool) -> bool:
        said = self._exclude.verdict(relative, folder=folder)
        for place, rules in reversed(chain):
            if said is not None:
                break
            said = rules.verdict(relative[len(place) + 1 :] if place else relative, folder=folder)
        return bool(said)

    def _included(self, relative: str) -> bool:
        said = self._include.verdict(relative)
        at = relative.rfind("/")
        while said is None and at > 0:
            said = self._include.verdict(relative[:at], folder=True)
            at = relative.rfind("/", 0, at)
        return bool(said)
