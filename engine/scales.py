"""A picture at five sizes, as the eye's colours: what ``engine.similarity`` compares. Only for workers: it needs numpy.

    sRGB ▸ linear light ▸ XYB of a strip of rows
               └─▸ half the size ▸ the same, four times

Method and constants are those of SSIMULACRA 2.1 by Jon Sneyers (its licence is in ``engine.similarity``) and of the XYB
colour space of libjxl. Pictures are walked through in strips, so that no plane of all pixels is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "Pixels", "Plane", "Strip", "blur_columns", "blur_rows", "strips"]

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

SCALES = 5
"""1:1 to 1:16."""
ROWS = 64
"""Rows of a strip: even, so that strips halve on their own; with 64 what a strip needs stays in the CPU's cache."""
_COLUMNS = 32
"""Columns that one product blurs."""
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


def blur_columns(planes: Plane, top: int, low: int, rows: int) -> Plane:
    """``rows`` rows from ``top`` on, of planes that begin with row ``low``; outside of the picture is zero."""
    first = low - (top - _RADIUS)
    blurred: Plane = np.matmul(_band(rows)[:, first : first + planes.shape[-2]], planes)
    return blurred


def blur_rows(planes: Plane) -> Plane:
    """Blur along the last axis of a contiguous stack of planes; outside of the picture is zero."""
    width = planes.shape[-1]
    lines = planes.reshape(-1, width)
    blurred = np.empty_like(lines)
    for left in range(0, width, _COLUMNS):
        columns = min(_COLUMNS, width - left)
        low, high = max(0, left - _RADIUS), min(width, left + columns + _RADIUS)
        first = low - (left - _RADIUS)
        matrix = _band(columns)[:, first : first + high - low]
        np.matmul(lines[:, low:high], matrix.T, out=blurred[:, left : left + columns])
    return blurred.reshape(planes.shape)


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


def _cube_root(x: Plane) -> Plane:
    """Of values of at least ``_BIAS``; right to 3e-5 of the value. ``np.cbrt`` is slow without AVX-512.

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


def _xyb(linear: Plane, channels: str) -> dict[str, Plane]:
    """The wanted channels of a strip of linear light (3 × rows × columns), each about 0–1."""
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
class Strip:
    """Some rows of one scale, with the rows above and below that the blur needs."""

    scale: int
    top: int
    low: int
    """The scale's rows with which the strip and ``planes`` begin."""
    rows: int
    planes: dict[str, Plane]

    @property
    def core(self) -> slice:
        """The strip's own rows in ``planes``."""
        return slice(self.top - self.low, self.top - self.low + self.rows)


def strips(rgb: Pixels, channels: Sequence[str]) -> Iterator[Strip]:
    """All scales of a picture, largest first; ``channels`` are those wanted of each. Holds the next scale's linear
    light, and one strip."""
    height, width = rgb.shape[:2]
    light: Plane | None = None
    for scale in range(SCALES):
        half = np.empty((3, -(-height // 2), -(-width // 2)), np.float32)
        for top in range(0, height, ROWS):
            rows = min(ROWS, height - top)
            low, high = max(0, top - _RADIUS), min(height, top + rows + _RADIUS)
            linear = _light(rgb[low:high]) if light is None else np.ascontiguousarray(light[:, low:high])
            yield Strip(scale, top, low, rows, _xyb(linear, channels[scale]))
            if scale + 1 < SCALES:
                _halve(linear[:, top - low : top - low + rows], half[:, top // 2 : (top + rows + 1) // 2])
        light = half
        height, width = half.shape[1:]
