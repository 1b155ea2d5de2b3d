"""From settings to what a worker is told of them."""

from __future__ import annotations

from engine.efforts import Effort
from engine.formats import Format
from engine.job import Recipe
from engine.policy import Limits, Loss, MetadataPolicy, Policy, Verify
from engine.quality import QualityTarget
from engine.settings import WEB_PRESET, Settings
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from engine.variants import variants_of

__all__ = ["recipe_of"]


def recipe_of(settings: Settings) -> Recipe:
    """The recipe of all jobs of a run with these settings."""
    format = None if settings.format == "original" else Format(settings.format)
    variants = variants_of([Format(name) for name in settings.also], settings.widths)
    return Recipe(TaskSettings(_quality(settings), _resize(settings), format), _policy(settings), variants)


def _quality(settings: Settings) -> Quality:
    overall = 100 if settings.lossless else settings.quality
    return Quality(
        overall=overall,
        jpeg=settings.quality_jpeg or overall or WEB_PRESET[Format.JPEG],
        png=settings.quality_png or 100,
        webp=settings.quality_webp or overall or WEB_PRESET[Format.WEBP],
        avif=settings.quality_avif or overall or WEB_PRESET[Format.AVIF],
    )


def _policy(settings: Settings) -> Policy:
    return Policy(
        min_savings=settings.min_savings,
        skip_larger=settings.skip_larger,
        verify=Verify(settings.verify),
        limits=Limits(settings.max_pixels, settings.max_frames, settings.max_file_size),
        allow_loss=frozenset(Loss(kind) for kind in settings.allow_loss),
        metadata=MetadataPolicy(settings.metadata),
        lossless=settings.lossless,
        max_size=settings.max_size,
        effort=Effort(settings.effort),
        replace=settings.replace,
        preserve=frozenset(settings.preserve),
        target=_target(settings),
    )


def _target(settings: Settings) -> QualityTarget | None:
    if settings.target_quality is None or settings.lossless:
        return None
    return QualityTarget(settings.target_quality, settings.worst_tile, settings.min_quality, settings.max_quality)


def _resize(settings: Settings) -> Resize:
    if settings.width or settings.height:
        return Resize(ResizeMode.BOX, None, settings.width, settings.height)
    if settings.long_edge:
        return Resize(ResizeMode.LONGEST, settings.long_edge)
    if settings.short_edge:
        return Resize(ResizeMode.SHORTEST, settings.short_edge)
    return Resize()
