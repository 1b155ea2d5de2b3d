"""What a run stands on: the tree for itself alone, its folders, and the room on their disks."""

from __future__ import annotations

from collections.abc import Callable

from engine.disk import DiskRoom
from engine.floor import DEFAULT_FLOOR
from engine.folders import unmark
from engine.locks import TreeLocks
from engine.places import state_folder
from engine.plan import Plan
from engine.records import RunRecords

__all__ = ["Ground"]


class Ground:
    """Of one run: ``take`` it before the first image, ``leave`` it after the last."""

    def __init__(self, plan: Plan, records: RunRecords) -> None:
        self._plan = plan
        self._records = records
        self._locks = TreeLocks()
        self._created: tuple[str, ...] = ()

    def room(self) -> DiskRoom:
        """The disks of the run."""
        sources, targets = ([root.source for root in self._plan.roots], [root.target for root in self._plan.roots])
        written = [*targets, *self._records.folders, str(state_folder())]
        return DiskRoom(written, [*sources, *targets], self._plan.settings.min_free or DEFAULT_FLOOR)

    def take(self, note: Callable[[str, str], None]) -> None:
        """Have the tree for this run alone and the folders it needs; raises PlanError with nothing changed."""
        self._locks.take(self._plan)
        try:
            created = self._plan.prepare()
            unlocked, unkept = self._locks.take(self._plan), self._records.prepare()
            self._created = created  # only now is it certain that no other run is about to use them
        except BaseException:
            self.leave()
            raise
        if unlocked:
            note("warning", f"{unlocked}: nothing keeps another run from working there as well")
        if unkept:
            note("warning", unkept)

    def leave(self) -> None:
        """Remove folders that nothing came to lie in, and let others have the tree."""
        for folder in self._created:
            unmark(folder)
        self._records.sweep()
        self._locks.release()
