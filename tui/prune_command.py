"""``imgopt-tui runs --prune``: old runs are taken off the list, with what is remembered of each."""

from __future__ import annotations

import argparse
import sys
import time

from engine import history, machine
from engine.areas import find_areas
from engine.errors import PlanError
from engine.forgetting import choose_old, forget_runs
from engine.holdings import held
from engine.report import human_bytes
from tui.deleting import age, agreed
from tui.history_commands import past_line
from tui.text import count

__all__ = ["check", "prune"]

EXIT_NOTHING = 3


def check(arguments: argparse.Namespace) -> None:
    """Raise PlanError for options that say nothing together."""
    limits = arguments.keep is not None or arguments.older_than is not None
    if not arguments.prune and (limits or arguments.yes):
        raise PlanError("--keep, --older-than and --yes say which runs --prune takes off the list: give it too")
    if arguments.prune and not limits:
        raise PlanError("which runs? Say --older-than AGE, --keep N, or both")


def prune(arguments: argparse.Namespace) -> int:
    """Take them off; returns the exit code. Raises PlanError and RunnerError."""
    runs = history.past_runs()
    before = None if arguments.older_than is None else time.time() - age(arguments.older_than)
    holding = {area.run for area in find_areas([]) if held(area).images}
    chosen = choose_old(runs, keep=arguments.keep or 0, before=before, holding=holding)
    if chosen.stay:
        stay = f"{count(len(chosen.stay), 'run')} {'stays' if len(chosen.stay) == 1 else 'stay'} listed"
        _tell(f"{stay}: originals are kept for undo; give those up first with imgopt-tui backups --prune RUN")
    if not chosen.go:
        _tell("no such runs are listed")
        return 0
    if open_ended := sum(run.unfinished for run in chosen.go):
        _tell(f"{count(open_ended, 'run')} of these did not come to an end: resume will not know them any more")
    lines = [past_line(run) for run in chosen.go]
    if not arguments.yes and not agreed("runs from the list", lines, "take these runs off the list?"):
        _tell("nothing was deleted")
        return EXIT_NOTHING
    idle = all(run.phase != history.RUNNING for run in runs)
    bytes_before, bytes_after = forget_runs(chosen.go, compact=idle)
    if arguments.json:
        found = {"pruned": [run.id for run in chosen.go], "stay": [run.id for run in chosen.stay]}
        print(machine.dumps({**found, "journalBefore": bytes_before, "journalAfter": bytes_after}))
        return 0
    for line in lines:
        print(f"{line}  off the list")
    print(f"journal: {human_bytes(bytes_before)} before, {human_bytes(bytes_after)} now; what is done stays known")
    return 0


def _tell(line: str) -> None:
    print(f"imgopt-tui: {line}", file=sys.stderr, flush=True)
