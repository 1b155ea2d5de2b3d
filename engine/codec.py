"""One image from bytes to bytes, inside a worker.

Facts, TaskSettings ──▶ what would be lost? ──▶ decode (engine.decode) ──▶ encode (engine.encoders) ──▶ Encoded
                               └─▶ Declined           └───── libvips error ─────┘─▶ Unreadable
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from engine.decode import Picture, is_harmless, open_image, picture
from engine.encoders import Bytes, Request, encode, refuse_size
from engine.errors import Declined, Unreadable, WriteFailed
from engine.fit import LOWEST, fit
from engine.formats import Format, info
from engine.job import Policy, Stage
from engine.lossless import optimize_losslessly
from engine.probe import Facts
from engine.strip import strip
from engine.task import TaskSettings
from engine.vips import plain, setup
from engine.ways import keeps_pixels, unchanged

__all__ = ["Encoded", "optimize", "optimize_as_stored", "setup", "target_format"]

DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A result in memory."""

    data: bytes
    format: Format
    width: int
    height: int
    """Pixels of one frame, upright."""
    frames: int
    quality: int
    """1–100 as handed to the encoder; 0 when lossless."""
    lossless: bool
    as_stored: bool = False
    """The source's own pixels as they lay in the file: neither turned nor brought to another colour space."""
    orientation: int = 1
    """EXIF orientation 1–8 that the result says."""


def target_format(facts: Facts, settings: TaskSettings) -> Format:
    """The format that will be written."""
    return settings.output_format or facts.format


def optimize(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    stage: Callable[[Stage], None],
    policy: Policy = DEFAULT_POLICY,
) -> Encoded:
    """Encode ``data`` anew. ``stage`` is told DECODE and ENCODE. Raises Unreadable or Declined with a sentence that
    names no file.
    """
    target = target_format(facts, settings)
    width, height = settings.resize.target(facts.width, facts.height)
    _refuse_losses(facts, settings, target)
    refuse_size(target, width, height, facts.frames)
    stage(Stage.DECODE)
    limit = policy.max_size.of(len(data)) if policy.max_size else None
    if keeps_pixels(facts, settings, policy):
        stage(Stage.ENCODE)
        stored = optimize_as_stored(data, facts)
        if limit is None or len(stored.data) <= limit or not _has_quality(target, policy):
            return _within(limit, stored, data, facts, settings)
    try:
        quality, result = _encode(data, facts, settings, target, stage, policy, limit, strict=True)
    except pyvips.Error as error:
        if facts.format is not Format.JPEG or not is_harmless(error):
            raise _why(data, facts, error) from None
        try:
            quality, result = _encode(data, facts, settings, target, stage, policy, limit, strict=False)
        except pyvips.Error as again:
            raise _why(data, facts, again) from None
    number = 0 if result.lossless else quality
    encoded = Encoded(result.data, target, width, height, facts.frames, number, result.lossless)
    return _within(limit, encoded, data, facts, settings)


def optimize_as_stored(data: bytes, facts: Facts) -> Encoded:
    """``data`` stored better, each pixel proven to be as it was, or only without its metadata. Raises Unreadable, and
    Declined for an animated PNG that is not sound.
    """
    try:
        result = optimize_losslessly(data, facts)
    except WriteFailed:
        result = strip(data, facts)
    size = facts.width, facts.height
    return Encoded(result, facts.format, *size, facts.frames, 0, True, as_stored=True, orientation=facts.orientation)


def _has_quality(target: Format, policy: Policy) -> bool:
    """Whether a result can be made smaller by a lower quality."""
    return info(target).lossy and not policy.lossless


def _within(limit: int | None, encoded: Encoded, data: bytes, facts: Facts, settings: TaskSettings) -> Encoded:
    """``encoded``; Declined when neither it nor an original that may be kept has at most ``limit`` bytes."""
    if limit is None or len(encoded.data) <= limit or (unchanged(facts, settings) and len(data) <= limit):
        return encoded
    raise Declined(f"{len(encoded.data):,} bytes do not fit into the {limit:,} of --max-size")


def _encode(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    target: Format,
    stage: Callable[[Stage], None],
    policy: Policy,
    limit: int | None,
    *,
    strict: bool,
) -> tuple[int, Bytes]:
    """The result and the quality it was made with: the one asked for, or the best below that fits ``limit``."""
    untouched = settings.resize.target(facts.width, facts.height) == (facts.width, facts.height)

    def encoded(quality: int) -> Bytes:
        def pixels() -> Picture:
            return picture(data, facts, settings.resize, target, quality, strict=strict)

        return encode(target, Request(pixels, facts, data, quality, untouched, policy))

    stage(Stage.ENCODE)
    quality = settings.quality.of(target)
    if limit is None or not _has_quality(target, policy):
        return quality, encoded(quality)
    if unchanged(facts, settings) and facts.quality:
        quality = min(quality, facts.quality)
    found = fit(encoded, quality, limit)
    if found is None:
        raise Declined(f"over the {limit:,} bytes of --max-size also at quality {min(quality, LOWEST)}")
    return found


def _why(data: bytes, facts: Facts, error: pyvips.Error) -> Unreadable:
    """Whether decoding or encoding failed."""
    try:
        open_image(data, facts).avg()
    except pyvips.Error as damage:
        return Unreadable(f"damaged: the pixels cannot be decoded ({plain(damage)})")
    return Unreadable(f"the picture cannot be encoded ({plain(error)})")


def _refuse_losses(facts: Facts, settings: TaskSettings, target: Format) -> None:
    """Declined when the target has no room for frames, pages or a way to say how bright the colours are."""
    name = target.value.upper()
    if facts.apng and not unchanged(facts, settings):
        raise Declined(f"an animated PNG of {facts.frames} frames: it can only be kept as PNG and at its size")
    if facts.apng:
        return
    if facts.animated and not info(target).frames:
        raise Declined(f"an animation of {facts.frames} frames would be lost: {name} holds one picture")
    if facts.frames > 1 and not facts.animated and target is not Format.TIFF:
        raise Declined(f"{facts.frames} pages, of which all but one would be lost: {name} holds one picture")
    if facts.gamma and target is not Format.PNG:
        raise Declined(f"its colours depend on a gamma of {facts.gamma / 100000:g} that {name} cannot hold")
