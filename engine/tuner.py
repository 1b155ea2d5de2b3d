"""One image tuned: what was measured is kept here, its pixels and encodes are in a worker process of its own.

    open ▸ Subject          ladder, reach, compare ──┬─▸ known: at once
                            crop, difference ────────┤
                                                     └─▸ worker (started when there is something to do) ▸ Rung, Pixels

One of ``ladder``, ``reach``, ``compare`` is in work at a time: the newest. What it ended is let go on for a moment,
because its result is kept too, and killed with its process after that. A worker that dies costs the request it had;
the next one starts another.
"""

from __future__ import annotations

import asyncio
import base64
import os
import zlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from engine.budget import image_budget
from engine.efforts import stores_colours_well
from engine.errors import TuningError
from engine.formats import Format
from engine.job import Recipe, Records
from engine.link import WorkerLink
from engine.monitor import default_memory_limit
from engine.quality import QualityTarget
from engine.settings import Settings
from engine.source import Identity
from engine.task import Quality
from engine.tuning import TUNABLE, Pixels, Rung, Subject
from engine.tuning_worker import Spawn, TuningWorker, WorkerLost

__all__ = ["Tuner"]

REMEMBERED = 200
"""Images whose rungs are kept in mind: a few hundred bytes for each rung."""
DEATHS = 2
"""Rungs in a row that a worker may die of before the ladder ends."""
Key = tuple[Format, int, bool]


@dataclass(slots=True)
class _Known:
    """What was measured of one image with the settings that matter for it."""

    subject: Subject
    rungs: dict[Key, Rung] = field(default_factory=dict)
    reached: dict[tuple[QualityTarget, Format], Rung] = field(default_factory=dict)

    def hear(self, value: dict[str, Any]) -> Rung:
        rung = _rung(value)
        self.rungs[rung.format, rung.quality, rung.full_chroma] = rung
        return rung


def _rung(value: dict[str, Any]) -> Rung:
    return Rung(**{**value, "format": Format(value["format"])})


def _subject(value: dict[str, Any]) -> Subject:
    return Subject(**{**value, "format": Format(value["format"]), "target": Format(value["target"])})


def _matters(recipe: Recipe) -> Recipe:
    """The part of a recipe that the rungs depend on: numbers, target and siblings do not."""
    settings = replace(recipe.settings, quality=replace(Quality(), png=recipe.settings.quality.png))
    return replace(
        recipe, settings=settings, policy=replace(recipe.policy, target=None), variants=(), records=Records()
    )


class Tuner:
    """An ``engine.tuning.ImageTuner``. Use as an async context manager, or ``close`` it."""

    def __init__(
        self,
        spawn: Spawn = WorkerLink.spawn,
        *,
        log: Callable[[str], None] = lambda line: None,
        memory: Callable[[], int] = default_memory_limit,
    ) -> None:
        """``log`` gets what workers print; ``memory`` tells how many bytes may be taken when the settings do not."""
        self._spawn, self._log, self._memory = spawn, log, memory
        self._known: OrderedDict[object, _Known] = OrderedDict()
        self._now: _Known | None = None
        self._wanted: tuple[str, Recipe, int] | None = None
        self._opened: object = None
        """What of ``_wanted`` the worker has open."""
        self._worker: TuningWorker | None = None
        self._turn = 0
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the worker; what was measured stays known."""
        self._begin()
        worker, self._worker, self._opened = self._worker, None, None
        if worker is not None:
            await worker.close()

    @property
    def subject(self) -> Subject | None:
        """The image that was opened last."""
        return self._now.subject if self._now is not None else None

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return self._worker.pid if self._worker is not None and self._worker.alive else None

    async def open(self, path: str, settings: Settings) -> Subject:
        """As ``ImageTuner.open``. The worker reads the file only when there is something to do."""
        self._begin()
        recipe = replace(settings.recipe(), records=Records())
        budget = image_budget(settings.memory_limit or self._memory(), 1)
        wanted = self._wanted = (path, recipe, budget)
        self._now = None
        with suppress(OSError):  # the worker says what is wrong
            self._now = self._known.get(self._key(Identity.of(os.stat(path, follow_symlinks=False))))
        if self._now is None:
            await self._session()
        if self._wanted is not wanted or self._now is None:
            raise TuningError("another image was opened meanwhile")
        return self._now.subject

    def _key(self, identity: Identity) -> object:
        assert self._wanted is not None
        path, recipe, _ = self._wanted
        return path, identity, _matters(recipe).key

    async def _session(self) -> TuningWorker:
        """The worker with the wanted image open; raises TuningError and PoolError."""
        async with self._starting:
            if self._wanted is None:
                raise TuningError("no image is open")
            while self._worker is None or not self._worker.alive or self._opened is not self._wanted:
                try:
                    await self._open_wanted()
                except WorkerLost as lost:
                    if not lost.ours:
                        raise
            return self._worker

    async def _open_wanted(self) -> None:
        """One step nearer to a worker with the wanted image open."""
        if self._worker is None or not self._worker.alive:
            self._opened = None
            if self._worker is not None:
                await self._worker.close()
            self._worker = await TuningWorker.start(self._spawn, self._log)
        assert self._wanted is not None
        wanted, (path, recipe, budget) = self._wanted, self._wanted
        parts = {"path": path, "recipe": recipe.to_json(), "allowance": budget}
        answer = await self._worker.ask("open", lambda rung: None, **parts)
        if self._wanted is wanted:
            self._take(answer)
            self._opened = wanted

    def _take(self, answer: dict[str, Any]) -> None:
        """The worker has opened the wanted image."""
        key = self._key(Identity(*answer["identity"]))
        subject = _subject(answer["subject"])
        self._now = self._known.setdefault(key, _Known(subject))
        self._now.subject = subject
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _begin(self) -> int:
        """Take the turn: what is in work is given up."""
        self._turn += 1
        if self._worker is not None:
            self._worker.give_up()
        return self._turn

    async def _ask(self, turn: int, op: str, probed: Callable[[Rung], None] | None = None, **parts: object) -> Any:
        """The worker's answer; None when another turn began. Rungs that come too late are kept in mind as well."""
        while turn == self._turn:
            try:
                worker = await self._session()
                known = self._now

                def heard(value: dict[str, Any], known: _Known | None = known) -> None:
                    rung = known.hear(value) if known is not None else _rung(value)
                    if probed is not None and turn == self._turn:
                        asyncio.get_running_loop().call_soon(probed, rung)

                return await worker.ask(op, heard, **parts)
            except WorkerLost as lost:
                if not lost.ours:
                    raise
        return None

    def known(self, format: Format) -> tuple[Rung, ...]:
        """As ``ImageTuner.known``."""
        rungs = self._now.rungs.values() if self._now is not None else ()
        return tuple(sorted((rung for rung in rungs if rung.format is format), key=lambda rung: rung.quality))

    def _at(self, format: Format, quality: int) -> Rung | None:
        """The rung of a run with that quality, if it is known."""
        if self._now is None or self._wanted is None:
            return None
        chroma = stores_colours_well(format, quality, self._wanted[1].policy.effort)
        return self._now.rungs.get((format, quality, chroma))

    async def ladder(self, format: Format, qualities: Sequence[int]) -> AsyncGenerator[Rung, None]:
        """As ``ImageTuner.ladder``."""
        _check(format)
        turn = self._begin()
        left = sorted(set(qualities))
        for quality in list(left):
            if (rung := self._at(format, quality)) is not None:
                left.remove(quality)
                yield rung
        deaths = 0
        for quality in left:
            try:
                value = await self._ask(turn, "rung", format=format.value, quality=quality)
            except WorkerLost as lost:
                deaths += 1
                if deaths >= DEATHS:
                    raise
                yield Rung(format, quality, note=str(lost))
                continue
            if value is None or turn != self._turn:
                return
            deaths = 0
            yield _rung(value)

    async def reach(
        self, target: QualityTarget, format: Format, probed: Callable[[Rung], None] | None = None
    ) -> Rung | None:
        """As ``ImageTuner.reach``."""
        _check(format)
        return await self._reach(self._begin(), target, format, probed)

    async def _reach(
        self, turn: int, target: QualityTarget, format: Format, probed: Callable[[Rung], None] | None
    ) -> Rung | None:
        known = self._now
        if known is not None and (rung := known.reached.get((target, format))) is not None:
            return rung
        value = await self._ask(turn, "reach", probed, format=format.value, target=target.to_json())
        if value is None:
            return None
        rung = _rung(value)
        if self._now is not None and turn == self._turn:
            self._now.reached[target, format] = rung
        return rung

    async def compare(self, target: QualityTarget, formats: Sequence[Format]) -> AsyncGenerator[Rung, None]:
        """As ``ImageTuner.compare``."""
        turn = self._begin()
        for format in formats:
            try:
                _check(format)
                rung = await self._reach(turn, target, format, None)
            except TuningError as error:
                rung = Rung(format, 0, note=str(error))
            if rung is None or turn != self._turn:
                return
            yield rung

    async def crop(self, rung: Rung | None, left: int, top: int, width: int, height: int, zoom: float = 1) -> Pixels:
        """As ``ImageTuner.crop``."""
        return await self._pixels(rung, (left, top, width, height), zoom, 0)

    async def difference(
        self, rung: Rung, left: int, top: int, width: int, height: int, zoom: float = 1, gain: int = 8
    ) -> Pixels:
        """As ``ImageTuner.difference``."""
        return await self._pixels(rung, (left, top, width, height), zoom, max(1, gain))

    async def _pixels(self, rung: Rung | None, box: tuple[int, int, int, int], zoom: float, gain: int) -> Pixels:
        key = None if rung is None else [rung.format.value, rung.quality, rung.full_chroma]
        while True:
            try:
                worker = await self._session()
                answer = await worker.ask("crop", lambda _: None, rung=key, box=box, zoom=zoom, gain=gain)
            except WorkerLost as lost:
                if not lost.ours:
                    raise
                continue
            if answer is not None:
                break
        left, top, wide, high, zoom, rgb = answer["pixels"]
        return Pixels(left, top, wide, high, zoom, zlib.decompress(base64.b64decode(rgb)))


def _check(format: Format) -> None:
    if format not in TUNABLE:
        names = ", ".join(each.value.upper() for each in TUNABLE)
        raise TuningError(f"{format.value.upper()} has no quality to tune; choose one of {names}")
