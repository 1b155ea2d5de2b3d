"""The page to copy home: pieces of the original and of some rungs are fetched, and written where nothing was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.tuning import LARGEST_CROP, Pixels, Rung, Subject
from tui.crop import Place
from tui.tuning_work import Piece

__all__ = ["RESULTS", "make_page"]

RESULTS = 6
"""Rungs that are shown as pictures: those nearest to the chosen one."""


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
