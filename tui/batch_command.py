"""``optimize`` and ``optimize-batch``: the contract's JSON in, its JSON out, in the order of the tasks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from engine.contract import optimize_images
from engine.task import Dialect, OptimizationResult

__all__ = ["optimize", "optimize_batch"]

EXIT_FAILED = 1
EXIT_USAGE = 2


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


def optimize_batch(given: str, workers: int | None) -> int:
    """A list of tasks (or one, or ``{"tasks": […]}``); prints the list of results. Exit code 1 when one failed."""
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
    results = asyncio.run(optimize_images(tasks, workers=workers, log=_log))
    print(json.dumps([_in_dialect(task, result) for task, result in zip(tasks, results, strict=True)]))
    return 0 if all(result.success for result in results) else EXIT_FAILED


def _in_dialect(task: object, result: OptimizationResult) -> dict[str, object]:
    sidecar = isinstance(task, Mapping) and "input" in task and "input_path" not in task
    return result.to_json(Dialect.SIDECAR if sidecar else Dialect.LIBRARY)
