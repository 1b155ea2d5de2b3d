"""The page to copy home: pieces of the original and of some rungs are fetched, and written where nothing was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence

from engine.tuning import LARGEST_CROP, Pixels, Rung, Subject
from tui.crop import Place
from tui.tuning_work import Piece

__all__ = ["RESULTS", "make_page", "proposed", "refused", "write_page"]

RESULTS = 6
"""Rungs that are shown as pictures: those nearest to the chosen one."""


def proposed(path: str) -> str:
    """A new file to offer for a page on the image at ``path``: in the present folder, or at home where nothing can be
    written there."""
    folder = os.getcwd()
    if not os.access(folder, os.W_OK):
        folder = os.path.expanduser("~")
    stem = os.path.join(folder, f"{os.path.splitext(os.path.basename(path))[0]}-tuned")
    names = (f"{stem}{f'-{number}' if number else ''}.html" for number in range(10_000))
    return next((name for name in names if not os.path.lexists(name)), f"{stem}.html")


def _full(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def refused(path: str) -> str:
    """Why nothing is written to a path that somebody typed; empty when it may be tried."""
    path = _full(path)
    if os.path.lexists(path):
        return "that is there already: choose another name"
    folder = os.path.dirname(path)
    return "" if os.path.isdir(folder) else f"there is no folder {folder}"


def write_page(path: str, page: str) -> str:
    """Write it and return the full path; never over a file that is there, and nothing is left of a write that failed.
    Raises OSError."""
    path = _full(path)
    with open(path, "x", encoding="utf-8") as file:
        try:
            file.write(page)
            file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
    return path


def nearest(rungs: Sequence[Rung], chosen: Rung) -> list[Rung]:
    """The rungs worth a picture, in their order: not those that have the original's own pixels."""
    pictures = [rung for rung in rungs if rung.made and not rung.lossless]
    near = sorted(pictures, key=lambda rung: abs(rung.bytes - chosen.bytes))[:RESULTS]
    return [rung for rung in pictures if rung in near]


async def make_page(
    fetch: Callable[[Piece], Awaitable[Pixels]],
    subject: Subject,
    rungs: Sequence[Rung],
    chosen: Rung,
    best: Rung | None,
    target: int,
    place: Place,
) -> str:
    """The page with two places: the one that is shown, and the worst of the chosen rung. Raises TuningError."""
    from engine.tuning_page import Shots, tuning_page

    picture = subject.result_width, subject.result_height
    here = Place(place.x, place.y).corner(picture, LARGEST_CROP)
    worst = Place()
    worst.show(chosen.left, chosen.top, 64, picture)
    there = worst.corner(picture, LARGEST_CROP)
    places = [("The place that was shown", here), (f"The worst place of {chosen.format} {chosen.quality}", there)]
    if there == here or chosen.worst is None or chosen.lossless:
        del places[1]
    shots = []
    for name, corner in places:
        piece = Piece(subject.path, None, False, *corner, *LARGEST_CROP, 1)
        results = [(rung, await fetch(piece.of(rung))) for rung in nearest(rungs, chosen)]
        shots.append(Shots(f"{name}: x {corner[0]}, y {corner[1]}", await fetch(piece), results))
    return tuning_page(subject, rungs, best, target, shots)
