"""One image from bytes to bytes, inside a worker.

Facts, TaskSettings ──▶ what would be lost? ──▶ decode (engine.decode) ──▶ encode (engine.encoders) ──▶ Encoded
                               └─▶ WouldLose          └───── libvips error ─────┘─▶ Unreadable
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pyvips

from engine import efforts
from engine.decode import Picture, SharedPictures, is_harmless, open_image, picture, treatment
from engine.embed import embed
from engine.encoders import Bytes, Request, encode, refuse_size
from engine.errors import Declined, Unreadable, WriteFailed
from engine.fit import LOWEST, fit
from engine.formats import Format, info
from engine.gainmap import GainMapKind
from engine.job import Stage
from engine.losses import settle
from engine.lossless import optimize_losslessly
from engine.metadata import Metadata, carried, keeps_profile
from engine.policy import Loss, Policy
from engine.probe import Facts
from engine.quality import ENCODES, Measured, QualityTarget
from engine.reach import Choice, Encoder, bounds, palette, reach, without_loss
from engine.strip import strip
from engine.task import TaskSettings
from engine.vips import plain, setup
from engine.ways import keeps_pixels, unchanged

if TYPE_CHECKING:
    from engine.similarity import Comparison

__all__ = ["Encoded", "Encoding", "may_stay", "optimize", "optimize_as_stored", "optimize_settled", "setup"]
__all__ += ["target_format"]

DEFAULT_POLICY = Policy()
Made = TypeVar("Made")


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
    """EXIF orientation 1–8 that the result says: how the pixels lie."""
    measured: Measured | None = None
    missed: str = ""
    """What of a target it does not reach, in words; empty without one."""
    options: str = ""
    """What the encoder was told beside the quality; empty where nothing was encoded anew."""


def target_format(facts: Facts, settings: TaskSettings) -> Format:
    """The format that will be written."""
    return settings.output_format or facts.format


def optimize(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    stage: Callable[[Stage], None],
    policy: Policy = DEFAULT_POLICY,
    shared: SharedPictures | None = None,
) -> Encoded:
    """Encode ``data`` anew. ``stage`` is told DECODE and ENCODE; with ``shared`` pixels are decoded into it and taken
    from there. Raises Unreadable or Declined with a sentence that names no file.
    """
    return optimize_settled(data, settle(facts, settings, policy), settings, stage, policy, shared)


def optimize_settled(
    data: bytes,
    facts: Facts,
    settings: TaskSettings,
    stage: Callable[[Stage], None],
    policy: Policy,
    shared: SharedPictures | None,
) -> Encoded:
    """As ``optimize``, for facts that ``engine.losses.settle`` has found to lose nothing but what may be lost."""
    target = target_format(facts, settings)
    width, height = settings.resize.target(facts.width, facts.height)
    refuse_size(target, width, height, facts.frames)
    stage(Stage.DECODE)
    limit = policy.max_size.of(len(data)) if policy.max_size else None
    stage(Stage.ENCODE)
    if keeps_pixels(facts, settings, policy):
        stored = optimize_as_stored(data, facts, policy)
        if limit is None or len(stored.data) <= limit or not _has_quality(target, policy):
            return _within(limit, stored, data, facts, settings)
    metadata = carried(data, facts, target, policy.metadata)
    if policy.target is not None and shared is None:
        shared = SharedPictures()
    encoding = Encoding(data, facts, settings, policy, metadata, shared, strict=True)
    choice = encoding.attempt(lambda encoding: encoding.best(limit))
    if choice.missed and may_stay(facts, settings, policy):
        return optimize_as_stored(data, facts, policy)
    result, tag = choice.bytes, metadata.orientation
    encoded = Encoded(
        result.data,
        target,
        width,
        height,
        facts.frames,
        0 if result.lossless else choice.quality,
        result.lossless,
        orientation=tag,
        measured=choice.measured,
        missed=choice.missed,
        options=result.options,
    )
    return _within(limit, encoded, data, facts, settings)


def optimize_as_stored(data: bytes, facts: Facts, policy: Policy = DEFAULT_POLICY) -> Encoded:
    """``data`` stored better, each pixel proven to be as it was, or only without the metadata that is to go. Raises
    Unreadable, and Declined for an animated PNG that is not sound.
    """
    try:
        result = optimize_losslessly(data, facts, policy.metadata, efforts.OXIPNG[policy.effort])
    except WriteFailed:
        result = strip(data, facts, policy.metadata)
    size = facts.width, facts.height
    return Encoded(result, facts.format, *size, facts.frames, 0, True, as_stored=True, orientation=facts.orientation)


def may_stay(facts: Facts, settings: TaskSettings, policy: Policy) -> bool:
    """Whether what cannot reach a target may keep its own pixels instead."""
    return policy.keep_original and unchanged(facts, settings) and info(facts.format).lossy


def _has_quality(target: Format, policy: Policy) -> bool:
    """Whether a result can be made smaller by a lower quality."""
    return info(target).lossy and not policy.lossless


def _within(limit: int | None, encoded: Encoded, data: bytes, facts: Facts, settings: TaskSettings) -> Encoded:
    """``encoded``; Declined when neither it nor an original that may be kept has at most ``limit`` bytes."""
    if limit is None or len(encoded.data) <= limit or (unchanged(facts, settings) and len(data) <= limit):
        return encoded
    raise Declined(f"{len(encoded.data):,} bytes do not fit into the {limit:,} of --max-size")


@dataclass(frozen=True, slots=True)
class Encoding:
    """One picture on its way into one format, at whatever quality."""

    data: bytes
    facts: Facts
    settings: TaskSettings
    policy: Policy
    metadata: Metadata
    """What goes into the result; its orientation is that of the result's pixels."""
    shared: SharedPictures | None
    strict: bool

    @property
    def target(self) -> Format:
        """The format that will be written."""
        return target_format(self.facts, self.settings)

    def attempt(self, work: Callable[[Encoding], Made]) -> Made:
        """``work`` with this, and once more without strictness where a strict decode found only something harmless.
        Unreadable for what libvips cannot decode or encode."""
        try:
            return work(self)
        except pyvips.Error as error:
            if not self.strict or self.facts.format is not Format.JPEG or not is_harmless(error):
                raise _why(self.data, self.facts, error) from None
        return replace(self, strict=False).attempt(work)

    def best(self, limit: int | None) -> Choice:
        """The result and the quality it was made with: the one asked for, or the best below that fits ``limit``, or
        the least that reaches the policy's target."""
        quality = self.settings.quality.of(self.target)
        if self.policy.target is not None and not self.policy.lossless:
            return self.reach(self.policy.target)
        if limit is None or not _has_quality(self.target, self.policy):
            return Choice(quality, self.at(quality))
        if unchanged(self.facts, self.settings) and self.facts.quality:
            quality = min(quality, self.facts.quality)
        found = fit(self.at, quality, limit)
        if found is None:
            raise Declined(f"over the {limit:,} bytes of --max-size also at quality {min(quality, LOWEST)}")
        return Choice(*found)

    def reach(
        self,
        target: QualityTarget,
        encode: Encoder | None = None,
        compare: Callable[[bytes], Comparison] | None = None,
    ) -> Choice:
        """The least that reaches ``target``. ``encode`` and ``compare`` may stand in for ``at`` and ``compare``."""
        encode, compare = encode or self.at, compare or self.compare
        quality = self.settings.quality.of(self.target)
        if self.target is Format.PNG and quality < 100:
            return palette(quality, target, encode, compare)
        if not info(self.target).lossy:
            return Choice(quality, encode(quality))
        lowest, highest = bounds(self.target, target)
        if unchanged(self.facts, self.settings) and self.facts.quality:
            highest = max(lowest, min(highest, self.facts.quality - 1))
        exact = self.target is Format.WEBP and self.facts.lossless and target.highest is None
        most, effort = ENCODES - exact, self.policy.effort
        choice = reach(self.target, target, effort, encode, compare, (lowest, highest), most)
        if not exact:
            return choice
        width, height = self.settings.resize.target(self.facts.width, self.facts.height)
        scale = width * height / (self.facts.width * self.facts.height)
        return without_loss(choice, encode, len(choice.bytes.data) / (scale * len(self.data)))

    def compare(self, data: bytes) -> Comparison:
        """How much the whole file ``data`` looks like the pixels that are encoded."""
        from engine.seen import Seen

        assert self.shared is not None, "a target needs the pixels more than once"
        frames, orientation = self.facts.frames, self.metadata.orientation
        return self.shared.beside(lambda pixels, kept: Seen(pixels, frames, orientation, kept)).compare(data)

    def at(self, quality: int, full_chroma: bool | None = None) -> Bytes:
        """The result at ``quality``, with all that goes into the file."""
        untouched = self.settings.resize.target(self.facts.width, self.facts.height) == (
            self.facts.width,
            self.facts.height,
        )
        upright = self.metadata.orientation == 1
        request = Request(
            partial(self.pixels, quality), self.facts, self.data, quality, untouched, self.policy, upright, full_chroma
        )
        result = encode(self.target, request)
        return replace(result, data=self._with_gain_map(embed(result.data, self.target, self.metadata)))

    def pixels(self, quality: int) -> Picture:
        """What the encoder gets; in memory where they are shared."""
        if self.shared is None:
            return self._opened(quality)
        facts, srgb_profile = self.facts, keeps_profile(self.policy.metadata)
        colours = treatment(facts, self.target, quality, srgb_profile=srgb_profile)
        size = self.settings.resize.target(facts.width, facts.height)
        key = colours, size, facts.frames, self.metadata.orientation == 1, self.strict
        return self.shared.get(key, partial(self._opened, quality))

    def _opened(self, quality: int) -> Picture:
        return picture(
            self.data,
            self.facts,
            self.settings.resize,
            self.target,
            quality,
            strict=self.strict,
            flatten=Loss.ALPHA in self.policy.allow_loss,
            upright=self.metadata.orientation == 1,
            srgb_profile=keeps_profile(self.policy.metadata),
        )

    def _with_gain_map(self, result: bytes) -> bytes:
        if self.facts.gain_map is not GainMapKind.JPEG or self.target is not Format.JPEG:
            return result
        from engine.ultrahdr import with_gain_map

        width, height = self.settings.resize.target(self.facts.width, self.facts.height)
        try:
            upright = self.metadata.orientation == 1
            return with_gain_map(result, width, height, self.data, self.facts, upright=upright)
        except pyvips.Error as error:
            raise Unreadable(f"damaged: the gain map cannot be decoded ({plain(error)})") from None


def _why(data: bytes, facts: Facts, error: pyvips.Error) -> Unreadable:
    """Whether decoding or encoding failed."""
    try:
        open_image(data, facts).avg()
    except pyvips.Error as damage:
        return Unreadable(f"damaged: the pixels cannot be decoded ({plain(damage)})")
    return Unreadable(f"the picture cannot be encoded ({plain(error)})")
