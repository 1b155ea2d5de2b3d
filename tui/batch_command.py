"""``optimize`` and ``optimize-batch``: the contract's JSON in, its JSON out, in the order of the tasks.

While a batch is at work a JSON line on stderr says now and then how far it is:
``{"schema": 1, "type": "progress", "completed": N, "total": N, "failed": N, "percent": 0…100, "path": INPUT}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from engine import machine
from engine.contract import optimize_images
from engine.task import Dialect, OptimizationResult

__all__ = ["Progress", "optimize", "optimize_batch"]

EXIT_FAILED = 1
EXIT_USAGE = 2
BETWEEN_SECONDS = 0.125
"""Least time between two lines of progress; with the last one, which always comes, there are at most 10 a second."""


class Progress:
    """Says how far a batch of ``total`` tasks is, one line for the newest result."""

    def __init__(self, total: int, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._out, self._clock = total, out, clock
        self._completed = self._failed = 0
        self._next = float("-inf")

    def __call__(self, position: int, result: OptimizationResult) -> None:
        """Another task has its result."""
        self._completed += 1
        self._failed += not result.success
        if self._completed < self._total and self._clock() < self._next:
            return
        self._next = self._clock() + BETWEEN_SECONDS
        line = {
            "type": "progress",
            "completed": self._completed,
            "total": self._total,
            "failed": self._failed,
            "percent": self._completed * 100 // self._total,
            "path": result.original_path,
        }
        print(machine.dumps(line), file=self._out, flush=True)


def _log(level: str, text: str) -> None:
    from tui.text import escape

    if level != "info":
        print(f"imgopt-tui: {escape(text)}", file=sys.stderr)


def _usage(message: str) -> int:
    print(f"imgopt-tui: {message}", file=sys.stderr)
    return EXIT_USAGE


def optimize(source: str, target: str, settings: str) -> int:
    """One image; prints one result object. Exit code 1 when it failed, 2 when the settings are no JSON object."""
    try:
        value = json.loads(settings)
    except (ValueError, RecursionError) as error:
        return _usage(f"the settings are not JSON: {error}")
    if not isinstance(value, Mapping):
        return _usage("the settings must be a JSON object")
    task = {"input_path": source, "output_path": target, "settings": value}
    result = asyncio.run(optimize_images([task], log=_log))[0]
    print(json.dumps(result.to_json()))
    return 0 if result.success else EXIT_FAILED


def _tasks_text(given: str) -> str:
    if given == "-":
        return sys.stdin.buffer.read().decode("utf-8")
    if given.lstrip()[:1] in ("[", "{") and not os.path.exists(given):
        return given
    with open(given, encoding="utf-8") as file:
        return file.read()


def optimize_batch(given: str, workers: int | None, *, quiet: bool = False) -> int:
    """A list of tasks (or one, or ``{"tasks": […]}``); prints the list of results, and how far it is unless ``quiet``.
    Exit code 1 when one failed."""
    try:
        value: Any = json.loads(_tasks_text(given))
    except OSError as error:
        return _usage(f"the tasks cannot be read: {error.strerror}: {given}")
    except (ValueError, RecursionError) as error:
        return _usage(f"the tasks are not JSON: {error}")
    if isinstance(value, Mapping):
        value = value.get("tasks", [value])
    if not isinstance(value, list):
        return _usage("the tasks must be a JSON list")
    tasks: Sequence[Any] = value
    progress = None if quiet else Progress(len(tasks), sys.stderr)
    results = asyncio.run(optimize_images(tasks, workers=workers, on_result=progress, log=_log))
    print(json.dumps([_in_dialect(task, result) for task, result in zip(tasks, results, strict=True)]))
    return 0 if all(result.success for result in results) else EXIT_FAILED


def _in_dialect(task: object, result: OptimizationResult) -> dict[str, object]:
    sidecar = isinstance(task, Mapping) and "input" in task and "input_path" not in task
    return result.to_json(Dialect.SIDECAR if sidecar else Dialect.LIBRARY)
