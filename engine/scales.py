"""A picture at five sizes, as the eye's colours: what ``engine.similarity`` compares. Only for workers: it needs numpy.

    sRGB ▸ linear light ▸ XYB of a panel
               └─▸ half the size ▸ the same, four times

Method and constants are those of SSIMULACRA 2.1 by Jon Sneyers (its licence is in ``engine.similarity``) and of the XYB
colour space of libjxl. Pictures are walked through in panels, so that no plane of all pixels is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "Panel", "Pixels", "Place", "Plane", "blur", "panels"]

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

SCALES = 5
"""1:1 to 1:16."""
ROWS, COLUMNS = 128, 512
"""Rows and columns of a panel: even, so that panels halve on their own; with these what a panel needs stays in the
CPU's cache."""
_BLURRED_ROWS, _BLURRED_COLUMNS = 8, 16
"""Rows and columns that one product blurs."""
_BIAS = 0.0037930732552754493
_CUBE_ROOT_OF_BIAS = _BIAS ** (1 / 3)
_MIX = np.array(
    [
        [0.30, 1 - 0.078 - 0.30, 0.078],
        [0.23, 1 - 0.078 - 0.23, 0.078],
        [0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821],
    ],
    np.float32,
)
"""Linear red, green and blue to what the three kinds of cones see (libjxl, opsin_params.h)."""


def _kernel() -> NDArray[np.float64]:
    """The Gaussian of sigma 1.5 that the original's recursive filter is, as the sum of three cosines that it is made
    of (Charalampidis 2016, "Recursive implementation of the Gaussian filter using truncated cosine functions")."""
    sigma, radius = 1.5, 5
    omega = np.pi / (2 * radius) * np.array([1, 3, 5])
    p = np.array([1, -1, 1]) / np.tan(omega / 2)
    r = np.array([1, -1, 1]) * p * p / np.sin(omega)
    rho = np.exp(-0.5 * sigma**2 * omega**2) / radius
    d13, d35, d51 = (p[i] * r[j] - r[i] * p[j] for i, j in ((0, 1), (1, 2), (2, 0)))
    zeta = np.array([d35 / d13, d51 / d13, 1.0])
    beta = np.linalg.solve(np.array([p, r, zeta]), np.array([1.0, radius**2 - sigma**2, zeta @ rho]))
    offsets = np.arange(1 - radius, radius)
    kernel: NDArray[np.float64] = np.cos(np.outer(offsets, omega)) @ beta
    return kernel


_KERNEL = _kernel()
_RADIUS = len(_KERNEL) // 2


@cache
def _band(size: int) -> Plane:
    """``size`` × (``size`` + 8): each row takes the weighted mean of the nine values around its place."""
    matrix = np.zeros((size, size + 2 * _RADIUS), np.float32)
    for row in range(size):
        matrix[row, row : row + len(_KERNEL)] = _KERNEL
    return matrix


def blur(planes: Plane, at: Place) -> Plane:
    """The panel ``at`` of a stack of planes that hold it with its margins; outside of the picture is zero."""
    count, _, width = planes.shape
    blocks = -(-at.columns // _BLURRED_COLUMNS)
    lines = np.empty((count, at.rows, blocks * _BLURRED_COLUMNS + 2 * _RADIUS), np.float32)
    before = _RADIUS - (at.left - at.start)
    end = min(before + width, lines.shape[2])
    lines[:, :, :before] = 0
    lines[:, :, end:] = 0
    _blur_columns(planes[:, :, : end - before], at, lines[:, :, before:end])
    return _blur_rows(lines, blocks)[:, :, : at.columns]


def _blur_columns(planes: Plane, at: Place, target: Plane) -> None:
    for top in range(0, at.rows, _BLURRED_ROWS):
        rows = min(_BLURRED_ROWS, at.rows - top)
        first = at.top + top - _RADIUS - at.low  # of planes: what the first of these rows needs
        low = max(0, first)
        part = planes[:, low : first + rows + 2 * _RADIUS]
        matrix = _band(rows)[:, low - first : low - first + part.shape[1]]
        np.matmul(matrix, part, out=target[:, top : top + rows])


def _blur_rows(lines: Plane, blocks: int) -> Plane:
    """Along the last axis: overlapping pieces of a line side by side, as the rows of one product."""
    count, rows, width = lines.shape
    step, size = lines.itemsize, _BLURRED_COLUMNS + 2 * _RADIUS
    strides = (width * step, _BLURRED_COLUMNS * step, step)
    pieces = np.lib.stride_tricks.as_strided(lines, (count * rows, blocks, size), strides)
    blurred: Plane = pieces.reshape(-1, size) @ _band(_BLURRED_COLUMNS).T
    return blurred.reshape(count, rows, -1)


def _light_of_pairs() -> NDArray[np.complex64]:
    """Linear light of two values of sRGB side by side (IEC 61966-2-1), by the number that their bytes make: looking
    up pairs takes half the time."""
    value = np.arange(256) / 255
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    values = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return curve.astype(np.float32)[values].view(np.complex64).ravel()


_LIGHT_OF_PAIRS = _light_of_pairs()


def _light(rgb: Pixels) -> Plane:
    """3 × rows × columns of linear light."""
    count = rgb.size
    values = np.zeros(count + count % 2, np.uint8)
    values[:count].reshape(3, *rgb.shape[:2])[:] = rgb.transpose(2, 0, 1)
    found = _LIGHT_OF_PAIRS.take(values.view(np.uint16)).view(np.float32)
    return found[:count].reshape(3, *rgb.shape[:2])


def _has_quick_cube_root() -> bool:
    """Whether numpy's own is made for AVX-512 here; without that it is slower than ``_near_cube_root``."""
    try:
        from numpy.lib.introspect import opt_func_info
    except ImportError:  # before numpy 2.2
        return False
    found = opt_func_info(func_name="^cbrt$", signature="float32").get("cbrt", {})
    return any(str(each.get("current", "")).startswith(("AVX512", "X86_V4")) for each in found.values())


def _near_cube_root(x: Plane) -> Plane:
    """Of values of at least ``_BIAS``; right to 3e-5 of the value.

    A third of the bits of a float is a guess within 3.5 %; one step of Halley's method makes the rest.
    """
    bits = x.view(np.uint32) // np.uint32(3)
    bits += np.uint32(709_921_077)
    root: Plane = bits.view(np.float32)
    cube = root * root
    cube *= root
    upper = x + x
    upper += cube
    cube += cube
    cube += x
    root *= upper
    root /= cube
    return root


_cube_root: Callable[[Plane], Plane] = np.cbrt if _has_quick_cube_root() else _near_cube_root


def _xyb(linear: Plane, channels: str) -> dict[str, Plane]:
    """The wanted channels of a panel of linear light (3 × rows × columns), each about 0–1."""
    kinds = 3 if "B" in channels else 2
    cones = (_MIX[:kinds] @ linear.reshape(3, -1)).reshape(kinds, *linear.shape[1:])
    cones += np.float32(_BIAS)
    cones = _cube_root(cones)
    cones -= np.float32(_CUBE_ROOT_OF_BIAS)
    brightness = cones[0] + cones[1]
    brightness *= np.float32(0.5)
    planes: dict[str, Plane] = {}
    if "X" in channels:
        planes["X"] = (cones[0] - cones[1]) * np.float32(7) + np.float32(0.42)
    if "B" in channels:
        planes["B"] = cones[2] - brightness + np.float32(0.55)
    if "Y" in channels:
        planes["Y"] = brightness + np.float32(0.01)
    return planes


def _halve(linear: Plane, target: Plane) -> None:
    """Means of 2 × 2 pixels; an odd last row or column counts twice."""
    if linear.shape[1] % 2 or linear.shape[2] % 2:
        linear = np.pad(linear, ((0, 0), (0, linear.shape[1] % 2), (0, linear.shape[2] % 2)), mode="edge")
    rows = linear[:, 0::2] + linear[:, 1::2]
    np.add(rows[:, :, 0::2], rows[:, :, 1::2], out=target)
    target *= np.float32(0.25)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel lies in its scale, and how far around it the planes reach that the blur needs."""

    scale: int
    top: int
    left: int
    rows: int
    columns: int
    low: int
    start: int
    """The row and the column of the scale with which the planes begin."""

    @property
    def spans(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and number of its rows, and of its columns."""
        return (self.top, self.rows), (self.left, self.columns)

    @property
    def core(self) -> tuple[slice, slice]:
        """The panel's own rows and columns in the planes."""
        top, left = self.top - self.low, self.left - self.start
        return slice(top, top + self.rows), slice(left, left + self.columns)


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece of one scale."""

    at: Place
    planes: dict[str, Plane]


def panels(rgb: Pixels, channels: Sequence[str]) -> Iterator[Panel]:
    """All scales of a picture, largest first; ``channels`` are those wanted of each. Holds the next scale's linear
    light, and one panel."""
    height, width = rgb.shape[:2]
    light: Plane | None = None
    for scale in range(SCALES):
        half = np.empty((3, -(-height // 2), -(-width // 2)), np.float32)
        for at in _places(scale, height, width):
            down = slice(at.low, min(height, at.top + at.rows + _RADIUS))
            across = slice(at.start, min(width, at.left + at.columns + _RADIUS))
            linear = _light(rgb[down, across]) if light is None else np.ascontiguousarray(light[:, down, across])
            yield Panel(at, _xyb(linear, channels[scale]))
            if scale + 1 < SCALES:
                rows, columns = (slice(first // 2, (first + count + 1) // 2) for first, count in at.spans)
                _halve(linear[:, *at.core], half[:, rows, columns])
        light = half
        height, width = half.shape[1:]


def _places(scale: int, height: int, width: int) -> Iterator[Place]:
    for top in range(0, height, ROWS):
        for left in range(0, width, COLUMNS):
            size = min(ROWS, height - top), min(COLUMNS, width - left)
            yield Place(scale, top, left, *size, max(0, top - _RADIUS), max(0, left - _RADIUS))
