"""The images of a tree that a run would do, found as a run finds them, with nothing written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.catalog import Catalog, Folder
from engine.formats import format_for_extension
from engine.job import Job
from engine.known import Verdict, judge
from engine.plan import Found, Plan
from engine.recipes import Recipes
from engine.remembered import known_so_far
from engine.why import Why

__all__ = ["OTHER", "Candidates", "Listed"]

Listed = Callable[[Folder, Found, Verdict], None]
"""Is told of a file of the scan, and whether it is to be done."""

OTHER = "other"
"""The format of files whose extension no format we read has."""


@dataclass(slots=True)
class Candidates:
    """What is to be done, and how much is not."""

    plan: Plan
    catalog: Catalog = field(default_factory=Catalog)
    already: int = 0
    """Done by an earlier run."""
    left_out: int = 0
    """No inputs for other reasons."""
    _recipes: Recipes = field(init=False)
    _origins: dict[int, str] = field(default_factory=dict)

    async def scan(self, note: Callable[[str, str], None], listed: Listed = lambda folder, found, what: None) -> None:
        """Fill the catalogue; the listing, and the look at what is known, run in a thread. ``note`` takes a level and
        a line, ``listed`` every file of the scan, in order."""
        self._recipes = Recipes(self.plan)
        chunks = self._judged(note)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            folder, judged = chunk
            self._add(folder, judged)
            for found, what in judged:
                listed(folder, found, what)

    def _judged(self, note: Callable[[str, str], None]) -> Iterator[tuple[Folder, list[tuple[Found, Verdict]]]]:
        known = known_so_far(self.plan.settings)
        for folder, found in self.plan.scan(lambda line: note("warning", line)):
            recipe = self._recipes.of(folder)
            yield folder, list(zip(found, judge(known, recipe, folder, found), strict=True))

    def _add(self, folder: Folder, judged: Sequence[tuple[Found, Verdict]]) -> None:
        number = self.catalog.add_folder(folder)
        for found, what in judged:
            if what.skip:
                done = what.why is Why.DONE_ALREADY
                self.already += done
                self.left_out += not done
                continue
            index = self.catalog.add(number, found.name, found.size, found.target_name, found.base)
            if what.origin:
                self._origins[index] = what.origin

    def sizes(self) -> list[int]:
        """Bytes of each image."""
        return [self.catalog.original(index) for index in range(len(self.catalog))]

    def groups(self) -> list[str]:
        """The format's name of each image, by its extension."""
        formats = {}
        found = []
        for index in range(len(self.catalog)):
            extension = os.path.splitext(self.catalog.name(index))[1]
            if extension not in formats:
                format = format_for_extension(extension)
                formats[extension] = OTHER if format is None else format.value
            found.append(formats[extension])
        return found

    def job(self, index: int) -> Job:
        """An image to be tried."""
        recipe = self._recipes.of(self.catalog.folder(index))
        return replace(self.catalog.job(index, recipe, self._origins.get(index, "")), trial=True)
