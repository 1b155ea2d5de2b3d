"""Siblings of a result: the same picture in other formats and widths, ``photo.webp`` or ``photo-960.avif``.

Names are settled while planning, from the names of a folder's results alone; what a sibling holds is the worker's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count

from engine.formats import Format, format_for_extension, info
from engine.names import fold

__all__ = ["Variant", "sibling_bases", "siblings", "variants_of"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One sibling of every image."""

    format: Format | None = None
    """None: the main result's own."""
    width: int | None = None
    """Pixels; None: the main result's own. Images that are not wider get no such sibling."""

    def name(self, base: str, extension: str) -> str:
        """``base-WIDTH.ext``; ``extension`` is the main result's."""
        if self.format is not None and format_for_extension(extension) is not self.format:
            extension = info(self.format).extensions[0]
        return f"{base}-{self.width}{extension}" if self.width else base + extension


def variants_of(also: Sequence[Format], widths: Sequence[int]) -> tuple[Variant, ...]:
    """Every sibling that is not the main result itself: each width in each format, then each other format."""
    sizes = sorted(set(widths))
    formats = (None, *dict.fromkeys(also))
    return tuple(Variant(format, width) for width in (*sizes, None) for format in formats if format or width)


def siblings(variants: Sequence[Variant], base: str, main: str) -> list[tuple[Variant, str]]:
    """The siblings of the result named ``main``, with their names; one that would be ``main`` again, or another
    sibling again, is left out."""
    extension = os.path.splitext(main)[1]
    own = format_for_extension(extension)
    kept = [variant for variant in variants if variant.format is None or variant.format is not own]
    return [(variant, variant.name(base, extension)) for variant in kept]


def sibling_bases(mains: Sequence[str], variants: Sequence[Sequence[Variant]]) -> list[str]:
    """What the names of each result's siblings begin with, so that all names of a folder are distinct, also for a
    file system that folds case; ``variants`` are those of each result. Empty for one without siblings.

    It is the result's name without extension; where that would clash with another result or sibling, the whole name,
    then that with ``-2``, ``-3`` … The order of ``mains`` does not matter.
    """
    stems: dict[str, int] = {}
    for name in mains:
        stem = fold(os.path.splitext(name)[0])
        stems[stem] = stems.get(stem, 0) + 1
    taken = {fold(name) for name in mains}
    result = [""] * len(mains)
    for at in sorted(range(len(mains)), key=lambda at: os.fsencode(mains[at])):
        main = mains[at]
        if not variants[at]:
            continue
        stem = os.path.splitext(main)[0]
        alone = [stem] if stems[fold(stem)] == 1 else []
        for choice in chain(alone, [main], (f"{main}-{number}" for number in count(2))):
            names = {fold(name) for _, name in siblings(variants[at], choice, main)}
            if not taken & names:
                break
        taken |= names
        result[at] = choice
    return result
