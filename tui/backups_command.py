"""``imgopt-tui backups``: which runs keep originals, what they cost, and how they are given up."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence

from engine import machine
from engine.areas import Area, chosen, find_areas
from engine.errors import PlanError
from engine.holdings import Held, held, prune
from engine.originals import given_up
from engine.report import human_bytes
from tui.deleting import age, agreed
from tui.text import count, escape
from tui.undo_command import refuse_running

__all__ = ["backups"]

EXIT_NOTHING = 3


def backups(
    places: Sequence[str], *, run: str | None, older_than: str | None, every: bool, yes: bool, as_json: bool
) -> int:
    """List the runs with backups, or delete those of ``run``, older ones, or ``every`` one; returns the exit code.
    Raises PlanError."""
    found = [(area, held(area)) for area in find_areas(list(places) or [os.getcwd()], known=not places)]
    found = [(area, holding) for area, holding in found if holding.images]
    if run is None and older_than is None and not every:
        return _list(found, as_json=as_json)
    areas = [area for area, _ in found]
    if run is not None:
        areas = chosen(areas, run)
    elif older_than is not None:
        before = time.time() - age(older_than)
        areas = [area for area in areas if area.started < before]
    return _prune([pair for pair in found if pair[0] in areas], named=run is not None, yes=yes, as_json=as_json)


def _list(found: Sequence[tuple[Area, Held]], *, as_json: bool) -> int:
    if as_json:
        print(machine.dumps({"backups": [_record(*pair) for pair in found]}))
    elif found:
        for area, holding in found:
            print(_line(area, holding))
        total = sum(holding.bytes for _, holding in found)
        print(f"{human_bytes(total)} held; put back: imgopt-tui undo RUN, delete: imgopt-tui backups --prune RUN")
    else:
        _tell("no backups were found")
    return 0 if found else EXIT_NOTHING


def _record(area: Area, holding: Held) -> dict[str, object]:
    return {
        "run": area.run,
        "started": area.started,
        "root": area.root,
        "folder": area.folder,
        "settings": area.summary,
        "images": holding.images,
        "bytes": holding.bytes,
        "links": holding.links,
        "copies": holding.images - holding.links,
    }


def _line(area: Area, holding: Held) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(area.started)) if area.started else "time unknown"
    kinds = f"{holding.links} by link, {holding.images - holding.links} copied"
    images = count(holding.images, "image")
    return f"{area.run}  {when}  {escape(area.root)}  {images} ({kinds})  {human_bytes(holding.bytes)}"


def _prune(found: Sequence[tuple[Area, Held]], *, named: bool, yes: bool, as_json: bool) -> int:
    if not found:
        _tell("no such backups were found")
        return EXIT_NOTHING if named else 0
    refuse_running([area.run for area, _ in found])
    lines = [_line(*pair) for pair in found]
    if not yes and not agreed("backups", lines, "delete these originals for good?"):
        _tell("nothing was deleted")
        return EXIT_NOTHING
    before = _used(found)
    for area, _ in found:
        try:
            prune(area)
        except OSError as error:
            raise PlanError(f"{area.folder}: the backups cannot be deleted: {error.strerror}") from None
        given_up(area.run)
    after = _used(found)
    if as_json:
        disks = [{"folder": root, "usedBefore": before[root], "usedAfter": after[root]} for root in before]
        print(machine.dumps({"pruned": [_record(*pair) for pair in found], "disks": disks}))
        return 0
    for line in lines:
        print(f"{line}  deleted")
    for root in before:
        print(f"disk of {escape(root)}: {human_bytes(before[root])} used before, {human_bytes(after[root])} now")
    return 0


def _used(found: Sequence[tuple[Area, Held]]) -> dict[str, int]:
    """Bytes in use on the file systems of the areas; each file system once, by the first area's root."""
    used: dict[int, tuple[str, int]] = {}
    for area, _ in found:
        place = area.folder
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        used.setdefault(os.stat(place).st_dev, (area.root, shutil.disk_usage(place).used))
    return dict(used.values())


def _tell(line: str) -> None:
    print(f"imgopt-tui: {line}", file=sys.stderr, flush=True)
