"""The recipe of each folder of a run: its settings, and where its root's records go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.catalog import Folder
from engine.job import Recipe, Records
from engine.plan import Plan
from engine.settings import Settings

__all__ = ["Recipes"]


class Recipes:
    """Equal ones are one object, so that a worker is told each once."""

    def __init__(self, plan: Plan, records: Sequence[Records] = ()) -> None:
        """``records`` of the plan's roots, in order; empty: nothing is written down."""
        self._plan = plan
        self._records = records or (Records(),) * len(plan.roots)
        self._made: dict[tuple[int, Settings], Recipe] = {}

    def of(self, folder: Folder) -> Recipe:
        """The recipe of the images in ``folder``."""
        settings = folder.settings or self._plan.settings
        key = folder.root, settings
        if key not in self._made:
            self._made[key] = replace(self._plan.recipe(settings), records=self._records[folder.root])
        return self._made[key]
