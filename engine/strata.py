"""Which images of a tree are looked at to judge all of them: strata by format and size, spread over the folders.

The images of each stratum, in the order of the scan, are cut into as many runs of neighbours as are to be drawn, and
one is drawn at random from each run: every folder is represented according to its size. The largest images are all
drawn (a take-all stratum, W. G. Cochran, *Sampling Techniques*, 1977, section 5A.7): a few of them decide a tree's
bytes.
Arithmetic only.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Draw", "Stratum", "draw"]

CLASS_BITS = 2
"""Sizes of one class differ by up to this power of two."""
IMAGES_PER_CLASS = 6
"""Images to draw of a class of sizes, on average, before another one is made."""
LEAST_DRAWN = 3
BY_NUMBER = 0.25
"""Share of the sample that goes by the number of images instead of their bytes."""
MOST_WHOLE = 0.5
"""Share of the sample that the largest images may take."""
ALL_FROM = 0.8
"""A sample of this share of a tree is taken of the whole tree."""
_WHOLE = -1


@dataclass(frozen=True, slots=True)
class Stratum:
    """Images of one format and about one size."""

    group: str
    """The format's name."""
    images: tuple[int, ...]
    """Their numbers, in the order of the scan."""
    size: int
    """Bytes of all of them."""
    whole: bool = False
    """Whether all of them are drawn."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn."""

    strata: tuple[Stratum, ...]
    """By format, then from large to small; every image is in one."""
    order: tuple[tuple[int, int], ...]
    """Image and the number of its stratum. Any beginning of it is a sample of all strata."""


def draw(groups: Sequence[str], sizes: Sequence[int], count: int, random: random.Random) -> Draw:
    """Draw ``count`` images, or all if that is not many more; at least ``LEAST_DRAWN`` of each group. ``groups`` and
    ``sizes`` (bytes) say of each image what format it has and how large it is."""
    if count >= ALL_FROM * len(sizes):
        strata = _strata(groups, sizes, set(range(len(sizes))), count)
    else:
        strata = _strata(groups, sizes, _largest(sizes, count), count)
    keyed: list[tuple[float, int, int]] = []
    for number, (stratum, share) in enumerate(zip(strata, _allot(strata, count), strict=True)):
        chosen = _one_of_each_run(stratum.images, share, random)
        random.shuffle(chosen)
        keyed += [((place + random.random()) / share, image, number) for place, image in enumerate(chosen)]
    keyed.sort()
    return Draw(tuple(strata), tuple((image, number) for _, image, number in keyed))


def _largest(sizes: Sequence[int], count: int) -> set[int]:
    """Images so large that a sample in proportion to bytes would hold each of them with certainty."""
    rest, found = sum(sizes), 0
    most = int(MOST_WHOLE * count)
    order = heapq.nlargest(most, range(len(sizes)), key=sizes.__getitem__)
    for image in order:
        if sizes[image] * (count - found) < rest:
            break
        rest -= sizes[image]
        found += 1
    return set(order[:found])


def _strata(groups: Sequence[str], sizes: Sequence[int], whole: set[int], count: int) -> list[Stratum]:
    cells: dict[str, dict[int, list[int]]] = {group: {} for group in sorted(set(groups))}
    for image, (group, size) in enumerate(zip(groups, sizes, strict=True)):
        level = _WHOLE if image in whole else size.bit_length() // CLASS_BITS
        cells[group].setdefault(level, []).append(image)
    total = max(1, sum(sizes))
    strata: list[Stratum] = []
    for group, levels in cells.items():
        own = levels.pop(_WHOLE, [])
        classes = [levels[level] for level in sorted(levels, reverse=True)]
        share = sum(sizes[image] for images in classes for image in images) / total
        classes = _merged(classes, sizes, max(1, round(share * count / IMAGES_PER_CLASS)))
        for images in [own, *classes]:
            if images:
                size = sum(sizes[image] for image in images)
                strata.append(Stratum(group, tuple(images), size, whole=images is own))
    return strata


def _merged(classes: list[list[int]], sizes: Sequence[int], most: int) -> list[list[int]]:
    """At most ``most`` classes: the one with the fewest bytes joins the lighter of its neighbours, again and again."""
    weights = [sum(sizes[image] for image in images) for images in classes]
    while len(classes) > most:
        at = weights.index(min(weights))
        beside = [place for place in (at - 1, at + 1) if 0 <= place < len(classes)]
        other = min(beside, key=weights.__getitem__)
        first, second = sorted((at, other))
        classes[first] = sorted(classes[first] + classes.pop(second))
        weights[first] += weights.pop(second)
    return classes


def _allot(strata: Sequence[Stratum], count: int) -> list[int]:
    """How many to draw of each stratum: all of the largest; of the others in proportion to their bytes, as the spread
    of what is saved is (Cochran, section 6.14), with a part by their number, which failures and small files need."""
    drawn = [len(one.images) if one.whole else 0 for one in strata]
    left = count - sum(drawn)
    size = sum(one.size for one in strata if not one.whole) or 1
    images = sum(len(one.images) for one in strata if not one.whole) or 1
    for number, one in enumerate(strata):
        if not one.whole:
            share = (1 - BY_NUMBER) * one.size / size + BY_NUMBER * len(one.images) / images
            drawn[number] = min(len(one.images), max(LEAST_DRAWN, round(share * left)))
    return drawn


def _one_of_each_run(images: Sequence[int], count: int, random: random.Random) -> list[int]:
    """``count`` images, one from each of as many runs of neighbours."""
    edges = [len(images) * number // count for number in range(count + 1)]
    return [images[random.randrange(*edge)] for edge in pairwise(edges)]
