"""The core of imgopt-tui: planning, the parallel pool, safe replacement, metrics. Knows nothing of any screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contract import get_active_tasks, optimize_image, optimize_images
    from engine.task import ImageTask, OptimizationResult

__version__ = "0.1.0"
__all__ = ["ImageTask", "OptimizationResult", "get_active_tasks", "optimize_image", "optimize_images"]

_HOMES = {
    "ImageTask": "engine.task",
    "OptimizationResult": "engine.task",
    "get_active_tasks": "engine.contract",
    "optimize_image": "engine.contract",
    "optimize_images": "engine.contract",
}


def __getattr__(name: str) -> object:
    """Load the public names on first use, so that ``import engine`` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
