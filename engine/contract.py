"""The stable calls of the library: ``optimize_image``, ``optimize_images``, ``get_active_tasks``.

A success always leaves a file at the output path (its extension corrected to the format), also when that is not
smaller. Whatever is wrong with one task is that task's result; it never ends the call.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.events import Event, Finished
from engine.formats import Format, corrected
from engine.headroom import Headroom
from engine.job import Job, Outcome, Recipe
from engine.policy import Limits, Loss, Policy, Savings
from engine.pool import ParallelProcessPool
from engine.task import ImageTask, OptimizationResult, TaskError, TaskSettings, is_path

__all__ = ["get_active_tasks", "optimize_image", "optimize_images"]

_pools: list[tuple[ParallelProcessPool, dict[str, str]]] = []
"""The open pools; with each, what the caller called the sources: path in the pool → path in the task."""


def get_active_tasks() -> list[str]:
    """Input paths being worked on by calls of this process."""
    return [given.get(path, path) for pool, given in _pools for path in pool.active()]


async def optimize_image(
    input_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    settings: TaskSettings | Mapping[str, Any] | None = None,
) -> OptimizationResult:
    """Optimize one image; ``settings`` as the contract's JSON, parsed or not; None takes the defaults."""
    task: ImageTask | Mapping[str, Any]
    if isinstance(settings, TaskSettings):
        task = ImageTask(os.fspath(input_path), os.fspath(output_path), settings)
    else:
        task = {"input_path": os.fspath(input_path), "output_path": os.fspath(output_path), "settings": settings}
    return (await optimize_images([task]))[0]


async def optimize_images(
    tasks: Sequence[ImageTask | Mapping[str, Any]],
    *,
    workers: int | None = None,
    timeout: float | None = None,
    on_result: Callable[[int, OptimizationResult], None] | None = None,
    log: Callable[[str, str], None] = lambda level, text: None,
) -> list[OptimizationResult]:
    """Optimize many in parallel; results in the order of the tasks.

    ``workers`` None is ¾ of the usable CPUs (2 to 24) and never more than there are tasks; ``timeout`` is seconds an
    image may take; ``on_result`` is called with a task's position and its result as soon as there is one; ``log`` gets
    a level and a line of what the workers print. Raises PoolError when no worker can be started.
    """
    call = _Call(list(tasks), on_result)
    if call.jobs:
        await call.work(workers, timeout, log)
    return [result for result in call.results if result is not None]


class _Call:
    def __init__(
        self, tasks: list[ImageTask | Mapping[str, Any]], on_result: Callable[[int, OptimizationResult], None] | None
    ) -> None:
        self._on_result = on_result
        self.results: list[OptimizationResult | None] = [None] * len(tasks)
        self.jobs: list[Job] = []
        self._tasks: dict[int, ImageTask] = {}
        recipes: dict[TaskSettings, Recipe] = {}
        targets: dict[str, int] = {}
        for position, value in enumerate(tasks):
            try:
                task = value if isinstance(value, ImageTask) else ImageTask.from_json(value)
                if not (is_path(task.input_path) and is_path(task.output_path)):
                    raise TaskError("input_path and output_path must be paths")
            except TaskError as error:
                self._refuse(position, value, str(error))
                continue
            folder, name = os.path.split(os.path.abspath(task.output_path))
            target = os.path.join(os.path.realpath(folder), name)  # results are written through no link
            if task.settings.output_format is not None:
                target = corrected(target, task.settings.output_format)
            if target in targets:
                self._refuse(position, value, f"task {targets[target] + 1} writes to the same output path")
                continue
            targets[target] = position
            recipe = recipes.setdefault(task.settings, Recipe(task.settings, _POLICY))
            self._tasks[position] = task
            source = os.path.realpath(task.input_path)
            self.jobs.append(Job(position, source, target, recipe, _size(source)))

    def _refuse(self, position: int, value: object, error: str) -> None:
        if isinstance(value, ImageTask):
            source, target = value.input_path, value.output_path
        else:
            record = value if isinstance(value, Mapping) else {}
            source = str(record.get("input_path", record.get("input", "")))
            target = str(record.get("output_path", record.get("output", "")))
        self._put(position, OptimizationResult(source, target, 0, 0, False, error))

    def _put(self, position: int, result: OptimizationResult) -> None:
        self.results[position] = result
        if self._on_result is not None:
            self._on_result(position, result)

    async def work(self, workers: int | None, timeout: float | None, log: Callable[[str, str], None]) -> None:
        room = Headroom(workers, None, log, most=len(self.jobs))

        def report(event: Event) -> None:
            if isinstance(event, Finished):
                self._put(event.index, _result(self._tasks[event.index], event.outcome))

        pool = ParallelProcessPool(
            room.workers, budget=room.budget, headroom=room, report=report, log=log, timeout=timeout
        )
        entry = pool, {job.source: self._tasks[job.index].input_path for job in self.jobs}
        _pools.append(entry)
        done = False
        try:
            await pool.start()
            for job in self.jobs:
                await pool.submit(job)
            await pool.drain()
            done = True
        finally:
            _pools.remove(entry)
            await asyncio.shield(pool.close(now=not done))


def _size(path: str) -> int:
    """Bytes of a file; 0 when it cannot be looked at, which its worker will say."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


_POLICY = Policy(keep_original=False, min_savings=Savings(0.0, 0), limits=Limits(), allow_loss=frozenset({Loss.BITS}))
"""16 bits become 8 where the target holds no more, as with the Sharp sidecar; every other loss is a failed result."""


def _result(task: ImageTask, outcome: Outcome) -> OptimizationResult:
    success = outcome.status.written
    written = outcome.target_format
    return OptimizationResult(
        original_path=task.input_path,
        optimized_path=corrected(task.output_path, Format(written)) if written else task.output_path,
        original_size=outcome.original_size,
        optimized_size=outcome.optimized_size,
        success=success,
        error=None if success else outcome.reason,
        format=outcome.target_format or None,
    )
