"""``runs``, ``status``, ``resume`` and ``quarantine``: what the journal knows, for people and for programs."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine import history, machine, quarantine
from engine.errors import RunnerError
from engine.report import human_bytes, report_text
from engine.settings import Settings
from engine.view import Update
from tui.text import count, escape

__all__ = ["COMMANDS", "past_line"]


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def past_line(run: history.PastRun) -> str:
    """One run in the list."""
    report = run.report
    counts = ", ".join(f"{report.get(name, 0)} {name}" for name in ("done", "kept", "skipped", "failed"))
    roots = escape(", ".join(run.roots))
    saved = human_bytes(report.get("savedBytes", 0))
    undone = f", undone ({report['undone']} put back)" if report.get("undone") else ""
    phase = f"{run.phase}{undone}"
    return f"{run.id}  {_when(run.started)}  {phase}: {counts}, saved {saved}  {roots} -> {escape(run.output)}"


def _runs(arguments: argparse.Namespace) -> int:
    from tui import prune_command

    prune_command.check(arguments)
    if arguments.prune:
        return prune_command.prune(arguments)
    runs = history.past_runs()
    if arguments.json:
        print(machine.dumps([run.to_json() for run in runs]))
        return 0
    for run in runs:
        print(past_line(run))
    if not runs:
        print("imgopt-tui: no run is known", file=sys.stderr)
    if aside := len(quarantine.set_aside()):
        print(f"imgopt-tui: {count(aside, 'image')} set aside: imgopt-tui quarantine", file=sys.stderr)
    return 0


async def _running(run_id: str | None) -> tuple[Update, dict[str, Any]] | None:
    from engine.runner import attach

    try:
        view = await attach(run_id)
    except RunnerError:
        return None
    try:
        async for update in view.updates():
            if update.phase.over and run_id is None:  # shown somewhere still; a later one may have ended since
                return None
            return update, dict(await view.report())
        return None
    finally:
        await view.close()


def _status(arguments: argparse.Namespace) -> int:
    if (live := asyncio.run(_running(arguments.run))) is not None:
        update, report = live
        if arguments.json:
            print(machine.dumps(report))
        else:
            print(f"run {report['run']}: {update.phase.value}, {update.totals.through} of {update.totals.found} images")
            print(report_text(report))
        return 0
    run = history.choose(history.past_runs(), arguments.run)
    if arguments.json:
        print(machine.dumps(run.to_json()))
        return 0
    print(past_line(run))
    if run.phase == history.INTERRUPTED:
        print(f"its process is gone; imgopt-tui resume {run.id} goes on with it")
    elif "batchSeconds" in run.report:
        print(report_text(run.report))
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    from engine.child import LEAST_WORKERS, keep_ahead, start_workers_ahead

    past = history.unfinished(history.past_runs(), arguments.run)
    try:
        settings = Settings().with_values(past.settings)
    except (ValueError, KeyError) as error:
        raise RunnerError(f"the settings of run {past.id} are of another version: {error}") from None
    only = history.listed(past)
    start_workers_ahead(min(settings.workers or LEAST_WORKERS, LEAST_WORKERS))
    try:
        from tui.cli import output_of
        from tui.run_command import run

        if not arguments.quiet:
            print(f"imgopt-tui: going on with run {past.id}: {escape(', '.join(past.paths))}", file=sys.stderr)
        settings = replace(settings, on_hangup=arguments.on_hangup or settings.on_hangup)
        return run(past.paths, settings, output_of(arguments), past.own, resumes=past.id, only=only)
    finally:
        keep_ahead(0)


def _quarantine(arguments: argparse.Namespace) -> int:
    found = quarantine.set_aside(arguments.paths)
    if arguments.clear:
        released = quarantine.release(found if arguments.paths else None)
        print(f"imgopt-tui: {count(released, 'image')} no longer set aside: the next run tries again", file=sys.stderr)
        return 0
    if arguments.json:
        print(machine.dumps([image.to_json() for image in found]))
        return 0
    for image in found:
        cost = f"{human_bytes(image.size)}, cost {count(image.deaths, 'worker')}"
        print(f"{escape(image.path)}: {cost}: {escape(image.reason)} (run {image.run}, {_when(image.at)})")
        print(f"    {image.advice}")
    if found:
        again = f"imgopt-tui quarantine --clear [PATH ...] lets the next run try {'it' if len(found) == 1 else 'them'}"
    else:
        again = "no image is set aside"
    print(f"imgopt-tui: {again}", file=sys.stderr)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "runs": _runs,
    "status": _status,
    "resume": _resume,
    "quarantine": _quarantine,
}
"""By name."""
