"""One image from bytes to bytes, inside a worker.

Facts, TaskSettings ──▶ what would be lost? ──▶ decode (engine.decode) ──▶ encode (engine.encoders) ──▶ Encoded
                               └─▶ WouldLose          └───── libvips error ─────┘─▶ Unreadable
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from engine.decode import Picture, is_harmless, open_image, picture
from engine.embed import embed
from engine.encoders import Request, encode, refuse_size
from engine.errors import Unreadable
from engine.formats import Format
from engine.gainmap import GainMapKind
from engine.job import Loss, Policy, Stage
from engine.losses import settle
from engine.metadata import Metadata, carried, keeps_profile
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
    orientation: int = 1
    """EXIF orientation 1–8: how the pixels lie; the picture is upright when it is obeyed."""


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
    metadata = carried(data, facts, target, policy.metadata)
    try:
        result = _encode(data, facts, settings, target, stage, policy, metadata, strict=True)
    except pyvips.Error as error:
        if facts.format is not Format.JPEG or not is_harmless(error):
            raise _why(data, facts, error) from None
        try:
            result = _encode(data, facts, settings, target, stage, policy, metadata, strict=False)
        except pyvips.Error as again:
            raise _why(data, facts, again) from None
    encoded, lossless = result
    encoded = embed(encoded, target, metadata)
    tag, used = metadata.orientation, 0 if lossless else quality
    if facts.gain_map is GainMapKind.JPEG and target is Format.JPEG:
        from engine.ultrahdr import with_gain_map

        try:
            encoded = with_gain_map(encoded, width, height, data, facts, upright=tag == 1)
        except pyvips.Error as error:
            raise Unreadable(f"damaged: the gain map cannot be decoded ({plain(error)})") from None
    return Encoded(encoded, target, width, height, facts.frames, used, lossless, tag)


def _encode(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    target: Format,
    stage: Callable[[Stage], None],
    policy: Policy,
    metadata: Metadata,
    *,
    strict: bool,
) -> tuple[bytes, bool]:
    quality = settings.quality.of(target)
    upright, srgb_profile = metadata.orientation == 1, keeps_profile(policy.metadata)

    def pixels() -> Picture:
        return picture(
            data,
            facts,
            settings.resize,
            target,
            quality,
            strict=strict,
            flatten=Loss.ALPHA in policy.allow_loss,
            upright=upright,
            srgb_profile=srgb_profile,
        )

    untouched = settings.resize.target(facts.width, facts.height) == (facts.width, facts.height)
    stage(Stage.ENCODE)
    result = encode(target, Request(pixels, facts, data, quality, untouched, policy, upright))
    return result.data, result.lossless


def _why(data: bytes, facts: Facts, error: pyvips.Error) -> Unreadable:
    """Whether decoding or encoding failed."""
    try:
        open_image(data, facts).avg()
    except pyvips.Error as damage:
        return Unreadable(f"damaged: the pixels cannot be decoded ({plain(damage)})")
    return Unreadable(f"the picture cannot be encoded ({plain(error)})")
