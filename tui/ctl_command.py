"""``imgopt-tui ctl``: everything a run can be told from its screen, for scripts."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine import machine
from engine.errors import RunnerError
from engine.opening import open_run, retry_failed
from engine.report import human_bytes, human_seconds
from engine.runner import attach
from engine.settings import setting
from engine.view import Hangup, RunView, Update
from engine.wire import to_json
from tui.ctl_words import understand
from tui.grammar import UsageError
from tui.text import count, escape

__all__ = ["DOES", "READS", "ctl", "first_update"]

Values = Sequence[Any]
AUTO = "auto"
NOW = "now"
ALSO_PAST = ("status", "retry-failed")
"""What can be said of a run that is over, or to it."""


def _workers(text: str) -> int:
    return int(setting("workers").parse(text))


def _memory(text: str) -> int | None:
    return None if text == AUTO else int(setting("memory_limit").parse(text))


def _nice(text: str) -> int:
    if not text.isdecimal() or int(text) > 19:
        raise ValueError(f"{text!r} is not allowed: use 0 to 19")
    return int(text)


def _hangup(text: str) -> Hangup:
    if text not in list(Hangup):
        raise ValueError(f"{text!r} is not allowed: use {', '.join(Hangup)}")
    return Hangup(text)


READS: dict[str, Callable[[str], Any]] = {
    "workers": _workers,
    "memory": _memory,
    "nice": _nice,
    "on-hangup": _hangup,
    "cancel": os.path.abspath,
    "retry-quarantined": os.path.abspath,
}
"""Makes a value of each text that follows a command; raises ValueError that says what is allowed."""


async def _pause(view: RunView, values: Values) -> str:
    await view.pause()
    return "pauses: images in work are finished, no other is begun"


async def _resume(view: RunView, values: Values) -> str:
    await view.resume()
    return "goes on"


async def _set_workers(view: RunView, values: Values) -> str:
    await view.set_workers(values[0])
    return f"has {count(values[0], 'worker')} from now on"


async def _set_memory(view: RunView, values: Values) -> str:
    await view.set_memory(values[0])
    amount = "what the machine allows" if values[0] is None else human_bytes(values[0])
    return f"may take {amount} of memory from now on"


async def _set_nice(view: RunView, values: Values) -> str:
    await view.set_nice(values[0])
    return f"works with the nice value {values[0]} from now on"


async def _set_on_hangup(view: RunView, values: Values) -> str:
    await view.set_on_hangup(values[0])
    return f"on hang-up from now on: {values[0].value}"


async def _cancel(view: RunView, values: Values) -> str:
    return f"leaves out {count(await view.cancel_images(values), 'image')}; their originals stay as they are"


async def _retry_failed(view: RunView, values: Values) -> str:
    return f"tries {count(await view.retry_failed(), 'failed image')} again"


async def _retry_quarantined(view: RunView, values: Values) -> str:
    return f"tries {count(await view.retry_quarantined(values), 'image')} again that were set aside"


async def _stop(view: RunView, values: Values) -> str:
    await view.cancel(now=bool(values))
    return "ends now; images in work keep their originals" if values else "ends after the images in work"


async def _status(view: RunView, values: Values) -> str:
    update = await first_update(view)
    totals, gauges = update.totals, update.gauges
    eta = f", {human_seconds(update.eta)} left" if update.eta is not None else ""
    memory = f"{human_bytes(gauges.mem_run)} of {human_bytes(update.memory_limit)}"
    lines = [
        f"is {update.phase.value}: {totals.through} of {totals.found} images, {totals.failed} failed{eta}",
        f"workers: {len(update.workers)} of {update.workers_wanted}, nice {update.nice}",
        f"memory: {memory}, of which images may take {human_bytes(gauges.budget)}",
        f"on hang-up: {update.on_hangup}",
    ]
    return "\n  ".join(lines + [f"waits for: {escape(update.waits_for)}"] * bool(update.waits_for))


DOES: dict[str, Callable[[RunView, Values], Awaitable[str]]] = {
    "status": _status,
    "pause": _pause,
    "resume": _resume,
    "workers": _set_workers,
    "memory": _set_memory,
    "nice": _set_nice,
    "cancel": _cancel,
    "retry-failed": _retry_failed,
    "retry-quarantined": _retry_quarantined,
    "on-hangup": _set_on_hangup,
    "stop": _stop,
}
"""Tells it to a run, and returns what that means."""


async def first_update(view: RunView) -> Update:
    """How a run stands."""
    async for update in view.updates():
        return update
    raise AssertionError("updates begin with how a run stands")


def _for_programs(run_id: str, update: Update) -> dict[str, Any]:
    value = to_json(update)
    for name in ("states", "changes", "version"):
        del value[name]
    return {"run": run_id, **value}


async def _tell(run: str | None, name: str, values: Values, *, as_json: bool) -> None:
    view = await (open_run(run) if name in ALSO_PAST else attach(run))
    try:
        run_id, update = view.info.run_id, await first_update(view)
        if name == "status" and as_json:
            print(machine.dumps(_for_programs(run_id, update)))
        elif update.phase.over and name != "status":
            await _tell_past(run_id, name)
        else:
            sentence = await DOES[name](view, values)
            print(f"run {run_id} {sentence}", file=sys.stdout if name == "status" else sys.stderr)
    finally:
        await view.close()


async def _tell_past(run_id: str, name: str) -> None:
    if name != "retry-failed":
        raise RunnerError(f"run {run_id} is over")
    view = await retry_failed(run_id)
    print(f"run {view.info.run_id} does the failed images of run {run_id} again", file=sys.stderr)
    await view.close()


def ctl(arguments: argparse.Namespace) -> int:
    """Say one thing to one run; raises UsageError, RunnerError."""
    try:
        run, word, texts = understand(arguments.words)
        values = tuple(READS[word.name](text) for text in texts)
    except ValueError as error:
        raise UsageError(f"ctl: {error}") from None
    if arguments.now and word.name != "stop":
        raise UsageError("ctl: --now goes with stop alone")
    if arguments.json and word.name != "status":
        raise UsageError("ctl: --json goes with status alone")
    asyncio.run(_tell(run, word.name, values or (NOW,) * arguments.now, as_json=arguments.json))
    return 0
