"""The settings of a run in one line for the eye."""

from __future__ import annotations

from engine.efforts import Effort
from engine.folder_settings import FolderSettings
from engine.policy import MetadataPolicy
from engine.settings import Settings

__all__ = ["summary"]


def summary(settings: Settings, own: FolderSettings | None = None) -> str:
    """The settings that decide the result, in one line for the eye; ``own`` are those of single folders."""
    quality = settings.recipe().settings.quality
    png = "lossless" if quality.png == 100 else str(quality.png)
    parts = [f"jpeg {quality.jpeg}", f"webp {quality.webp}", f"avif {quality.avif}", f"png {png}"]
    parts = ["lossless"] if settings.lossless else parts
    if settings.target_quality is not None:
        parts = [f"score {settings.target_quality}", f"png {png}"]
        parts += [f"worst place {settings.worst_tile}"] if settings.worst_tile is not None else []
        bounds = (settings.min_quality, settings.max_quality)
        parts += [f"quality {bounds[0] or 'any'} to {bounds[1] or 'any'}"] if any(bounds) else []
    if settings.max_size is not None:
        parts.append(f"at most {settings.max_size}")
    if settings.format != "original":
        parts.append(f"to {settings.format}")
    if settings.effort != Effort.BALANCED:
        parts.append(f"effort {settings.effort}")
    for name in ("width", "height", "long_edge", "short_edge"):
        if getattr(settings, name):
            parts.append(f"{name.replace('_', ' ')} {getattr(settings, name)}")
    if settings.also:
        parts.append(f"also {', '.join(settings.also)}")
    if settings.widths:
        parts.append(f"widths {', '.join(map(str, settings.widths))}")
    if settings.allow_loss:
        parts.append(f"may lose {', '.join(settings.allow_loss)}")
    if settings.metadata != MetadataPolicy.STRIP:
        parts.append(f"metadata {settings.metadata}")
    if own is not None and own.given:
        several = len(own.given) > 1
        parts.append(
            f"{len(own.given)} path{'s' if several else ''} with settings of {'their' if several else 'its'} own"
        )
    return "  ".join(parts)
