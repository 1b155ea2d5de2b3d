"""Every setting of a run, declared once: type, range, unit, default, help.

The command line's options, the form on the screen, ``config.example.toml`` and the README's table are made from
``SCHEMA``; ``config.py`` reads files by it. To add a setting, add a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from engine.efforts import Effort
from engine.formats import MAX_SIDE, Format
from engine.policy import Loss, MetadataPolicy, Overwrite, Savings, SizeLimit, Verify
from engine.schema import Kind, Setting, declare
from engine.watch_settings import WatchSettings

if TYPE_CHECKING:
    from engine.job import Recipe
    from engine.variants import Variant

__all__ = ["SCHEMA", "Kind", "Setting", "Settings", "setting"]


def _quality(default: int | None, name: str, help: str, *flags: str) -> Any:
    return declare(default, "encode", Kind.WHOLE, help, low=1, high=100, flags=(*flags, f"--{name}"))


def _look(flag: str, low: int, help: str) -> Any:
    return declare(None, "encode", Kind.WHOLE, help, low=low, high=100, flags=(flag,))


def _flag(section: str, help: str, *flags: str, default: bool = False, in_files: bool = True) -> Any:
    return declare(default, section, Kind.FLAG, help, flags=flags, in_files=in_files)


def _pixels(flag: str, help: str) -> Any:
    return declare(None, "encode", Kind.WHOLE, help, low=1, high=MAX_SIDE, unit="px", flags=(flag,))


def _choice(help: str, flag: str, default: str, *others: str) -> Any:
    return declare(default, "screen", Kind.CHOICE, help, choices=(default, *others), flags=(flag,))


@dataclass(frozen=True, slots=True)
class Settings(WatchSettings):
    """The settings of one run, every value checked. None means "not set"."""

    quality: int | None = _quality(
        None,
        "quality",
        "quality of all lossy formats; not set: the preset web (JPEG 82, WebP 80, AVIF 60, PNG lossless)",
        "-q",
    )
    quality_jpeg: int | None = _quality(None, "quality-jpeg", "quality of JPEG, before `quality`")
    quality_png: int | None = _quality(
        None, "quality-png", "below 100: PNG as a palette where that is smaller and does not show; else lossless"
    )
    quality_webp: int | None = _quality(None, "quality-webp", "quality of WebP, before `quality`; 100: lossless")
    quality_avif: int | None = _quality(None, "quality-avif", "quality of AVIF, before `quality`; 100: lossless")
    target_quality: int | None = _look(
        "--target-quality",
        30,
        "what JPEG, WebP and AVIF are to look like, instead of a number for the encoder: the smallest that scores at "
        "least this; 70: good, 80: no difference side by side, 90: none when flicked",
    )
    worst_tile: int | None = _look(
        "--worst-tile", 1, "with `target_quality`: the least score of each place of 64 × 64 pixels as well"
    )
    min_quality: int | None = _look("--min-quality", 1, "with `target_quality`: the lowest quality to try; not set: 10")
    max_quality: int | None = _look("--max-quality", 1, "with `target_quality`: the highest quality to try")
    lossless: bool = _flag(
        "encode", "make files smaller without changing a pixel, each in its own format", "--lossless"
    )
    effort: str = declare(
        "balanced",
        "encode",
        Kind.CHOICE,
        "time spent on each image; fast: a fraction of the time for a few percent more bytes, small: the reverse",
        choices=tuple(Effort),
        flags=("--effort",),
    )
    format: str = declare(
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
    min_savings: Savings = declare(
        Savings(),
        "encode",
        Kind.SAVINGS,
        "keep the original unless the result saves at least this",
        flags=("--min-savings",),
    )
    max_size: SizeLimit | None = declare(
        None,
        "encode",
        Kind.SIZE_LIMIT,
        "largest result: JPEG, WebP and AVIF get the best quality from 10 up that fits; skip what does not fit",
        flags=("--max-size",),
    )
    skip_larger: bool = _flag(
        "encode", "skip a resize or conversion whose result is larger than the original", "--skip-larger"
    )
    allow_loss: tuple[str, ...] = declare(
        (),
        "encode",
        Kind.CHOICES,
        "go on although this would be lost; without it such an image is skipped with the reason",
        choices=tuple(kind.value for kind in Loss),
        flags=("--allow-loss",),
    )
    also: tuple[str, ...] = declare(
        (),
        "encode",
        Kind.CHOICES,
        "write each image in these formats as well, beside its result: photo.webp beside photo.jpg",
        choices=tuple(entry.value for entry in Format),
        flags=("--also",),
    )
    widths: tuple[int, ...] = declare(
        (),
        "encode",
        Kind.NUMBERS,
        "write each image in these widths as well, in every format: photo-480.jpg; none as wide as its result",
        low=1,
        high=MAX_SIDE,
        unit="px",
        flags=("--widths",),
    )
    metadata: str = declare(
        MetadataPolicy.STRIP.value,
        "encode",
        Kind.CHOICE,
        "what results keep: strip: a profile that matters; icc: any profile; copyright: author and rights too; "
        "no-gps: all but the position; keep: all",
        choices=tuple(entry.value for entry in MetadataPolicy),
        flags=("--metadata",),
    )

    output: str | None = declare(
        None,
        "output",
        Kind.PATH,
        "folder for the results, keeping the tree; not set: `optimized` inside each root",
        flags=("-o", "--output"),
    )
    overwrite: str = declare(
        Overwrite.OURS.value,
        "output",
        Kind.CHOICE,
        "which files there a result replaces; ours: those in a folder that imgopt-tui made, bigger: those bigger than "
        "the result; there is no undo for them",
        choices=tuple(Overwrite),
        flags=("-O", "--overwrite"),
        in_files=False,
    )
    suffix: str | None = declare(
        None,
        "output",
        Kind.SUFFIX,
        "what the names of results have before their extension: photo-small.jpg for -small; with it, `output` can be "
        "the folder of the originals itself",
        flags=("--suffix",),
    )
    flat: bool = _flag(
        "output",
        "all results into one folder; those that would get the same name get the names of their folders in front",
        "--flat",
    )
    in_place: bool = _flag(
        "output",
        "replace each original by its smaller result; a conversion is written beside its source",
        "--in-place",
        in_files=False,
    )
    replace: bool = _flag(
        "output",
        "with `in_place` and `format`: the source goes, into the backups, once its conversion lies beside it",
        "--replace",
        in_files=False,
    )
    preserve: tuple[str, ...] = declare(
        (),
        "output",
        Kind.CHOICES,
        "what results in a folder take over beside the mode; in place all of it is kept",
        choices=("time", "owner", "xattr"),
        flags=("-p", "--preserve"),
    )
    verify: str = declare(
        "auto",
        "output",
        Kind.CHOICE,
        "check of each result; full: decode and compare, quick: structure, auto: full in place and quick otherwise",
        choices=tuple(Verify),
        flags=("--verify",),
    )

    backup: bool = _flag(
        "output",
        "in place: keep each original, as a hard link where possible, for `undo`",
        "--backup",
        "--no-backup",
        default=True,
    )
    backup_folder: str | None = declare(
        None,
        "output",
        Kind.PATH,
        "folder for the originals; not set: `.imgopt-backups` inside each root, so that hard links are possible",
        flags=("--backup-folder",),
    )
    backup_limit: int | None = declare(
        None,
        "output",
        Kind.SIZE,
        "most that the originals kept by a run may hold; images beyond it are skipped; not set: no limit",
        high=2**50,
        flags=("--backup-limit",),
    )
    remember: str = declare(
        "journal",
        "output",
        Kind.CHOICE,
        "how a later run knows what is done; journal: in the state folder, xattr: in the results too, none: not at all",
        choices=("journal", "xattr", "none"),
        flags=("--remember",),
    )

    force: bool = _flag(
        "output",
        "do again what an earlier run did, and encode our own lossy results again even without their originals",
        "--force",
        in_files=False,
    )
    retry_quarantined: bool = _flag(
        "output",
        "try again what was set aside because it crashed or hung a worker twice",
        "--retry-quarantined",
        in_files=False,
    )

    max_pixels: int = declare(
        300_000_000,
        "limits",
        Kind.WHOLE,
        "skip images with more pixels than this",
        low=1,
        high=2**40,
        unit="px",
        flags=("--max-pixels",),
    )
    max_frames: int = declare(
        1_000,
        "limits",
        Kind.WHOLE,
        "skip animations and documents with more frames or pages",
        low=1,
        high=1_000_000,
        flags=("--max-frames",),
    )
    max_file_size: int = declare(
        512 * 1024**2, "limits", Kind.SIZE, "skip larger files", low=1, high=2**40, flags=("--max-file-size",)
    )

    ascii: bool = _flag(
        "screen", "draw with 7-bit characters only (also chosen when the locale is not UTF-8)", "--ascii"
    )
    colors: str = _choice(
        "colours of the terminal; auto: by TERM, COLORTERM and NO_COLOR; none: only bold and reverse",
        *("--colors", "auto", "none", "16", "256", "true"),
    )
    theme: str = _choice(
        "colours on a dark or on a light background; auto: what the terminal says it has",
        *("--theme", "auto", "dark", "light"),
    )
    mouse: bool = _flag("screen", "clicks and wheel in the dashboard", "--mouse", "--no-mouse", default=True)
    preview: str = _choice(
        "the crop in Tune; half: as text; auto: as a picture too, if the terminal says at the start that it draws them",
        *("--preview", "half", "auto", "kitty", "sixel"),
    )

    def with_values(self, values: Mapping[str, object]) -> Settings:
        """A copy with some values replaced, each parsed; raises ValueError at the first that is not allowed."""
        parsed = {name: _parse_or_none(setting(name), value) for name, value in values.items()}
        return Settings(**{**{entry.name: getattr(self, entry.name) for entry in SCHEMA}, **parsed})

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The siblings that every image gets."""
        return self.recipe().variants

    def recipe(self) -> Recipe:
        """What a worker must know of them. Every start of the program reads settings, only runs make recipes: what
        those need is loaded then."""
        from engine.recipe import recipe_of

        return recipe_of(self)

    def to_json(self) -> dict[str, object]:
        """Values that differ from the default, in the form ``with_values`` reads."""
        pairs = ((entry, getattr(self, entry.name)) for entry in SCHEMA)
        return {entry.name: entry.to_file(value) for entry, value in pairs if value != entry.default}


WEB_PRESET = {Format.JPEG: 82, Format.WEBP: 80, Format.AVIF: 60}
"""Quality of the lossy formats where nothing is set; PNG, GIF and TIFF are lossless."""

SECTIONS = ("encode", "output", "scan", "run", "limits", "watch", "screen")
SCHEMA: tuple[Setting, ...] = tuple(
    sorted(
        (Setting(name=entry.name, default=entry.default, **entry.metadata) for entry in fields(Settings)),
        key=lambda entry: SECTIONS.index(entry.section),
    )
)
"""Every setting, in the order in which forms and files show them."""
_BY_NAME = {entry.name: entry for entry in SCHEMA}


def setting(name: str) -> Setting:
    """The declaration of a field of ``Settings``."""
    return _BY_NAME[name]


def _parse_or_none(entry: Setting, value: object) -> Any:
    return None if entry.optional and value is None else entry.parse(value)
