"""Where a run leaves what must outlive it: the folders of its ledgers and backups, made before the first image.

In place both are one folder in each root, ``<root>/.imgopt-backups/<run>``, or in the folder the user chose: originals
are linked there, and a backup can be put back with nothing but what lies beside it. Elsewhere nothing is replaced, and
the ledgers are in the state folder.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from engine.areas import describe, note_areas, sweep_area
from engine.backup import AREA, is_backup
from engine.descriptors import close, open_locked
from engine.errors import PlanError
from engine.job import Records
from engine.ledger import ledgers
from engine.places import state_folder
from engine.settings import Settings
from engine.summary import summary

__all__ = ["COMPLETE", "RunRecords", "complete"]

COMPLETE = "complete"
"""Name of the file that says that a run came to its end, or was brought in order after it was killed."""


def complete(folder: str) -> None:
    """The journal has what the ledgers of ``folder`` say: they stay where they are needed to put originals back."""
    with contextlib.suppress(OSError):
        if os.path.basename(os.path.dirname(folder)) == "records" and not any(map(is_backup, os.listdir(folder))):
            for path in ledgers(folder):
                os.unlink(path)
            os.rmdir(folder)
        else:
            close(os.open(os.path.join(folder, COMPLETE), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


class RunRecords:
    """The folders of one run; nothing is touched before ``prepare``."""

    def __init__(self, roots: Sequence[str], settings: Settings, run_id: str) -> None:
        """``roots`` are the folders that are scanned, in the order of the plan."""
        self._run = run_id
        self._roots = tuple(roots)
        self._summary = summary(settings)
        self._remembers = settings.remember != "none"
        self._marks = settings.remember == "xattr"
        self._keeps = settings.in_place and settings.backup
        place = settings.backup_folder
        own = str(state_folder() / "records" / run_id)
        areas = [_area(root, place, run_id, number) for number, root in enumerate(roots)]
        self.folders: tuple[str, ...] = tuple(areas) if self._keeps else (own,) * len(roots)
        """For each root, the folder of its ledgers; backups are in it, if any are kept."""
        self._locks: list[int] = []

    @property
    def of_roots(self) -> list[Records]:
        """What a worker is told, for each root."""
        return [
            Records(folder if self._wanted else "", folder if self._keeps else "", self._marks)
            for folder in self.folders
        ]

    def prepare(self) -> str:
        """Make the folders; returns what cannot be remembered and why, empty if all is well. Raises PlanError when
        originals could not be kept."""
        for folder, root in dict(zip(self.folders, self._roots, strict=True)).items() if self._wanted else ():
            try:
                os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
                os.makedirs(folder, mode=0o700, exist_ok=True)
                if self._keeps:
                    describe(folder, root, self._run, time.time(), self._summary)
            except OSError as error:
                if not self._keeps:
                    return f"{folder} cannot be made ({error.strerror}): what was done will not be remembered"
                raise PlanError(
                    f"{folder}: originals cannot be kept there ({error.strerror}); "
                    "choose a folder with --backup-folder, or go without undo with --no-backup"
                ) from None
            with contextlib.suppress(OSError):
                self._locks.append(open_locked(folder)[0])
        if self._keeps:
            note_areas(self._run, self.folders)
        return ""

    def complete(self) -> None:
        """The journal has everything: no later run need look at these folders again."""
        for folder in dict.fromkeys(self.folders):
            complete(folder)

    def release(self) -> None:
        """They are not in use any more."""
        while self._locks:
            close(self._locks.pop())

    @property
    def _wanted(self) -> bool:
        return self._remembers or self._keeps

    def sweep(self) -> None:
        """At the end, remove folders that nothing went to."""
        for folder in dict.fromkeys(self.folders):
            if self._keeps:
                sweep_area(folder, self._run)
            with contextlib.suppress(OSError):  # a folder that holds something stays
                os.rmdir(folder)
                os.rmdir(os.path.dirname(folder))


def _area(root: str, place: str | None, run_id: str, number: int) -> str:
    if place is not None:
        return os.path.join(os.path.realpath(place), run_id, str(number))
    return os.path.join(root, AREA, run_id)
