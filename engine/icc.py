"""Judges an ICC profile: what space it describes, and whether that is sRGB (then it need not be stored).

sRGB is recognised by its numbers, not its name: the three primaries in the connection space and the tone curves,
compared with IEC 61966-2-1. ICC.1:2022 gives the layout.
"""

from __future__ import annotations

import struct
from enum import StrEnum

__all__ = ["ProfileKind", "judge"]


class ProfileKind(StrEnum):
    """What an embedded colour profile means for the result."""

    NONE = "none"
    """No profile, or one that is damaged or does not fit the pixels: every viewer takes sRGB."""
    SRGB = "srgb"
    """Says no more than "sRGB"."""
    RGB = "rgb"
    GREY = "grey"
    CMYK = "cmyk"


_SPACES = {b"RGB ": ProfileKind.RGB, b"GRAY": ProfileKind.GREY, b"CMYK": ProfileKind.CMYK}
_SRGB_PRIMARIES = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
"""rXYZ, gXYZ, bXYZ of sRGB adapted to D50."""
_PRIMARY_TOLERANCE = 0.0025
_CURVE_TOLERANCE = 0.006
"""In linear light of 0–1; a plain 2.2 gamma differs from sRGB by more below mid grey in the displayed value."""
_SAMPLES = tuple(step / 32 for step in range(33))


def _srgb_to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    found: dict[bytes, bytes] = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        found.setdefault(name, profile[offset : offset + min(size, 1 << 16)])
    return found


def _xyz(tag: bytes) -> tuple[float, ...]:
    return tuple(value / 65536 for value in struct.unpack_from(">3i", tag, 8))


def _parametric(tag: bytes, value: float) -> float:
    """A ``para`` curve (ICC.1 section 10.18)."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    number = (1, 3, 4, 5, 7)[kind]
    parts = [part / 65536 for part in struct.unpack_from(f">{number}i", tag, 12)]
    g, a, b, c, d, e, f = (parts + [0.0] * 7)[:7]
    if kind == 0:
        return float(value**g)
    if kind == 1:
        return float((a * value + b) ** g) if value >= -b / a else 0.0
    if kind == 2:
        return float((a * value + b) ** g + c) if value >= -b / a else c
    return float((a * value + b) ** g + e) if value >= d else c * value + f


def _sampled(tag: bytes, value: float) -> float:
    """A ``curv`` curve: a gamma, or a table with straight lines between its values (ICC.1 section 10.6)."""
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return value
    if count == 1:
        return float(value ** (struct.unpack_from(">H", tag, 12)[0] / 256))
    place = value * (count - 1)
    below = min(int(place), count - 2)
    low, high = struct.unpack_from(">2H", tag, 12 + 2 * below)
    return float((low + (high - low) * (place - below)) / 65535)


def _is_srgb_curve(tag: bytes) -> bool:
    curve = {b"curv": _sampled, b"para": _parametric}[tag[:4]]
    return all(abs(curve(tag, value) - _srgb_to_linear(value)) <= _CURVE_TOLERANCE for value in _SAMPLES)


def _is_srgb(profile: bytes, kind: ProfileKind) -> bool:
    tags = _tags(profile)
    if kind is ProfileKind.GREY:
        return _is_srgb_curve(tags[b"kTRC"])
    if kind is not ProfileKind.RGB or b"A2B0" in tags:
        return False
    primaries = zip((b"rXYZ", b"gXYZ", b"bXYZ"), _SRGB_PRIMARIES, strict=True)
    near = all(
        abs(have - want) <= _PRIMARY_TOLERANCE
        for name, wanted in primaries
        for have, want in zip(_xyz(tags[name]), wanted, strict=True)
    )
    return near and all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))


def judge(profile: bytes, colours: int) -> ProfileKind:
    """The kind of ``profile`` for pixels of ``colours`` bands without alpha (1, 3 or 4).

    A profile that is too short, has no signature, or is for another number of bands is NONE.
    """
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return ProfileKind.NONE
    kind = _SPACES.get(profile[16:20], ProfileKind.NONE)
    if {ProfileKind.RGB: 3, ProfileKind.GREY: 1, ProfileKind.CMYK: 4}.get(kind) != colours:
        return ProfileKind.NONE
    try:
        return ProfileKind.SRGB if _is_srgb(profile, kind) else kind
    except (struct.error, KeyError, IndexError, ZeroDivisionError, OverflowError, TypeError, ValueError):
        return kind
