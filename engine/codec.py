"""One image from bytes to bytes, inside a worker.

Facts, TaskSettings ──▶ what would be lost? ──▶ decode (engine.decode) ──▶ encode (engine.encoders) ──▶ Encoded
                               └─▶ WouldLose          └───── libvips error ─────┘─▶ Unreadable
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from engine.decode import Picture, is_harmless, open_image, picture
from engine.encoders import Request, encode, refuse_size
from engine.errors import Unreadable
from engine.formats import Format
from engine.job import Loss, Policy, Stage
from engine.losses import settle
from engine.probe import Facts
from engine.task import TaskSettings
from engine.vips import plain, setup

__all__ = ["Encoded", "optimize", "setup", "target_format"]

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
    facts = settle(facts, settings, policy)
    refuse_size(target, width, height, facts.frames)
    stage(Stage.DECODE)
    quality = settings.quality.of(target)
    try:
        result = _encode(data, facts, settings, target, stage, policy, strict=True)
    except pyvips.Error as error:
        if facts.format is not Format.JPEG or not is_harmless(error):
            raise _why(data, facts, error) from None
        try:
            result = _encode(data, facts, settings, target, stage, policy, strict=False)
        except pyvips.Error as again:
            raise _why(data, facts, again) from None
    encoded, lossless = result
    return Encoded(encoded, target, width, height, facts.frames, 0 if lossless else quality, lossless)


def _encode(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    target: Format,
    stage: Callable[[Stage], None],
    policy: Policy,
    *,
    strict: bool,
) -> tuple[bytes, bool]:
    quality = settings.quality.of(target)

    def pixels() -> Picture:
        flatten = Loss.ALPHA in policy.allow_loss
        return picture(data, facts, settings.resize, target, quality, strict=strict, flatten=flatten)

    untouched = settings.resize.target(facts.width, facts.height) == (facts.width, facts.height)
    stage(Stage.ENCODE)
    result = encode(target, Request(pixels, facts, data, quality, untouched, policy))
    return result.data, result.lossless


def _why(data: bytes, facts: Facts, error: pyvips.Error) -> Unreadable:
    """Whether decoding or encoding failed."""
    try:
        open_image(data, facts).avg()
    except pyvips.Error as damage:
        return Unreadable(f"damaged: the pixels cannot be decoded ({plain(damage)})")
    return Unreadable(f"the picture cannot be encoded ({plain(error)})")
