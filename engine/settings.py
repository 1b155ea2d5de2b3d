"""Every setting of a run, declared once: type, range, unit, default, help.

The command line's options, the form on the screen, ``config.example.toml`` and the README's table are made from
``SCHEMA``; ``config.py`` reads files by it. To add a setting, add a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from engine.formats import Format
from engine.job import Limits, Policy, Recipe, Savings, Verify, parse_size
from engine.task import MAX_SIDE, Quality, Resize, ResizeMode, TaskSettings

__all__ = ["SCHEMA", "Kind", "Setting", "Settings", "setting", "summary"]


class Kind(StrEnum):
    """What values a setting takes."""

    WHOLE = "whole number"
    SECONDS = "seconds"
    FLAG = "true or false"
    CHOICE = "choice"
    SIZE = "size"
    SAVINGS = "savings"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting."""

    name: str
    """The field of ``Settings``, and the key inside its section."""
    section: str
    kind: Kind
    default: Any
    help: str
    """One line for people; also the comment in the example file."""
    low: float = 0
    high: float = 0
    """Allowed range of numbers, both ends included; bytes for sizes."""
    unit: str = ""
    choices: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Options on the command line."""
    optional: bool = False
    """Whether None (not set) is a value."""
    in_files: bool = True
    """False for what must be asked for each time."""

    @property
    def key(self) -> str:
        """``section.name``, as files and messages say it."""
        return f"{self.section}.{self.name}"

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        match self.kind:
            case Kind.WHOLE:
                return f"a whole number from {self.low:.0f} to {self.high:.0f}"
            case Kind.SECONDS:
                return f"a number of seconds from {self.low:g} to {self.high:g}"
            case Kind.FLAG:
                return "true or false"
            case Kind.CHOICE:
                return "one of " + ", ".join(self.choices)
            case Kind.SIZE:
                return f"a size from {_size_text(self.low)} to {_size_text(self.high)}, such as 512M or 1.5G"
            case Kind.SAVINGS:
                return "a share such as 1% or a size such as 10K"
            case Kind.PATH:
                return "a path"

    def parse(self, value: object) -> Any:
        """The value as given by a file, an option or a form, checked; ValueError says what is allowed."""
        try:
            return self._parse(value)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{_shown(value)} is not allowed: use {self.allowed}") from None

    def _parse(self, value: object) -> Any:
        match self.kind:
            case Kind.FLAG:
                if isinstance(value, str):
                    value = {"true": True, "false": False}[value.lower()] if value.lower() in ("true", "false") else 0
                if not isinstance(value, bool):
                    raise ValueError
                return value
            case Kind.CHOICE:
                if value not in self.choices:
                    raise ValueError
                return value
            case Kind.PATH:
                if not isinstance(value, str) or not value or "\0" in value:
                    raise ValueError
                return value
            case Kind.SAVINGS:
                return Savings.parse(value if isinstance(value, str) else str(self._number(value, whole=True)))
            case Kind.SIZE:
                return self._number(parse_size(value) if isinstance(value, str) else value, whole=True)
            case Kind.WHOLE:
                return self._number(value, whole=True)
            case Kind.SECONDS:
                return self._number(value, whole=False)

    def _number(self, value: object, *, whole: bool) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
        if number != number or (whole and number != int(number)):
            raise ValueError
        if self.high and not self.low <= number <= self.high:
            raise ValueError
        return int(number) if whole else number

    def to_file(self, value: Any) -> Any:
        """The value as a TOML file holds it."""
        if self.kind is Kind.SAVINGS:
            return str(value)
        return _size_text(value) if self.kind is Kind.SIZE else value

    def show(self, value: Any) -> str:
        """The value for people and for a form's field; empty when not set."""
        if value is None:
            return ""
        return str(value).lower() if self.kind is Kind.FLAG else str(self.to_file(value))


def _shown(value: object) -> str:
    """A wrong value for a message, cut to fit on a line; a number may be too long to print at all."""
    try:
        return f"{value!r:.60}"
    except ValueError:
        return "a number of thousands of digits"


def _size_text(size: float) -> str:
    for letter, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if size and size % 1024**power == 0:
            return f"{size / 1024**power:.0f}{letter}"
    return f"{size:.0f}"


def _declare(default: Any, section: str, kind: Kind, help: str, **more: Any) -> Any:
    if default is None:
        more.setdefault("optional", True)
    return field(default=default, metadata={"section": section, "kind": kind, "help": help, **more})


def _quality(default: int | None, name: str, help: str, *flags: str) -> Any:
    return _declare(default, "encode", Kind.WHOLE, help, low=1, high=100, flags=(*flags, f"--{name}"))


def _pixels(flag: str, help: str) -> Any:
    return _declare(None, "encode", Kind.WHOLE, help, low=1, high=MAX_SIDE, unit="px", flags=(flag,))


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run, every value checked. None means "not set"."""

    quality: int | None = _quality(
        None,
        "quality",
        "quality of all lossy formats; not set: the preset web (JPEG 82, WebP 80, AVIF 60, PNG lossless)",
        "-q",
    )
    quality_jpeg: int | None = _quality(None, "quality-jpeg", "quality of JPEG, before `quality`")
    quality_png: int | None = _quality(
        None, "quality-png", "below 100: PNG as a palette of at most 256 colours; not set or 100: lossless"
    )
    quality_webp: int | None = _quality(None, "quality-webp", "quality of WebP, before `quality`; 100: lossless")
    quality_avif: int | None = _quality(None, "quality-avif", "quality of AVIF, before `quality`; 100: lossless")
    format: str = _declare(
        "original",
        "encode",
        Kind.CHOICE,
        "format to write; original: the one each image has",
        choices=("original", *(entry.value for entry in Format)),
        flags=("--format",),
    )
    width: int | None = _pixels("--width", "largest width; narrower images stay as they are")
    height: int | None = _pixels("--height", "largest height; with `width`, images fit inside the box")
    long_edge: int | None = _pixels("--long-edge", "largest long edge")
    short_edge: int | None = _pixels("--short-edge", "largest short edge")
    min_savings: Savings = _declare(
        Savings(),
        "encode",
        Kind.SAVINGS,
        "keep the original unless the result saves at least this",
        flags=("--min-savings",),
    )
    skip_larger: bool = _declare(
        False,
        "encode",
        Kind.FLAG,
        "skip a resize or conversion whose result is larger than the original",
        flags=("--skip-larger",),
    )

    output: str | None = _declare(
        None,
        "output",
        Kind.PATH,
        "folder for the results, keeping the tree; not set: `optimized` inside each root",
        flags=("-o", "--output"),
    )
    in_place: bool = _declare(
        False,
        "output",
        Kind.FLAG,
        "replace each original by its smaller result; a conversion is written beside its source",
        flags=("--in-place",),
        in_files=False,
    )
    verify: str = _declare(
        "auto",
        "output",
        Kind.CHOICE,
        "check of each result; full: decode and compare, quick: structure, auto: full in place and quick otherwise",
        choices=tuple(Verify),
        flags=("--verify",),
    )

    recursive: bool = _declare(
        True, "scan", Kind.FLAG, "descend into folders below the roots", flags=("--recursive", "--no-recursive")
    )
    hidden: bool = _declare(
        False, "scan", Kind.FLAG, "include files and folders whose name starts with a dot", flags=("--hidden",)
    )

    workers: int | None = _declare(
        None,
        "run",
        Kind.WHOLE,
        "worker processes; not set: ¾ of the usable CPUs, at least 2, at most 24",
        low=1,
        high=256,
        flags=("-j", "--workers"),
    )
    memory_limit: int | None = _declare(
        None,
        "run",
        Kind.SIZE,
        "memory of all processes together; not set: 60 % of the limit or 80 % of what is available",
        low=128 * 1024**2,
        high=2**50,
        flags=("--memory-limit",),
    )
    timeout: float | None = _declare(
        None,
        "run",
        Kind.SECONDS,
        "time limit of one image; not set: 60 s, or ten times what its format and size predict",
        low=1,
        high=86_400,
        unit="s",
        flags=("--timeout",),
    )
    batch_size: int = _declare(
        75, "run", Kind.WHOLE, "images in a batch", low=1, high=10_000, unit="images", flags=("--batch-size",)
    )

    max_pixels: int = _declare(
        300_000_000,
        "limits",
        Kind.WHOLE,
        "skip images with more pixels than this",
        low=1,
        high=2**40,
        unit="px",
        flags=("--max-pixels",),
    )
    max_frames: int = _declare(
        1_000,
        "limits",
        Kind.WHOLE,
        "skip animations and documents with more frames or pages",
        low=1,
        high=1_000_000,
        flags=("--max-frames",),
    )
    max_file_size: int = _declare(
        512 * 1024**2,
        "limits",
        Kind.SIZE,
        "skip larger files",
        low=1,
        high=2**40,
        flags=("--max-file-size",),
    )

    ascii: bool = _declare(
        False,
        "screen",
        Kind.FLAG,
        "draw with 7-bit characters only (also chosen when the locale is not UTF-8)",
        flags=("--ascii",),
    )
    mouse: bool = _declare(
        True, "screen", Kind.FLAG, "clicks and wheel in the dashboard", flags=("--mouse", "--no-mouse")
    )

    def with_values(self, values: Mapping[str, object]) -> Settings:
        """A copy with some values replaced, each parsed; raises ValueError at the first that is not allowed."""
        parsed = {name: _parse_or_none(setting(name), value) for name, value in values.items()}
        return Settings(**{**{entry.name: getattr(self, entry.name) for entry in SCHEMA}, **parsed})

    def recipe(self) -> Recipe:
        """What a worker must know of them."""
        overall = self.quality
        quality = Quality(
            overall=overall,
            jpeg=self.quality_jpeg or overall or WEB_PRESET[Format.JPEG],
            png=self.quality_png or 100,
            webp=self.quality_webp or overall or WEB_PRESET[Format.WEBP],
            avif=self.quality_avif or overall or WEB_PRESET[Format.AVIF],
        )
        settings = TaskSettings(quality, self._resize(), None if self.format == "original" else Format(self.format))
        policy = Policy(
            min_savings=self.min_savings,
            skip_larger=self.skip_larger,
            verify=Verify(self.verify),
            limits=Limits(self.max_pixels, self.max_frames, self.max_file_size),
        )
        return Recipe(settings, policy)

    def _resize(self) -> Resize:
        if self.width or self.height:
            return Resize(ResizeMode.BOX, None, self.width, self.height)
        if self.long_edge:
            return Resize(ResizeMode.LONGEST, self.long_edge)
        if self.short_edge:
            return Resize(ResizeMode.SHORTEST, self.short_edge)
        return Resize()

    def to_json(self) -> dict[str, object]:
        """Values that differ from the default, in the form ``with_values`` reads."""
        pairs = ((entry, getattr(self, entry.name)) for entry in SCHEMA)
        return {entry.name: entry.to_file(value) for entry, value in pairs if value != entry.default}


WEB_PRESET = {Format.JPEG: 82, Format.WEBP: 80, Format.AVIF: 60}
"""Quality of the lossy formats where nothing is set; PNG, GIF and TIFF are lossless."""

SCHEMA: tuple[Setting, ...] = tuple(
    Setting(name=entry.name, default=entry.default, **entry.metadata) for entry in fields(Settings)
)
"""Every setting, in the order in which forms and files show them."""
_BY_NAME = {entry.name: entry for entry in SCHEMA}


def setting(name: str) -> Setting:
    """The declaration of a field of ``Settings``."""
    return _BY_NAME[name]


def _parse_or_none(entry: Setting, value: object) -> Any:
    return None if entry.optional and value is None else entry.parse(value)


CONFLICTS = (
    (("width", "height"), ("long_edge",)),
    (("width", "height"), ("short_edge",)),
    (("long_edge",), ("short_edge",)),
    (("in_place",), ("output",)),
)
"""Groups of settings of which only one may be set."""


def conflicts(settings: Settings) -> list[tuple[str, str]]:
    """Pairs of settings that contradict each other."""

    def first_set(names: tuple[str, ...]) -> str | None:
        return next((name for name in names if getattr(settings, name) not in (None, False)), None)

    pairs = ((first_set(left), first_set(right)) for left, right in CONFLICTS)
    return [(left, right) for left, right in pairs if left and right]


def summary(settings: Settings) -> str:
    """The settings that decide the result, in one line for the eye."""
    quality = settings.recipe().settings.quality
    png = "lossless" if quality.png == 100 else str(quality.png)
    parts = [f"jpeg {quality.jpeg}", f"webp {quality.webp}", f"avif {quality.avif}", f"png {png}"]
    if settings.format != "original":
        parts.append(f"to {settings.format}")
    for name in ("width", "height", "long_edge", "short_edge"):
        if getattr(settings, name):
            parts.append(f"{name.replace('_', ' ')} {getattr(settings, name)}")
    return "  ".join(parts)
