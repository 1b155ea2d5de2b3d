"""``imgopt-tui undo``: put back what a run in place replaced."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from engine import machine
from engine.areas import LAST, Area, chosen, find_areas
from engine.errors import PlanError
from engine.holdings import held
from engine.originals import taken_back
from engine.undo import Undone, Verdict, undo
from tui.text import escape

__all__ = ["refuse_running", "undo_run"]

EXIT_REFUSED = 1
EXIT_NOTHING = 3


def undo_run(run: str, paths: Sequence[str], places: Sequence[str], *, dry_run: bool, as_json: bool) -> int:
    """Undo ``run`` (the beginning of an id, or ``last``), all of it or ``paths``, and say what came of it; returns the
    exit code. Areas are looked for at ``places``, the paths and the current folder. Raises PlanError."""
    areas = chosen(find_areas([*places, *paths] or [os.getcwd()]), run)
    if not areas:
        looked = ", ".join([*places, *paths] or [os.getcwd()])
        which = "no run" if run == LAST else f"no run {run!r}"
        _tell(f"{which} with backups was found at {looked}; name its root with --in")
        return EXIT_NOTHING
    refuse_running([areas[0].run])
    results = _undo_all(areas, _filter(paths), dry_run=dry_run, as_json=as_json)
    return _conclude(areas[0].run, results, dry_run=dry_run, as_json=as_json)


def _undo_all(areas: Sequence[Area], wanted: Callable[[str], bool], *, dry_run: bool, as_json: bool) -> list[Undone]:
    results: list[Undone] = []
    for area in areas:
        try:
            for result in undo(area, wanted, dry_run=dry_run):
                results.append(result)
                if result.odd and not as_json:
                    _tell(f"{escape(result.path)}: {result.verdict.value}: {escape(result.reason)}")
        except OSError as error:
            raise PlanError(f"{area.folder}: the backups cannot be read: {error.strerror}") from None
    if not dry_run:
        done = [result for result in results if result.verdict is not Verdict.REFUSED]
        entries = [result.entry for result in done if result.entry is not None]
        back = sum(result.verdict is Verdict.BACK for result in done)
        taken_back(areas[0].run, entries, back=back, kept=sum(held(area).bytes for area in areas))
    return results


def _conclude(run: str, results: Sequence[Undone], *, dry_run: bool, as_json: bool) -> int:
    counts = Counter(result.verdict for result in results)
    back, refused = counts[Verdict.BACK], counts[Verdict.REFUSED]
    if as_json:
        summary = {"run": run, "dryRun": dry_run, "back": back, "nothing": counts[Verdict.NOTHING], "refused": refused}
        listed = [{"path": one.path, "status": one.verdict.name.lower(), "reason": one.reason} for one in results]
        print(machine.dumps({"summary": summary, "results": listed}))
    else:
        would = "would be " if dry_run else ""
        print(f"run {run}: {back} {would}put back, {counts[Verdict.NOTHING]} as they were, {refused} refused")
    if refused:
        return EXIT_REFUSED
    return 0 if back else EXIT_NOTHING


def _filter(paths: Sequence[str]) -> Callable[[str], bool]:
    """Whether a source is one of ``paths`` or below; a path may itself be a link to a root."""
    names: set[str] = set()
    for path in paths:
        above, name = os.path.split(os.path.abspath(path))
        names |= {os.path.join(os.path.realpath(above), name), os.path.realpath(path)}
    return lambda source: not names or any(source == name or source.startswith(name + os.sep) for name in names)


def refuse_running(runs: Sequence[str]) -> None:
    """Raise PlanError when one of these runs is still at work."""
    from engine.runner import running

    for live in asyncio.run(running()):
        if (run_id := live.info.run_id) in runs:
            raise PlanError(f"run {run_id} is still at work; wait for its end, or: imgopt-tui stop {run_id}")


def _tell(line: str) -> None:
    print(f"imgopt-tui: {line}", file=sys.stderr, flush=True)
