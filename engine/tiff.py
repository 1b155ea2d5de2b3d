"""Header facts of a TIFF: which of the many kinds it is, and whether this program can carry it over unspoiled."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import Declined, Unreadable
from engine.formats import Format
from engine.icc import ProfileKind, judge
from engine.ifd import ORIENTATION, Directory, read_directories
from engine.policy import Limits
from engine.probe import Facts

__all__ = ["probe_tiff"]

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS = 273, 277, 279, 324, 325
SUB_DIRECTORIES, SAMPLE_FORMAT, ICC = 330, 339, 34675
DNG_VERSION = 50706
PHOTOSHOP_LAYERS = 37724
"""ImageSourceData (Adobe Photoshop TIFF Technical Notes, 2002)."""
_LAYER_BLOCKS = (b"8BIMLayr", b"8BIMLr16", b"8BIMLr32", b"MIB8ryaL", b"MIB861rL", b"MIB823rL")
"""How the block of layers begins at 8, 16 and 32 bits, in either byte order."""

_COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 5: 4, 6: 3}
"""Colour bands by PhotometricInterpretation: two greys, RGB, palette, CMYK, YCbCr (TIFF 6.0 section 3)."""
_FAX = frozenset({2, 3, 4})
_ASIDE = 0b101
"""NewSubfileType bits of a reduced picture and of a mask."""


def probe_tiff(data: bytes, limits: Limits) -> Facts:
    """The facts; Unreadable or Declined with a sentence that names no file."""
    directories = []
    for directory in read_directories(data):
        directories.append(directory)
        if len(directories) > limits.max_frames:
            raise Declined(f"more than {limits.max_frames:,} pages are over the limit of {limits.max_frames:,}")
    if not directories:
        raise Unreadable("damaged: a TIFF without a picture")
    first = directories[0]
    width, height = _size(first)
    for page in directories:
        if page.number(WIDTH, 0) * page.number(HEIGHT, 0) > limits.max_pixels:
            wide, high = page.number(WIDTH, 0), page.number(HEIGHT, 0)
            raise Declined(f"{wide:,} × {high:,} pixels are over the limit of {limits.max_pixels:,}")
    _refuse_raw(data, directories)
    _refuse_samples(first)
    for page in directories:
        _check_extents(page, len(data))
    facts = _facts(first, width, height)
    aside = [page for page in directories if page.number(SUBFILE, 0) & _ASIDE]
    layers = _layers(directories, aside)
    if aside or any(_shape(page) != _shape(first) for page in directories):
        return replace(facts, more=len(directories) - 1 - len(aside), layers=layers)
    return replace(facts, frames=len(directories), layers=layers)


def _layers(directories: list[Directory], aside: list[Directory]) -> str:
    """What stands beside the pages and cannot be written anew, in words."""
    if any(block in page.raw(PHOTOSHOP_LAYERS) for page in directories for block in _LAYER_BLOCKS):
        return "Photoshop layers"
    if any(SUB_DIRECTORIES in page.entries for page in directories):
        return "pictures inside pictures (a pyramid)"
    return "previews or masks beside the picture" if aside else ""


def _size(directory: Directory) -> tuple[int, int]:
    width, height = directory.number(WIDTH, 0), directory.number(HEIGHT, 0)
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise Unreadable(f"damaged: the TIFF header says {width} × {height} pixels")
    return width, height


def _shape(directory: Directory) -> tuple[object, ...]:
    return tuple(directory.numbers(tag) for tag in (WIDTH, HEIGHT, BITS, PHOTOMETRIC, SAMPLES, ORIENTATION, ICC))


def _refuse_raw(data: bytes, directories: list[Directory]) -> None:
    """Camera raw files are TIFFs whose first picture is only a preview."""
    if any(DNG_VERSION in page.entries for page in directories) or data[8:10] == b"CR":
        raise Declined("a camera raw file, of which only the preview would be left")
    if directories[0].number(SUBFILE, 0) & _ASIDE:
        raise Declined("a TIFF that begins with a preview or a mask, which would be taken for the picture")


def _refuse_samples(first: Directory) -> None:
    photometric, samples = first.number(PHOTOMETRIC, -1), first.number(SAMPLES, 1)
    bits = first.number(BITS, 1)
    if photometric not in _COLOURS:
        raise Declined(f"a TIFF of colour kind {photometric}, which cannot be carried over faithfully")
    extra = samples - (1 if photometric == 3 else _COLOURS[photometric])
    if extra < 0:
        raise Unreadable("damaged: the TIFF header has too few channels")
    if extra > 1:
        raise Declined(f"a TIFF of {samples} channels, of which {extra - 1} would be lost")
    if extra == 1 and photometric in (3, 5):
        raise Declined("a TIFF with transparency beside a palette or CMYK, which cannot be carried over faithfully")
    if len(set(first.numbers(BITS))) > 1 or bits not in (1, 2, 4, 8, 16):
        raise Declined(f"a TIFF of {bits} bits per sample, which cannot be carried over faithfully")
    if any(kind not in (1, 4) for kind in first.numbers(SAMPLE_FORMAT)):
        raise Declined("a TIFF of signed or floating-point samples, which cannot be carried over faithfully")
    if photometric == 3 and bits > 8:
        raise Declined(f"a TIFF with a palette of {bits} bits, which cannot be carried over faithfully")


def _check_extents(page: Directory, size: int) -> None:
    offsets = page.numbers(STRIP_OFFSETS) or page.numbers(TILE_OFFSETS)
    counts = page.numbers(STRIP_COUNTS) or page.numbers(TILE_COUNTS)
    if not offsets:
        raise Unreadable("damaged: a TIFF without a picture")
    if any(offset > size for offset in offsets) or any(
        offset + count > size for offset, count in zip(offsets, counts, strict=False)
    ):
        raise Unreadable("damaged: the TIFF data ends early")


def _facts(first: Directory, width: int, height: int) -> Facts:
    photometric = first.number(PHOTOMETRIC, 1)
    colours = _COLOURS[photometric]
    alpha = first.number(SAMPLES, 1) > (1 if photometric == 3 else colours)
    orientation = first.number(ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    turned = orientation >= 5
    profile = first.raw(ICC)
    bits, compression = first.number(BITS, 1), first.number(COMPRESSION, 1)
    return Facts(
        Format.TIFF,
        height if turned else width,
        width if turned else height,
        width,
        height,
        colours + alpha,
        bits,
        orientation=orientation,
        alpha=alpha,
        progressive=False,
        palette=photometric == 3,
        profile=judge(profile, colours) if profile else ProfileKind.NONE,
        cmyk=photometric == 5,
        lossless=compression not in (6, 7, 33003, 33005, 34712, 50001, 50002),
        bilevel_fax=bits == 1 and compression in _FAX,
    )
