"""Names of results: distinct, predictable, and the same in whatever order the sources are listed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence

from engine.formats import Format, info

__all__ = ["fold", "output_names", "output_names_beside", "with_suffix"]


def fold(name: str) -> str:
    """What a file system that folds case or Unicode forms would take for the same name."""
    return unicodedata.normalize("NFC", name).casefold()


def output_names(names: Sequence[str], formats: Sequence[Format | None]) -> list[str]:
    """Output names of the images of one folder, all distinct, also for a file system that folds case.

    ``formats`` are those of the results; None keeps a name. A name whose extension belongs to its format is kept;
    others have theirs replaced, or, where that is taken, the new one added, then ``-2``, ``-3`` … before it.
    """
    if not any(formats):
        return list(names)
    pairs = zip(names, formats, strict=True)
    extensions = [info(format).extensions if format else (_extension(name),) for name, format in pairs]
    own = [_extension(name) in known for name, known in zip(names, extensions, strict=True)]
    wanted = [
        name if same else os.path.splitext(name)[0] + known[0]
        for name, same, known in zip(names, own, extensions, strict=True)
    ]
    claims: dict[str, int] = {}
    for name in wanted:
        claims[fold(name)] = claims.get(fold(name), 0) + 1
    taken = {fold(name) for name, same in zip(names, own, strict=True) if same}
    result = list(names)
    for at in sorted(range(len(names)), key=lambda at: os.fsencode(names[at])):
        name, want, extension = names[at], wanted[at], extensions[at][0]
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


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def output_names_beside(names: Sequence[str], formats: Sequence[Format | None]) -> list[str]:
    """As ``output_names``, for results that are written beside their sources: files that have the format already do
    not count, because they may be the results of an earlier run. A name that one of them has is given all the same;
    the image is then left out."""
    pairs = zip(names, formats, strict=True)
    others = {name: format for name, format in pairs if format and _extension(name) not in info(format).extensions}
    chosen = dict(zip(others, output_names(list(others), list(others.values())), strict=True))
    return [chosen.get(name, name) for name in names]


def with_suffix(name: str, suffix: str) -> str:
    """``photo-small.jpg`` of ``photo.jpg`` and ``-small``. Distinct names stay distinct."""
    stem, extension = os.path.splitext(name)
    return stem + suffix + extension
