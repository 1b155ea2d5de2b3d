"""Settings that contradict each other."""

from __future__ import annotations

from engine.settings import Settings, setting

__all__ = ["CONFLICTS", "conflicts", "is_set"]

CONFLICTS = (
    (("width", "height"), ("long_edge",)),
    (("width", "height"), ("short_edge",)),
    (("long_edge",), ("short_edge",)),
    (("in_place",), ("output",)),
    (("in_place",), ("overwrite",)),
    (("in_place",), ("suffix",)),
    (("in_place",), ("flat",)),
    (("in_place", "lossless"), ("also", "widths")),
    (("lossless",), ("quality", "quality_jpeg", "quality_png", "quality_webp", "quality_avif")),
    (("lossless",), ("width", "height", "long_edge", "short_edge")),
    (("lossless",), ("format",)),
    (("target_quality",), ("quality", "quality_jpeg", "quality_webp", "quality_avif")),
    (("target_quality",), ("max_size", "lossless")),
)
"""Groups of settings of which only one may be set."""


def is_set(name: str, value: object) -> bool:
    """Whether a value of the setting ``name`` says something that its default does not."""
    return value is not None and value != setting(name).default


def conflicts(settings: Settings) -> list[tuple[str, str]]:
    """Pairs of settings that contradict each other."""

    def first_set(names: tuple[str, ...]) -> str | None:
        return next((name for name in names if is_set(name, getattr(settings, name))), None)

    pairs = ((first_set(left), first_set(right)) for left, right in CONFLICTS)
    return [(left, right) for left, right in pairs if left and right]
