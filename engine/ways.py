"""Whether an image is encoded anew or only stored better, from what is known before it is decoded."""

from __future__ import annotations

from engine.formats import Format, info
from engine.icc import ProfileKind
from engine.policy import Policy
from engine.probe import Facts
from engine.quality import LOWEST
from engine.task import TaskSettings

__all__ = ["keeps_pixels", "unchanged"]


def unchanged(facts: Facts, settings: TaskSettings) -> bool:
    """Whether neither format nor size are to change."""
    same_size = settings.resize.target(facts.width, facts.height) == (facts.width, facts.height)
    return settings.output_format in (None, facts.format) and same_size


def keeps_pixels(facts: Facts, settings: TaskSettings, policy: Policy) -> bool:
    """Whether the stored pixels stay as they are and only their storage is made smaller (``lossless.py``).

    So it is for animated PNGs, for what cannot be encoded anew exactly when that is asked for, and for JPEG and WebP
    whose own quality is no higher than the one asked for, or than the least one that may be tried: encoding those again
    would only lose more.
    """
    if not unchanged(facts, settings):
        return False
    if facts.apng:
        return True
    if policy.lossless:
        return not _exact_anew(facts)
    quality = settings.quality.of(facts.format)
    if policy.target is not None:
        quality = policy.target.lowest or LOWEST
    if policy.keep_original:
        return info(facts.format).lossy and 0 < facts.quality <= quality
    upright = facts.orientation == 1 and not facts.cmyk
    return facts.format is Format.JPEG and quality == 100 and facts.quality > 0 and upright


def _exact_anew(facts: Facts) -> bool:
    """Whether decoding and encoding again in the same format gives the same pixels."""
    if facts.cmyk or (facts.format is Format.WEBP and facts.profile is ProfileKind.GREY):
        return False
    return facts.lossless and facts.format is not Format.JPEG
