"""How alike two pictures look: SSIMULACRA 2, from 100 (equal) down past 0. Only for workers: it needs numpy.

70 is high quality, at 80 an average observer sees no difference side by side, at 90 none when the two are flicked.

    linear light ▸ XYB ▸ blur ▸ structure, ringing, lost detail ─┐
        └─▸ half the size, four times ─▸ the same ───────────────┴─▸ weighted means and 4-norms ▸ score

Method and constants are those of SSIMULACRA 2.1 by Jon Sneyers, https://github.com/cloudinary/ssimulacra2, and of the
XYB colour space of libjxl. The blur is the exact impulse response of the recursive one that the original runs in
single precision and that drifts: scores agree within 0.1 up to 88, above it the original's are up to 0.3 lower. Two
things differ on purpose. Terms whose weight is below 0.1 are left out: they are worth less than 0.01 up to a score of
95. And a picture with a side below 57 pixels is continued by its mirror image to 57, because below 113 the original
has fewer scales and gives their weights to the wrong channels.

The original's licence:

    Copyright (c) Jon Sneyers, Cloudinary. All rights reserved.

    Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
    following conditions are met:

    1. Redistributions of source code must retain the above copyright notice, this list of conditions and the
       following disclaimer.
    2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the
       following disclaimer in the documentation and/or other materials provided with the distribution.
    3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote
       products derived from this software without specific prior written permission.

    THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
    INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
    DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
    SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
    SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
    WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE
    USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_SIDE", "Reference"]

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

SCALES = 5
"""1:1 to 1:16."""
LEAST_SIDE = 57
"""Pixels; the shorter side from which all scales are at least 4 pixels wide, as the original asks."""
_ROWS = 64
"""Rows of a strip: even, so that strips halve on their own; with 64 what a strip needs stays in the CPU's cache."""
_COLUMNS = 32
"""Columns that one product blurs."""
_KEPT_PIXELS = 4_000_000
"""Pictures up to this size keep what is computed of the source, 20 bytes a pixel; larger ones compute it again."""
_C2 = 0.0009
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


class _Map(StrEnum):
    STRUCTURE = "structure"
    RINGING = "ringing"
    """Edges in the candidate where the source is smooth."""
    LOST = "lost detail"
    """The reverse."""


_WEIGHTS: dict[tuple[str, int], dict[tuple[_Map, int], float]] = {
    ("X", 1): {(_Map.STRUCTURE, 4): 1.1041726426657346},
    ("X", 2): {(_Map.STRUCTURE, 4): 1.8422455520539298, (_Map.RINGING, 4): 11.441172603757666},
    ("X", 3): {(_Map.STRUCTURE, 4): 1.8787594979546387, (_Map.RINGING, 4): 10.94906990605142},
    ("X", 4): {(_Map.RINGING, 1): 0.9677937080626833, (_Map.RINGING, 4): 0.9981766977854967},
    ("Y", 0): {(_Map.STRUCTURE, 4): 7.466890328078848, (_Map.LOST, 4): 17.445833984131262},
    ("Y", 1): {(_Map.STRUCTURE, 4): 6.683678146179332, (_Map.LOST, 4): 1.027889937768264},
    ("Y", 2): {(_Map.STRUCTURE, 1): 225.20515300849274, (_Map.STRUCTURE, 4): 19.213238186143016},
    ("Y", 3): {
        (_Map.STRUCTURE, 1): 176.39317598450694,
        (_Map.STRUCTURE, 4): 24.43300999870476,
        (_Map.RINGING, 4): 0.28520802612117757,
    },
    ("Y", 4): {(_Map.STRUCTURE, 4): 34.77906344483772, (_Map.RINGING, 4): 44.835625328877896},
    ("B", 3): {(_Map.STRUCTURE, 4): 8.826982764996862, (_Map.RINGING, 4): 23.19243343998926},
    ("B", 4): {
        (_Map.STRUCTURE, 1): 95.1080498811086,
        (_Map.RINGING, 1): 0.9863978034400682,
        (_Map.LOST, 1): 0.9834382792465353,
        (_Map.RINGING, 4): 171.2667255897307,
        (_Map.LOST, 4): 0.9807858872435379,
    },
}
"""By channel and scale, of each map's mean (1) or 4-norm (4); zeros and those below 0.1 are left out. Of the sixth
scale, 1:32, nothing is left."""
_CHANNELS = tuple("".join(c for c in "XYB" if (c, scale) in _WEIGHTS) for scale in range(SCALES))
"""The channels that count, for each scale."""


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


def _blur_columns(planes: Plane, top: int, low: int, rows: int) -> Plane:
    """``rows`` rows from ``top`` on, of planes that begin with row ``low``; outside of the picture is zero."""
    first = low - (top - _RADIUS)
    blurred: Plane = np.matmul(_band(rows)[:, first : first + planes.shape[-2]], planes)
    return blurred


def _blur_rows(planes: Plane) -> Plane:
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
class _Strip:
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


def _strips(rgb: Pixels) -> Iterator[_Strip]:
    """All scales of a picture, largest first. Holds the next scale's linear light, and one strip."""
    height, width = rgb.shape[:2]
    light: Plane | None = None
    for scale in range(SCALES):
        half = np.empty((3, -(-height // 2), -(-width // 2)), np.float32)
        for top in range(0, height, _ROWS):
            rows = min(_ROWS, height - top)
            low, high = max(0, top - _RADIUS), min(height, top + rows + _RADIUS)
            linear = _light(rgb[low:high]) if light is None else np.ascontiguousarray(light[:, low:high])
            yield _Strip(scale, top, low, rows, _xyb(linear, _CHANNELS[scale]))
            if scale + 1 < SCALES:
                _halve(linear[:, top - low : top - low + rows], half[:, top // 2 : (top + rows + 1) // 2])
        light = half
        height, width = half.shape[1:]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is computed of the source for one channel of a strip."""

    plane: Plane
    mean: Plane
    variance: Plane
    """Plus C2."""
    edges: Plane
    """How far each pixel is from the mean around it."""


def _known(strip: _Strip) -> dict[str, _Known]:
    result = {}
    for channel, plane in strip.planes.items():
        stack = np.stack([plane, plane * plane])
        mean, variance = _blur_rows(_blur_columns(stack, strip.top, strip.low, strip.rows))
        variance -= mean * mean
        variance += np.float32(_C2)
        result[channel] = _Known(plane, mean, variance, np.abs(plane[strip.core] - mean))
    return result


def _power(values: Plane, norm: int) -> float:
    """The sum of the values, or of their fourth powers."""
    if norm == 1:
        return float(values.sum())
    square = (values * values).ravel()
    return float(square @ square)


class _Compared:
    """The sums over the maps, strip by strip."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, int, _Map, int], float] = defaultdict(float)
        self.pixels = [0] * SCALES

    def add(self, strip: _Strip, source: dict[str, _Known]) -> None:
        """One strip of the candidate, beside the same of the source."""
        self.pixels[strip.scale] += strip.rows * next(iter(strip.planes.values())).shape[1]
        for channel, plane in strip.planes.items():
            wanted = _WEIGHTS[channel, strip.scale]
            for kind, values in self._maps(strip, plane, source[channel], {kind for kind, _ in wanted}):
                for norm in (norm for one, norm in wanted if one is kind):
                    self.sums[channel, strip.scale, kind, norm] += _power(values, norm)

    def _maps(self, strip: _Strip, plane: Plane, source: _Known, wanted: set[_Map]) -> Iterator[tuple[_Map, Plane]]:
        """With D the difference of the two pictures, 1 - (1 - mean(D)²) (2 cov + C2) / (var + var + C2) is the
        same as mean(D)² + (1 - mean(D)²) var(D) / (var + var + C2), without the loss of digits."""
        structure = _Map.STRUCTURE in wanted
        stack = np.empty((3 if structure else 1, *plane.shape), np.float32)
        np.subtract(source.plane, plane, out=stack[0])
        if structure:
            np.multiply(stack[0], stack[0], out=stack[1])
            np.multiply(plane, plane, out=stack[2])
        blurred = _blur_rows(_blur_columns(stack, strip.top, strip.low, strip.rows))
        mean = source.mean - blurred[0]
        if structure:
            yield _Map.STRUCTURE, self._structure(source, mean, blurred)
        if len(wanted) > structure:
            edges = plane[strip.core] - mean
            np.abs(edges, out=edges)
            edges -= source.edges
            edges /= source.edges + np.float32(1)
            if _Map.RINGING in wanted:
                yield _Map.RINGING, np.maximum(edges, 0)
            if _Map.LOST in wanted:
                yield _Map.LOST, -np.minimum(edges, 0)

    @staticmethod
    def _structure(source: _Known, mean: Plane, blurred: Plane) -> Plane:
        apart: Plane = blurred[0]
        spread: Plane = blurred[1]
        variance: Plane = blurred[2]
        apart *= apart
        spread -= apart
        np.maximum(spread, 0, out=spread)
        mean = mean * mean
        variance -= mean
        variance += source.variance
        spread /= variance
        spread -= spread * apart
        spread += apart
        return spread

    def score(self) -> float:
        """The weighted sum, on the scale that ends at 100."""
        total = 0.0
        for (channel, scale), weights in _WEIGHTS.items():
            for (kind, norm), weight in weights.items():
                mean = self.sums[channel, scale, kind, norm] / self.pixels[scale]
                total += weight * mean ** (1 / norm)
        total *= 0.9562382616834844
        total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
        return 100.0 - 10.0 * total**0.6276336467831387 if total > 0 else 100.0


def _whole(rgb: Pixels) -> Pixels:
    """The picture, continued by its mirror image where it has not enough pixels for all scales."""
    height, width = rgb.shape[:2]
    down, across = max(0, LEAST_SIDE - height), max(0, LEAST_SIDE - width)
    return np.pad(rgb, ((0, down), (0, across), (0, 0)), mode="symmetric") if down or across else rgb


class Reference:
    """A source picture, to be compared with any number of candidates."""

    def __init__(self, rgb: Pixels) -> None:
        """``rgb``: height × width × 3 values of sRGB. Raises ValueError for another shape or type."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
            raise ValueError("height × width × 3 values of 8 bits")
        self.shape = rgb.shape
        self._rgb = _whole(rgb)
        keeps = self._rgb.shape[0] * self._rgb.shape[1] <= _KEPT_PIXELS
        self._kept = [_known(strip) for strip in _strips(self._rgb)] if keeps else None

    def score(self, candidate: Pixels) -> float:
        """How much like the source it looks: 100 is equal. Raises ValueError when size or type differ."""
        if candidate.shape != self.shape or candidate.dtype != np.uint8:
            raise ValueError("the two pictures differ in size or type")
        source = self._kept if self._kept is not None else map(_known, _strips(self._rgb))
        compared = _Compared()
        for strip, known in zip(_strips(_whole(candidate)), source, strict=True):
            compared.add(strip, known)
        return compared.score()
