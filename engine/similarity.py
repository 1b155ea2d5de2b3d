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

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cost import KEPT_PIXELS
from engine.scales import SCALES, Panel, Pixels, Place, Plane, blur, panels

__all__ = ["LEAST_SIDE", "TILE", "Comparison", "Reference"]

LEAST_SIDE = 57
"""Pixels; the shorter side from which all scales are at least 4 pixels wide, as the original asks."""
TILE = 64
"""Pixels a side of the places that are judged on their own: 4 at the smallest scale."""
_C2 = 0.0009


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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is computed of the source for one channel of a panel."""

    plane: Plane
    mean: Plane
    variance: Plane
    """Plus C2."""
    edges: Plane
    """How far each pixel is from the mean around it."""


def _known(panel: Panel) -> dict[str, _Known]:
    result = {}
    for channel, plane in panel.planes.items():
        stack = np.stack([plane, plane * plane])
        mean, variance = blur(stack, panel.at)
        variance -= mean * mean
        variance += np.float32(_C2)
        result[channel] = _Known(plane, mean, variance, np.abs(plane[panel.at.core] - mean))
    return result


class _Tiles:
    """How a picture is divided into places: which rows and columns of a scale belong to which."""

    def __init__(self, height: int, width: int) -> None:
        """Size of the picture; what is left over at its ends belongs to the last row and column of places."""
        self.shape = max(1, height // TILE), max(1, width // TILE)
        self.pixels = []
        self._columns = []
        for scale in range(SCALES):
            down, across = (self._starts(count, scale) for count in self.shape)
            self.pixels.append(np.outer(np.diff([*down, height]), np.diff([*across, width])))
            self._columns.append(across)
            height, width = -(-height // 2), -(-width // 2)

    @staticmethod
    def _starts(count: int, scale: int) -> NDArray[np.intp]:
        return np.arange(count) * TILE >> scale

    def rows(self, at: Place) -> Iterator[tuple[int, slice]]:
        """The rows of places that a panel reaches into, and its own rows in each."""
        side, last, row = TILE >> at.scale, self.shape[0] - 1, 0
        while row < at.rows:
            tile = min((at.top + row) // side, last)
            end = at.rows if tile == last else min(at.rows, (tile + 1) * side - at.top)
            yield tile, slice(row, end)
            row = end

    def columns(self, at: Place) -> tuple[slice, NDArray[np.intp]]:
        """The columns of places that a panel reaches into, and where each begins in it."""
        starts = self._columns[at.scale]
        first = int(np.searchsorted(starts, at.left, side="right")) - 1
        end = int(np.searchsorted(starts, at.left + at.columns))
        return slice(first, end), np.maximum(starts[first:end] - at.left, 0)


def _column_sums(values: Plane, norm: int) -> Plane:
    """Of the values, or of their fourth powers."""
    if norm == 1:
        sums: Plane = values.sum(axis=0)
        return sums
    square = values * values
    np.multiply(square, square, out=square)
    powers: Plane = square.sum(axis=0)
    return powers


Sums = NDArray[np.float64]


def _score(sums: dict[tuple[str, int, _Map, int], Sums], pixels: list[Any]) -> Sums:
    """The weighted sum, on the scale that ends at 100, from sums over ``pixels`` values of each scale."""
    total = np.zeros(np.shape(pixels[0]))
    for (channel, scale), weights in _WEIGHTS.items():
        for (kind, norm), weight in weights.items():
            total += weight * (sums[channel, scale, kind, norm] / pixels[scale]) ** (1 / norm)
    total *= 0.9562382616834844
    total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
    score: Sums = 100.0 - 10.0 * np.maximum(total, 0) ** 0.6276336467831387
    return score


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much like its source a picture looks."""

    score: float
    """100 is equal."""
    worst: float
    """The lowest score of a place: the same sum over the pixels of one tile."""
    left: int
    top: int
    """Where that place begins, in pixels; it is ``TILE`` a side, up to twice that at the right and lower edges."""


class _Compared:
    """The sums over the maps, panel by panel."""

    def __init__(self, height: int, width: int) -> None:
        self._tiles = _Tiles(height, width)
        self._sums: dict[tuple[str, int, _Map, int], Sums] = {
            (channel, scale, kind, norm): np.zeros(self._tiles.shape)
            for (channel, scale), weights in _WEIGHTS.items()
            for kind, norm in weights
        }

    def add(self, panel: Panel, source: dict[str, _Known]) -> None:
        """One panel of the candidate, beside the same of the source."""
        at = panel.at
        columns, starts = self._tiles.columns(at)
        for channel, plane in panel.planes.items():
            wanted = _WEIGHTS[channel, at.scale]
            for kind, values in self._maps(at, plane, source[channel], {kind for kind, _ in wanted}):
                for norm in (norm for one, norm in wanted if one is kind):
                    sums = self._sums[channel, at.scale, kind, norm]
                    for tile, rows in self._tiles.rows(at):
                        sums[tile, columns] += np.add.reduceat(_column_sums(values[rows], norm), starts)

    def result(self) -> Comparison:
        """What came of it."""
        pixels = self._tiles.pixels
        whole = _score({key: each.sum() for key, each in self._sums.items()}, [each.sum() for each in pixels])
        places = _score(self._sums, pixels)
        top, left = np.unravel_index(int(places.argmin()), places.shape)
        return Comparison(float(whole), float(places.min()), int(left) * TILE, int(top) * TILE)

    def _maps(self, at: Place, plane: Plane, source: _Known, wanted: set[_Map]) -> Iterator[tuple[_Map, Plane]]:
        """With D the difference of the two pictures, 1 - (1 - mean(D)²) (2 cov + C2) / (var + var + C2) is the
        same as mean(D)² + (1 - mean(D)²) var(D) / (var + var + C2), without the loss of digits."""
        structure = _Map.STRUCTURE in wanted
        stack = np.empty((3 if structure else 1, *plane.shape), np.float32)
        np.subtract(source.plane, plane, out=stack[0])
        if structure:
            np.multiply(stack[0], stack[0], out=stack[1])
            np.multiply(plane, plane, out=stack[2])
        blurred = blur(stack, at)
        mean = source.mean - blurred[0]
        if structure:
            yield _Map.STRUCTURE, self._structure(source, mean, blurred)
        if len(wanted) > structure:
            edges = plane[at.core] - mean
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


def _whole(rgb: Pixels) -> Pixels:
    """The picture, continued by its mirror image where it has not enough pixels for all scales."""
    height, width = rgb.shape[:2]
    down, across = max(0, LEAST_SIDE - height), max(0, LEAST_SIDE - width)
    return np.pad(rgb, ((0, down), (0, across), (0, 0)), mode="symmetric") if down or across else rgb


class Reference:
    """A source picture, to be compared with any number of candidates."""

    def __init__(self, rgb: Pixels, *, keep: bool | None = None) -> None:
        """``rgb``: height × width × 3 values of sRGB. Without ``keep`` all is computed again each time; None keeps it
        of pictures up to ``KEPT_PIXELS``, 28 bytes a pixel: comparing takes a third less then. Raises ValueError for
        another shape or type."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
            raise ValueError("height × width × 3 values of 8 bits")
        self.shape = rgb.shape
        self._rgb = _whole(rgb)
        keeps = self._rgb.shape[0] * self._rgb.shape[1] <= KEPT_PIXELS if keep is None else keep
        self._kept = [_known(panel) for panel in panels(self._rgb, _CHANNELS)] if keeps else None

    def compare(self, candidate: Pixels) -> Comparison:
        """How much like the source it looks, as a whole and at its worst place. Raises ValueError when size or type
        differ."""
        if candidate.shape != self.shape or candidate.dtype != np.uint8:
            raise ValueError("the two pictures differ in size or type")
        source = self._kept if self._kept is not None else map(_known, panels(self._rgb, _CHANNELS))
        compared = _Compared(*self._rgb.shape[:2])
        for panel, known in zip(panels(_whole(candidate), _CHANNELS), source, strict=True):
            compared.add(panel, known)
        return compared.result()

    def score(self, candidate: Pixels) -> float:
        """The whole's score alone."""
        return self.compare(candidate).score
