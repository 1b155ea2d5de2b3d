"""A run that is over, or how far it is: totals, what was saved and what is free, what failed, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.view import ImageRow, RunInfo, Update
from tui import text
from tui.actions import action
from tui.details import Fact, fact_lines
from tui.dialogs import plain_lines
from tui.look import Look, Parts

__all__ = ["FAILURES", "NEXT", "summary_lines"]

NEXT = ("retry", "export", "earlier", "images")
"""Actions whose keys the box takes."""
FAILURES = 6
"""Failed images that are named."""


def summary_lines(
    info: RunInfo, update: Update, report: Mapping[str, Any] | None, failed: Sequence[ImageRow], look: Look, width: int
) -> list[Parts]:
    """All of it, line by line; ``failed`` are the first failed images, ``report`` is None when it could not be had."""
    totals = update.totals
    change = text.change(totals.bytes_in, totals.bytes_out, digits=1)
    per_second = totals.through / update.elapsed if update.elapsed else 0.0
    before, after = text.size(totals.bytes_in, precise=True), text.size(totals.bytes_out, precise=True)
    outcomes = f"{totals.done} done   {totals.kept} kept   {totals.skipped} skipped   {totals.failed} failed"
    saved = f"{text.size(totals.saved, precise=True)}  {f'({change})' if change else ''}"
    facts: list[Fact] = [
        ("run", f"{info.run_id}: {update.phase} after {text.clock(update.elapsed)}", "strong"),
        ("folders", "  ".join(info.roots), "strong"),
        ("output", info.output, "strong"),
        ("settings", info.summary, "strong"),
        ("images", f"{totals.through} of {totals.found}   {per_second:.1f} a second", "strong"),
        ("outcomes", outcomes, "strong"),
        ("bytes", f"{before} {look.glyphs.arrow} {after}", "strong"),
        ("saved", saved, "good"),
        *([("freed", freed(report), "strong")] if report is not None else []),
    ]
    lines = [*fact_lines(facts, look, width), _keys(failed=totals.failed)]
    if totals.failed:
        lines += [[], *_failures(totals.failed, failed, look, width)]
    if report is not None:
        # Imported when there is something to report: the first paint does not wait for it.
        from engine.report import report_text

        lines += [[], [(" report", "title")], *plain_lines(report_text(report).splitlines(), look.safe, width)]
    return lines


def freed(report: Mapping[str, Any]) -> str:
    """What the run gave back to the disk, which is not what it saved while originals are kept."""
    siblings = report.get("siblingBytes", 0)
    if report["output"] != "in place":
        much = text.size(report["bytesOut"] + siblings, precise=True)
        return f"nothing: the originals stay, the results take {much} beside them"
    if undone := report.get("undone"):
        return f"nothing: {text.count(undone, 'original')} put back by undo"
    if backups := report.get("backupBytes"):
        much = text.size(backups, precise=True)
        return f"nothing yet: {much} of originals are kept for undo; imgopt-tui backups --prune {report['run']}"
    return text.size(report["savedBytes"] - siblings, precise=True)


def _failures(count: int, failed: Sequence[ImageRow], look: Look, width: int) -> list[Parts]:
    """Each with its reason."""
    lines: list[Parts] = [[(f" {text.count(count, 'image')} failed; the originals are as they were", "failed")]]
    for row in failed[:FAILURES]:
        lines += plain_lines([f"  {row.path}: {row.reason}"], look.safe, width)
    shown = min(len(failed), FAILURES)
    more = f"and {count - shown} more: " if shown < count else ""
    lines.append([(f"   {more}", "dim"), (action("images").first, "key"), (" then ", "dim")])
    lines[-1] += [(action("states").first, "key"), (" shows them alone", "dim")]
    return lines


def _keys(*, failed: int) -> Parts:
    """What to press next."""
    parts: Parts = [(" ", "dim")]
    for id in (id for id in NEXT if id != "images" and (failed or id != "retry")):
        entry = action(id)
        parts += [(entry.first, "key"), (f" {entry.name.lower()}   ", "dim")]
    return parts
