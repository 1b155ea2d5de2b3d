"""The presets that come with the program, and finding one by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import Problem
from engine.layers import Layer, Origin
from engine.settings import SCHEMA, WEB_PRESET

__all__ = ["STOCK", "StockPreset", "chosen"]


@dataclass(frozen=True, slots=True)
class StockPreset:
    """One built-in preset."""

    name: str
    values: Mapping[str, object]
    """By field name of ``Settings``, in the form that a file holds."""
    help: str
    """What it is for."""
    why: str
    """What was measured that speaks for these values."""


STOCK = (
    StockPreset(
        "web",
        {f"quality_{format.value}": number for format, number in WEB_PRESET.items()},
        "pages; what applies when nothing else is set",
        "scores of 79 (JPEG), 76 (WebP) and 78 (AVIF) on average: good, at 0.3 to 0.4 of the bytes that 90 takes",
    ),
    StockPreset(
        "archive",
        {"target_quality": 90, "metadata": "keep", "preserve": ["time"], "verify": "full"},
        "pictures to keep: no difference even when flicked, metadata and times stay, each result is decoded again",
        "a fixed quality that reaches 90 on the worst picture is far too high for the rest; what cannot reach it keeps "
        "its own pixels",
    ),
    StockPreset(
        "thumbnails",
        {"long_edge": 320, "quality_jpeg": 75, "quality_webp": 75, "quality_avif": 55, "metadata": "strip"},
        "previews",
        "17 % smaller than at quality 82; `effort` stays, because reading the source is most of the work: `fast` saves "
        "9 % of the time and costs 13 % more bytes",
    ),
)
_BY_NAME = {preset.name: preset for preset in STOCK}


def chosen(name: str, own: Mapping[str, Layer], source: str, key: str) -> tuple[Layer, tuple[Problem, ...]]:
    """The values of the preset ``name``: one of the user's ``own``, else a built-in one. An unknown one is a problem
    of ``source``, where it was asked for under ``key``."""
    if name in own:
        return Layer(f"preset {name}", own[name].values, own[name].keys, Origin.PRESET, source), ()
    if name in _BY_NAME:
        keys = {entry.name: entry.key for entry in SCHEMA}
        return Layer(f"preset {name}", _BY_NAME[name].values, keys, Origin.PRESET, source), ()
    known = ", ".join([*_BY_NAME, *(each for each in own if each not in _BY_NAME)])
    return Layer(f"preset {name}"), (Problem(source, key, f"there is no preset {name!r:.60}; there are {known}"),)
