"""``imgopt-tui ps``: the runs that are going on."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from engine import machine
from engine.report import human_seconds
from engine.runner import Live, running
from tui.text import escape

__all__ = ["ps"]

HEAD = f"{'RUN':<9}{'STATE':<10}{'DONE':>5}{'ETA':>9}{'AGE':>9}  {'PROCESS':<8} WHERE"


def _percent(live: Live) -> int | None:
    """Of bytes through, when it can be told."""
    totals = live.update.totals
    if totals.scanning or not totals.found:
        return None
    return totals.through * 100 // totals.found


def _line(live: Live, now: float) -> str:
    info, update = live.info, live.update
    percent, eta = _percent(live), update.eta
    columns = (
        f"{info.run_id:<9}{update.phase.value:<10}",
        f"{'-' if percent is None else f'{percent}%':>5}",
        f"{'-' if eta is None else human_seconds(eta):>9}",
        f"{human_seconds(max(0.0, now - info.started)):>9}",
        f"  {info.pid:<8} {escape(', '.join(info.roots))} -> {escape(info.output)}",
    )
    return "".join(columns)


def _for_programs(live: Live, now: float) -> dict[str, Any]:
    info, update = live.info, live.update
    return {
        "run": info.run_id,
        "pid": info.pid,
        "phase": update.phase.value,
        "percent": _percent(live),
        "eta": update.eta,
        "age": max(0.0, now - info.started),
        "started": info.started,
        "found": update.totals.found,
        "processed": update.totals.through,
        "failed": update.totals.failed,
        "workers": update.workers_wanted,
        "roots": list(info.roots),
        "output": info.output,
    }


def ps(arguments: argparse.Namespace) -> int:
    """List them, newest first."""
    found, now = asyncio.run(running()), time.time()
    if arguments.json:
        print(machine.dumps([_for_programs(live, now) for live in found]))
        return 0
    if found:
        print(HEAD)
    for live in found:
        print(_line(live, now))
    return 0
