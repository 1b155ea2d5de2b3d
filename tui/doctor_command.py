"""``imgopt-tui doctor``: what of this machine, terminal and account matters for a run, and what to do about it."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import engine
from engine import machine
from engine.finding import Finding, Level
from engine.machine_checks import machine_findings
from engine.place_checks import place_findings
from tui.terminal_checks import terminal_findings
from tui.text import escape

__all__ = ["doctor", "lines"]

EXIT_BAD = 1
NAME, MOST_WIDTH = 12, 100


def doctor(*, as_json: bool) -> int:
    """Look at everything and say it; 1 where something does not work."""
    findings = list(_all())
    counts = Counter(finding.level for finding in findings)
    if as_json:
        records = [asdict(finding) for finding in findings]
        print(machine.dumps({"version": engine.__version__, "findings": records, "bad": counts[Level.BAD]}))
    else:
        width = min(MOST_WIDTH, max(40, shutil.get_terminal_size((80, 24)).columns - 1))
        for finding in findings:
            for line in lines(finding, width):
                print(line)
        many = {Level.NOTE: "notes", Level.WARN: "warnings"}
        named = [(counts[level], many.get(level, level.value) if counts[level] > 1 else level.value) for level in Level]
        said = ", ".join(f"{count} {name}" for count, name in named if count)
        print(f"imgopt-tui {engine.__version__}: {said}")
    return EXIT_BAD if counts[Level.BAD] else 0


def _all() -> Iterator[Finding]:
    yield from terminal_findings()
    yield from machine_findings(os.cpu_count() or 1)
    yield from place_findings()


def lines(finding: Finding, width: int) -> list[str]:
    """A finding in lines of at most ``width`` characters, 7-bit but for names."""
    head = f"{finding.level.value:<5} {finding.name:<{NAME}} "
    rest = " " * len(head)
    found = textwrap.wrap(escape(finding.value), width, initial_indent=head, subsequent_indent=rest)
    if finding.meaning:
        found += textwrap.wrap(escape(finding.meaning), width, initial_indent=rest, subsequent_indent=rest)
    if finding.action:
        arrow = rest[:-3] + "-> "
        found += textwrap.wrap(escape(finding.action), width, initial_indent=arrow, subsequent_indent=rest)
    return found
