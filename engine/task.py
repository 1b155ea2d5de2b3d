"""The stable contract: tasks, their settings and results, and their JSON forms.

Other programs speak this. Field names never change; new settings are added beside these. Two dialects of the batch JSON
are told apart by a task's keys: ``input_path``/``output_path`` (the library's own) and ``input``/``output`` (what a
Sharp sidecar was sent, answered with the sidecar's own result fields).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.formats import MAX_SIDE, Format

__all__ = [
    "Dialect",
    "ImageTask",
    "OptimizationResult",
    "Quality",
    "Resize",
    "ResizeMode",
    "TaskSettings",
    "saved_percent",
]

DEFAULT_QUALITY = 90
"""``quality.global`` of a task that sets none."""


class TaskError(ValueError):
    """A task's JSON is not what the contract says; the message names the field and what is allowed."""


class Dialect(StrEnum):
    """Which program's JSON a task came in, and its result goes out in."""

    LIBRARY = "library"
    SIDECAR = "sidecar"


class ResizeMode(StrEnum):
    """Which side ``Resize.size`` sets."""

    NONE = "none"
    WIDTH = "width"
    HEIGHT = "height"
    LONGEST = "longest"
    SHORTEST = "shortest"
    BOX = "box"
    """Fit into ``width`` × ``height``. Never in JSON: it is what a resize with no ``mode`` at all means."""


def _record(value: object, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TaskError(f"{name} must be an object, not {type(value).__name__}")
    return value


def _whole(value: object, name: str, low: int, high: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise TaskError(f"{name} must be a whole number from {low} to {high}, not {value!r:.60}")
    if not low <= value <= high:
        shown = value if abs(value) < 10**30 else "a larger one"
        raise TaskError(f"{name} must be from {low} to {high}, not {shown}")
    if value != int(value):
        raise TaskError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality 1–100 by format; None means "not set, take ``overall``"; 100 is that format's lossless or best preset."""

    overall: int | None = DEFAULT_QUALITY
    """``global`` in JSON."""
    jpeg: int | None = None
    png: int | None = None
    """Below 100 a palette of at most 256 colours, 100 lossless; None here and in ``overall`` is lossless too."""
    webp: int | None = None
    avif: int | None = None

    def of(self, format: Format) -> int:
        """The number for ``format``; 100 when nothing is set (GIF and TIFF have no quality and are always 100)."""
        own = {Format.JPEG: self.jpeg, Format.PNG: self.png, Format.WEBP: self.webp, Format.AVIF: self.avif}
        if format not in own:
            return 100
        number = own[format] if own[format] is not None else self.overall
        return 100 if number is None else number

    @classmethod
    def from_json(cls, value: object) -> Quality:
        """Read ``{"global": 90, "jpeg": null, …}``; a bare number is taken as ``global``."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = {"global": value}
        record = _record(value, "settings.quality")
        numbers = {key: _whole(record.get(key), f"settings.quality.{key}", 1, 100) for key in (*_QUALITY_KEYS,)}
        overall = numbers.pop("global")
        return cls(overall=DEFAULT_QUALITY if overall is None else overall, **numbers)

    def to_json(self) -> dict[str, int | None]:
        """The contract's form."""
        return {"global": self.overall, "jpeg": self.jpeg, "png": self.png, "webp": self.webp, "avif": self.avif}


_QUALITY_KEYS = ("global", "jpeg", "png", "webp", "avif")


@dataclass(frozen=True, slots=True)
class Resize:
    """The size asked for. Never enlarges."""

    mode: ResizeMode = ResizeMode.NONE
    size: int | None = None
    """Pixels of the side that ``mode`` names."""
    width: int | None = None
    height: int | None = None
    maintain_aspect: bool = True
    """With ``BOX``: fit inside the box; False stretches to exactly the box (never above the source's own side)."""

    @classmethod
    def from_json(cls, value: object) -> Resize:
        """Read ``{width, height, maintainAspect, mode, size}``.

        ``mode: none`` means no resize whatever else is set; with no ``mode``, ``width``/``height`` are a box.
        A mode without ``size`` takes it from ``width`` or ``height``.
        """
        record = _record(value, "settings.resize")
        width = _whole(record.get("width"), "settings.resize.width", 1, MAX_SIDE)
        height = _whole(record.get("height"), "settings.resize.height", 1, MAX_SIDE)
        size = _whole(record.get("size"), "settings.resize.size", 1, MAX_SIDE)
        aspect = record.get("maintainAspect")
        if aspect is not None and not isinstance(aspect, bool):
            raise TaskError(f"settings.resize.maintainAspect must be true or false, not {aspect!r}")
        named = record.get("mode")
        if named is None:
            mode = ResizeMode.BOX if width or height else ResizeMode.NONE
        elif named in _JSON_MODES:
            mode = ResizeMode(named)
        else:
            raise TaskError(f"settings.resize.mode must be one of {', '.join(_JSON_MODES)}, not {named!r}")
        if mode not in (ResizeMode.NONE, ResizeMode.BOX):
            size = size or (height if mode is ResizeMode.HEIGHT else width or height)
            if size is None:
                raise TaskError(f"settings.resize.size is missing for mode {mode.value!r}")
        return cls(mode, size, width, height, True if aspect is None else aspect)

    def to_json(self) -> dict[str, object]:
        """The contract's form."""
        return {
            "width": self.width,
            "height": self.height,
            "maintainAspect": self.maintain_aspect,
            "mode": None if self.mode is ResizeMode.BOX else self.mode.value,
            "size": self.size,
        }

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Size in pixels (width, height) that an image of ``width`` × ``height`` gets; at least 1 × 1."""
        if self.mode is ResizeMode.NONE:
            return width, height
        if self.mode is ResizeMode.BOX:
            wide, high = min(self.width or width, width), min(self.height or height, height)
            if not self.maintain_aspect:
                return wide, high
            scale = min(wide / width, high / height)
        else:
            side = {
                ResizeMode.WIDTH: width,
                ResizeMode.HEIGHT: height,
                ResizeMode.LONGEST: max(width, height),
                ResizeMode.SHORTEST: min(width, height),
            }[self.mode]
            scale = min(1.0, (self.size or side) / side)
        return max(1, round(width * scale)), max(1, round(height * scale))


_JSON_MODES = tuple(mode.value for mode in ResizeMode if mode is not ResizeMode.BOX)


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The contract's ``settings``."""

    quality: Quality = field(default_factory=Quality)
    resize: Resize = field(default_factory=Resize)
    output_format: Format | None = None
    """None is ``original``: the format the content has."""

    @classmethod
    def from_json(cls, value: object) -> TaskSettings:
        """Read the contract's ``settings``; a missing part takes its default; unknown keys are left unread."""
        record = _record(value, "settings")
        named = record.get("outputFormat") or "original"
        aliases = {"jpg": "jpeg", "tif": "tiff"}
        name = aliases.get(str(named).lower(), str(named).lower())
        if name != "original" and name not in tuple(Format):
            allowed = ", ".join(("original", *Format))
            raise TaskError(f"settings.outputFormat must be one of {allowed}, not {named!r}")
        return cls(
            Quality.from_json(record.get("quality")),
            Resize.from_json(record.get("resize")),
            None if name == "original" else Format(name),
        )

    def to_json(self) -> dict[str, object]:
        """The contract's form."""
        return {
            "quality": self.quality.to_json(),
            "resize": self.resize.to_json(),
            "outputFormat": "original" if self.output_format is None else self.output_format.value,
        }


def is_path(text: str) -> bool:
    """Whether ``text`` can name a file at all; JSON can hold text that cannot."""
    try:
        return bool(text) and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One image to optimize."""

    input_path: str
    output_path: str
    """Its extension is corrected to the format that is written."""
    settings: TaskSettings = field(default_factory=TaskSettings)
    dialect: Dialect = Dialect.LIBRARY

    @classmethod
    def from_json(cls, value: object) -> ImageTask:
        """Read one task in either dialect; raises TaskError naming the field that is wrong."""
        if not isinstance(value, Mapping):
            raise TaskError(f"a task must be an object, not {type(value).__name__}")
        sidecar = "input" in value and "input_path" not in value
        source, target = ("input", "output") if sidecar else ("input_path", "output_path")
        for key in (source, target):
            path = value.get(key)
            if not isinstance(path, str) or not is_path(path):
                raise TaskError(f"{key} must be a path, not {path!r:.200}")
        settings = TaskSettings.from_json(value.get("settings"))
        return cls(value[source], value[target], settings, Dialect.SIDECAR if sidecar else Dialect.LIBRARY)

    def to_json(self) -> dict[str, object]:
        """The library dialect's form."""
        return {"input_path": self.input_path, "output_path": self.output_path, "settings": self.settings.to_json()}


def saved_percent(original_size: int, optimized_size: int) -> float:
    """Percent saved, negative when the result grew; 0.0 for an empty original."""
    return 0.0 if original_size <= 0 else (original_size - optimized_size) / original_size * 100


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """What came of one task; sizes in bytes. A failed one has ``optimized_size`` equal to ``original_size``."""

    original_path: str
    optimized_path: str
    original_size: int
    optimized_size: int
    success: bool
    error: str | None = None
    format: str | None = None
    """The format written; only the sidecar dialect prints it."""

    @property
    def saved_bytes(self) -> int:
        """Bytes saved, negative when the result grew."""
        return self.original_size - self.optimized_size

    @property
    def compression_ratio(self) -> float:
        """Percent saved, negative when the result grew."""
        return saved_percent(self.original_size, self.optimized_size)

    def to_json(self, dialect: Dialect = Dialect.LIBRARY) -> dict[str, object]:
        """The contract's form in the given dialect."""
        if dialect is Dialect.SIDECAR:
            return {
                "path": self.optimized_path,
                "original_size": self.original_size,
                "optimized_size": self.optimized_size,
                "saved_bytes": self.saved_bytes,
                "compression_ratio": f"{self.compression_ratio:.2f}",
                "format": self.format,
                "success": self.success,
                "error": self.error,
            }
        return {
            "original_path": self.original_path,
            "optimized_path": self.optimized_path,
            "original_size": self.original_size,
            "optimized_size": self.optimized_size,
            "success": self.success,
            "error": self.error,
            "savedBytes": self.saved_bytes,
            "compressionRatio": self.compression_ratio,
        }
