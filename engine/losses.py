"""What a result would lack that its source has: decided here for every format, before anything is encoded.

    Facts, target, quality ──▶ losses() ──▶ kinds that the settings do not allow ──▶ WouldLose, one sentence
                                       └──▶ all allowed: Facts of what is delivered (an animation's first frame)

Whether an alpha channel is in use is only seen in the pixels: ``engine.decode`` and ``engine.encoders`` raise for
``alpha`` what this module words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.errors import WouldLose
from engine.formats import Format, info
from engine.gainmap import GainMapKind
from engine.policy import Loss, Policy
from engine.probe import Facts
from engine.task import TaskSettings
from engine.ways import unchanged

__all__ = ["TRAILING_ALLOWED", "Lost", "delivered", "depth", "half_transparent", "losses", "settle", "transparent"]

TRAILING_ALLOWED = 10_000
"""Bytes after the picture's end that are dropped without asking; more is a second picture, a film, a depth map."""


@dataclass(frozen=True, slots=True)
class Lost:
    """One loss."""

    kind: Loss
    sentence: str
    """What would be lost, and why where that is not plain."""


def depth(facts: Facts, target: Format, quality: int) -> int:
    """Bits per sample that ``target`` holds at ``quality``."""
    match target:
        case Format.TIFF:
            return 16
        case Format.PNG:
            return 16 if quality == 100 else 8
        case Format.AVIF if facts.format is Format.AVIF:
            return facts.bits
        case Format.AVIF:
            return 12 if quality == 100 else 10
        case _:
            return 8


def losses(facts: Facts, target: Format, quality: int) -> tuple[Lost, ...]:
    """Everything that the header says would be lost."""
    return (*_pictures(facts, target), *_beside(facts, target), *_values(facts, target, quality))


def _pictures(facts: Facts, target: Format) -> Iterator[Lost]:
    name = target.value.upper()
    if facts.apng:
        yield Lost(
            Loss.ANIMATION,
            "an animated PNG, whose frames would be lost: it is only made smaller as it is",
        )
    elif facts.animated and not info(target).frames:
        yield Lost(Loss.ANIMATION, f"an animation of {facts.frames} frames would be lost: {name} holds one picture")
    elif facts.sequence:
        yield Lost(Loss.ANIMATION, "its animation would be lost: of an AVIF only one picture is read")
    elif facts.frames > 1 and not facts.animated and target is not Format.TIFF:
        yield Lost(Loss.PAGES, f"{facts.frames} pages, of which all but one would be lost: {name} holds one picture")
    if facts.more:
        total = facts.frames + facts.more
        alike = "pages that differ in size or kind" if facts.format is Format.TIFF else "pictures in one file"
        yield Lost(Loss.PAGES, f"{total} {alike}, of which all but one would be lost")


def _beside(facts: Facts, target: Format) -> Iterator[Lost]:
    if facts.layers:
        yield Lost(Loss.LAYERS, f"its {facts.layers} would be lost")
    if facts.gain_map is GainMapKind.OTHER:
        yield Lost(Loss.GAIN_MAP, "its HDR gain map would be lost: it is not of the kind that can be carried over")
    elif facts.gain_map is GainMapKind.JPEG and target is not Format.JPEG:
        yield Lost(Loss.GAIN_MAP, "its HDR gain map would be lost: it is only kept from JPEG to JPEG")
    if facts.trailing > TRAILING_ALLOWED:
        what = "film, depth map or preview"
        yield Lost(Loss.TRAILING, f"{facts.trailing:,} bytes after the picture's end would be lost ({what})")


def _values(facts: Facts, target: Format, quality: int) -> Iterator[Lost]:
    name = target.value.upper()
    most = depth(facts, target, quality)
    if facts.bits > most:
        yield Lost(Loss.BITS, f"{facts.bits} bits per sample would become {most}: {name} holds no more{_why(target)}")
    if facts.gamma and target is not Format.PNG:
        yield Lost(Loss.PROFILE, f"its colours depend on a gamma of {facts.gamma / 100000:g} that {name} cannot hold")
    if facts.coding and not (facts.format is Format.PNG and target is Format.PNG):
        yield Lost(Loss.PROFILE, f"its colours are given by a code ({facts.coding}) that would be lost")


def _why(target: Format) -> str:
    return " as a palette" if target is Format.PNG else ""


def transparent(target: Format) -> WouldLose:
    """The refusal for an alpha channel that is in use, where the target has none."""
    return WouldLose(f"transparency would be lost: {target.value.upper()} has none", Loss.ALPHA)


def half_transparent() -> WouldLose:
    """The refusal for half transparency in a GIF."""
    return WouldLose("half-transparent pixels would be lost: a GIF pixel is seen or not", Loss.ALPHA)


def settle(facts: Facts, settings: TaskSettings, policy: Policy) -> Facts:
    """Facts of what will be delivered; WouldLose when that lacks something whose loss is not allowed."""
    target = settings.output_format or facts.format
    if facts.apng:
        if unchanged(facts, settings):
            return facts
        if Loss.ANIMATION in policy.allow_loss:
            facts = replace(facts, frames=1, animated=False, apng=False)
    refused = [
        lost for lost in losses(facts, target, settings.quality.of(target)) if lost.kind not in policy.allow_loss
    ]
    if refused:
        sentence = "; ".join(lost.sentence for lost in refused)
        raise WouldLose(sentence, *dict.fromkeys(lost.kind for lost in refused))
    return delivered(facts, target)


def delivered(facts: Facts, target: Format) -> Facts:
    """``facts`` with the frames or pages that ``target`` holds."""
    holds = info(target).frames if facts.animated else target is Format.TIFF
    return facts if facts.frames == 1 or holds else replace(facts, frames=1, animated=False)
