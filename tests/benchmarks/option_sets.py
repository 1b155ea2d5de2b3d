"""What the encoder benchmark compares: for each format the rows of ``engine.efforts`` and one change at a time to them,
and sharp's ways to encode. Each set is what libvips' saver is given beside the quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyvips import Image

from engine import efforts
from engine.content import content_of, is_drawn
from engine.efforts import Effort

__all__ = ["LADDERS", "OXIPNG", "ROWS", "SAVERS", "SHARP", "Row", "sets"]

Options = Mapping[str, Any]

SAVERS = {"jpeg": "jpegsave_buffer", "webp": "webpsave_buffer", "avif": "heifsave_buffer", "png": "pngsave_buffer"}
LADDERS = {
    "jpeg": (48, 60, 70, 78, 85, 90, 94),
    "webp": (45, 60, 72, 82, 90, 96),
    "avif": (35, 47, 58, 68, 77, 86),
}
"""Qualities tried of each picture, wide enough for scores from 70 to 90 in most."""


Row = Callable[[Image], Options]
"""What our encoder uses for a picture."""


def _always(options: Options) -> Row:
    return lambda image: options


def _avif(effort: Effort) -> Row:
    return lambda image: efforts.AVIF[effort][content_of(image)]


def _png(effort: Effort) -> Row:
    return lambda image: efforts.PNG[effort][is_drawn(image)]


ROWS: dict[str, dict[str, Row]] = {
    "jpeg": {effort.value: _always({**efforts.JPEG[effort], "subsample_mode": "on"}) for effort in Effort},
    "webp": {effort.value: _always(efforts.WEBP[effort]) for effort in Effort},
    "avif": {effort.value: _avif(effort) for effort in Effort},
    "png": {effort.value: _png(effort) for effort in Effort},
}
"""PNG as it is where there is no oxipng."""
OXIPNG = {f"{effort.value}, oxipng {level}": level for effort, level in efforts.OXIPNG.items()}
"""Levels of the rows where there is one."""

SHARP: dict[str, Options] = {"jpeg": {"mozjpeg": True}, "webp": {}, "avif": {}, "png": {}}
"""sharp's defaults, with mozjpeg for JPEG."""

_FULL = {
    "optimize_coding": True,
    "interlace": True,
    "trellis_quant": True,
    "overshoot_deringing": True,
    "optimize_scans": True,
    "quant_table": 3,
    "subsample_mode": "on",
}
_AV1 = {"compression": "av1", "subsample_mode": "on", "bitdepth": 8}
_VARIANTS: dict[str, dict[str, Options]] = {
    "jpeg": {
        "everything": _FULL,
        "without trellis": {**_FULL, "trellis_quant": False},
        "without scan search": {**_FULL, "optimize_scans": False},
        "without both": {**_FULL, "trellis_quant": False, "optimize_scans": False},
        "without both, no deringing": {
            **_FULL,
            "trellis_quant": False,
            "optimize_scans": False,
            "overshoot_deringing": False,
        },
        "without both, baseline": {**_FULL, "trellis_quant": False, "optimize_scans": False, "interlace": False},
        "libvips' defaults": {},
        **{f"quant_table {table}": {**_FULL, "quant_table": table} for table in (0, 1, 2, 4, 5, 6, 7, 8)},
        "without both, quant_table 5": {**_FULL, "trellis_quant": False, "optimize_scans": False, "quant_table": 5},
        "4:4:4": {**_FULL, "subsample_mode": "off"},
    },
    "webp": {
        "effort 4": {"effort": 4},
        **{f"effort {effort}": {"effort": effort} for effort in (0, 1, 2, 3, 5, 6)},
        "effort 4, smart_subsample": {"effort": 4, "smart_subsample": True},
        "effort 6, smart_subsample": {"effort": 6, "smart_subsample": True},
        "effort 4, preset photo": {"effort": 4, "preset": "photo"},
        "effort 4, preset picture": {"effort": 4, "preset": "picture"},
        "effort 6, smart, preset photo": {"effort": 6, "smart_subsample": True, "preset": "photo"},
        "effort 6, smart, preset picture": {"effort": 6, "smart_subsample": True, "preset": "picture"},
        "effort 6, smart, preset drawing": {"effort": 6, "smart_subsample": True, "preset": "drawing"},
        "effort 6, smart, passes 3": {"effort": 6, "smart_subsample": True, "passes": 3},
        "effort 6, smart, deblock": {"effort": 6, "smart_subsample": True, "smart_deblock": True},
    },
    "avif": {
        "effort 2": {**_AV1, "effort": 2},
        **{f"effort {effort}": {**_AV1, "effort": effort} for effort in (0, 1, 3, 4)},
        **{f"effort {effort}, 10 bit": {**_AV1, "effort": effort, "bitdepth": 10} for effort in (0, 1, 2, 3, 4)},
        **{f"effort {effort}, 4:4:4": {**_AV1, "effort": effort, "subsample_mode": "off"} for effort in (1, 3, 4, 6)},
        "effort 1, 10 bit, 4:4:4": {**_AV1, "effort": 1, "bitdepth": 10, "subsample_mode": "off"},
        "effort 2, 10 bit, 4:4:4": {**_AV1, "effort": 2, "bitdepth": 10, "subsample_mode": "off"},
        "effort 3, 10 bit, 4:4:4": {**_AV1, "effort": 3, "bitdepth": 10, "subsample_mode": "off"},
        "effort 4, 10 bit, 4:4:4": {**_AV1, "effort": 4, "bitdepth": 10, "subsample_mode": "off"},
        "effort 5, 10 bit, 4:4:4": {**_AV1, "effort": 5, "bitdepth": 10, "subsample_mode": "off"},
        "effort 6, 10 bit, 4:4:4": {**_AV1, "effort": 6, "bitdepth": 10, "subsample_mode": "off"},
        "effort 2, 10 bit, tune ssim": {**_AV1, "effort": 2, "bitdepth": 10, "tune": "ssim"},
        "effort 2, 10 bit, tune iq": {**_AV1, "effort": 2, "bitdepth": 10, "tune": "iq"},
    },
    "png": {
        "compression 6": {"compression": 6},
        "compression 9": {"compression": 9},
        **{f"compression {level}, adaptive filter": {"compression": level, "filter": "all"} for level in (3, 6, 9)},
        **{f"compression 3, {name} filter": {"compression": 3, "filter": name} for name in ("sub", "up", "paeth")},
        **{
            f"palette, effort {effort}, dither {dither:g}": {
                "compression": 9,
                "palette": True,
                "bitdepth": 8,
                "colours": 256,
                "effort": effort,
                "dither": dither,
                "Q": 90,
            }
            for effort, dither in ((7, 1.0), (1, 1.0), (4, 1.0), (10, 1.0), (7, 0.5), (7, 0.0))
        },
    },
}


def sets(format: str) -> dict[str, Options]:
    """The variants of a format by name; the first is what the others are compared with."""
    return _VARIANTS[format]
