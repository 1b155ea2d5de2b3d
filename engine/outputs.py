"""Where the results of a run go: one folder for all, one in each root, beside the sources, or in their place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine import folders
from engine.errors import PlanError
from engine.policy import Overwrite
from engine.roots import Root, inside, with_targets
from engine.settings import Settings

__all__ = ["Outputs", "outputs_of"]

OUTPUT_FOLDER = "optimized"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The roots with their targets, and what may be replaced there."""

    roots: tuple[Root, ...]
    overwrite: Overwrite
    """Never ``OURS``: it is known by now what that comes to."""
    shown: str
    """For the eye."""
    made: tuple[str, ...] = ()
    """Folders to create and mark as ours."""


def outputs_of(roots: Sequence[Root], settings: Settings) -> Outputs:
    """For the roots of a run; raises PlanError before anything is written."""
    if settings.in_place:
        return Outputs(with_targets(roots, None), Overwrite.NEVER, "in place")
    if settings.output is None:
        return _in_each_root(roots, settings)
    output = os.path.realpath(settings.output)
    if os.path.lexists(output) and not os.path.isdir(output):
        raise PlanError(f"{output} is a file, not a folder; choose another folder with -o")
    planned = tuple(replace(root, target=output) for root in roots) if settings.flat else with_targets(roots, output)
    _check_apart(planned, settings)
    beside = any(root.target == root.source for root in planned)
    ours = not beside and (not os.path.isdir(output) or _empty(output) or folders.ours(output))
    return Outputs(planned, _overwrite(settings, ours=ours), output, (output,) if ours else ())


def _in_each_root(roots: Sequence[Root], settings: Settings) -> Outputs:
    planned = tuple(replace(root, target=os.path.join(root.source, OUTPUT_FOLDER)) for root in roots)
    for root in planned:
        _check_default(root.target)
    made = tuple(dict.fromkeys(root.target for root in planned))
    where = made[0] if len(made) == 1 else f"{OUTPUT_FOLDER}/ in each root"
    return Outputs(planned, _overwrite(settings, ours=True), where, made)


def _overwrite(settings: Settings, *, ours: bool) -> Overwrite:
    asked = Overwrite(settings.overwrite)
    if asked is not Overwrite.OURS:
        return asked
    return Overwrite.ALL if ours else Overwrite.NEVER


def _empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError as error:
        reason = f"{folder}: the output folder cannot be read: {error.strerror}; choose another with -o"
        raise PlanError(reason) from None


def _check_default(target: str) -> None:
    if not os.path.lexists(target) or folders.ours(target):
        return
    if os.path.islink(target) or not os.path.isdir(target) or not _empty(target):
        raise PlanError(
            f"{target} exists and was not made by imgopt-tui, so nothing is written there; choose a folder with -o"
        )


def _check_apart(roots: Sequence[Root], settings: Settings) -> None:
    """Refuse outputs that would land on sources. With a suffix, results can lie beside them."""
    for root in roots:
        for other in roots:
            beside = root.target == other.source
            if beside and settings.suffix is not None:
                if settings.variants:
                    raise PlanError(
                        f"{root.target} holds the originals of this run, and results of --also and --widths beside "
                        "them could not be told from originals; choose another folder with -o"
                    )
            elif beside or inside(other.source, root.target):
                raise PlanError(
                    f"{root.target} holds the originals of this run; choose another folder with -o, write beside them "
                    "with --suffix, or use --in-place"
                )
