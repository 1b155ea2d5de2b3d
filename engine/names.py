"""Names of results: distinct, predictable, and the same in whatever order the sources are listed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

from engine.formats import Format, info

__all__ = ["fold", "output_names", "output_names_beside"]


def fold(name: str) -> str:
    """What a file system that folds case or Unicode forms would take for the same name."""
    return unicodedata.normalize("NFC", name).casefold()


def output_names(names: Sequence[str], format: Format | None) -> list[str]:
    """Output names of the images of one folder, all distinct, also for a file system that folds case.

    ``format`` None keeps the names. A name whose extension belongs to ``format`` is kept; others have theirs
    replaced, or, where that is taken, the new one added, then ``-2``, ``-3`` … before it.
    """
    if format is None:
        return list(names)
    extension = info(format).extensions[0]
    own = [os.path.splitext(name)[1].lower() in info(format).extensions for name in names]
    wanted = [n if same else os.path.splitext(n)[0] + extension for n, same in zip(names, own, strict=True)]
    claims: dict[str, int] = {}
    for name in wanted:
        claims[fold(name)] = claims.get(fold(name), 0) + 1
    taken = {fold(name) for name, same in zip(names, own, strict=True) if same}
    result = list(names)
    for at in sorted(range(len(names)), key=lambda at: os.fsencode(names[at])):
        name, want = names[at], wanted[at]
        if own[at]:
            continue
        choice = want if claims[fold(want)] == 1 else name + extension
        number = 2
        while fold(choice) in taken:
            choice = f"{name}-{number}{extension}"
            number += 1
        taken.add(fold(choice))
        result[at] = choice
    return result


def output_names_beside(names: Sequence[str], format: Format | None) -> list[str]:
    """As ``output_names``, for results that are written beside their sources: files that have the format already do
    not count, because they may be the results of an earlier run. A name that one of them has is given all the same;
    the image is then left out."""
    if format is None:
        return list(names)
    known = info(format).extensions
    others = [name for name in names if os.path.splitext(name)[1].lower() not in known]
    chosen = dict(zip(others, output_names(others, format), strict=True))
    return [chosen.get(name, name) for name in names]
