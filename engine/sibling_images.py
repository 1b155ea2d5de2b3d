"""The siblings of one image, made from the same decoded pixels as its main result (``engine.variants`` names them)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine import codec
from engine.check import check_pixels, check_structure
from engine.decode import SharedPictures
from engine.errors import Declined, WouldLose
from engine.files import Target
from engine.formats import Format
from engine.job import Job, Sibling, Stage
from engine.probe import Facts
from engine.source import Source
from engine.task import Resize, ResizeMode, TaskSettings
from engine.temps import sibling_temp
from engine.variants import Variant, siblings

__all__ = ["Siblings", "make_siblings", "settings_of", "wanted"]


@dataclass(frozen=True, slots=True)
class Siblings:
    """What was made, in the order in which it is written."""

    writes: tuple[tuple[Target, bytes], ...] = ()
    made: tuple[Sibling, ...] = ()
    left_out: str = ""
    """Which could not hold the picture, and why; empty when all could."""
    missed: str = ""
    """Which do not reach the target, and how far they come; empty when all do."""


def settings_of(variant: Variant, settings: TaskSettings, main: Format) -> TaskSettings:
    """The settings that make a sibling of a main result in the format ``main``."""
    resize = Resize(ResizeMode.WIDTH, variant.width) if variant.width else settings.resize
    return replace(settings, resize=resize, output_format=variant.format or main)


def wanted(job: Job, facts: Facts, main: Format) -> list[tuple[Variant, str]]:
    """The siblings to make and their names, those of one size together: none larger than the main result, and none
    that would be that result again."""
    width, _ = job.recipe.settings.resize.target(facts.width, facts.height)
    named = siblings(job.recipe.variants, job.base, os.path.basename(job.target))
    found = [
        (variant, name)
        for variant, name in named
        if (variant.width < width if variant.width else variant.format is not main)
    ]
    return sorted(found, key=lambda pair: -(pair[0].width or width))


def make_siblings(
    job: Job,
    source: Source,
    data: bytes,
    facts: Facts,
    main: Format,
    temp: str,
    shared: SharedPictures,
    stage: Callable[[Stage], None],
    *,
    full_check: bool,
) -> Siblings:
    """Encode and check them. One that its format cannot hold is left out with the reason; raises what
    ``engine.codec.optimize`` raises beside that, and WriteFailed."""
    writes: list[tuple[Target, bytes]] = []
    made: list[Sibling] = []
    left_out: list[str] = []
    missed: list[str] = []
    policy = job.recipe.policy
    for number, (variant, name) in enumerate(wanted(job, facts, main), 1):
        settings = settings_of(variant, job.recipe.settings, main)
        try:
            encoded = codec.optimize(data, facts, settings, stage, policy, shared)
        except Declined as error:
            reason = error.with_option() if isinstance(error, WouldLose) else error
            left_out.append(f"{name!r}: {reason}")
            continue
        check_structure(encoded)
        if full_check and not encoded.as_stored:
            check_pixels(data, facts, settings, encoded)
        path = os.path.join(os.path.dirname(job.target), name)
        target = Target(
            path,
            sibling_temp(temp, number),
            source=job.source,
            like=source.status,
            preserve=policy.preserve,
            overwrite=policy.overwrite,
        )
        writes.append((target, encoded.data))
        size = len(encoded.data)
        score = encoded.measured.score if encoded.measured else None
        made.append(Sibling(name, size, encoded.width, encoded.height, encoded.format.value, encoded.quality, score))
        if encoded.missed:
            missed.append(f"{name!r}: {encoded.missed}")
    return Siblings(tuple(writes), tuple(made), "; ".join(left_out), "; ".join(missed))
