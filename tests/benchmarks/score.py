"""Whether the score is right and quick enough: against its definition, against the original program, by the clock.

    python -m tests.benchmarks.score [--from DIR…] [--pairs 200] [--megapixels 2,8,24]

Pairs are pieces of the folders' pictures (of the demo's own without ``--from``) through JPEG, WebP, AVIF, noise and
others, with scores from 30 to 100. The definition is ``tests.engine.plain_score``, slow and in double precision; the
original program's values are those of ``tests.engine.score_pairs``. The time is CPU time of one comparison as a run
makes it, the memory what numpy holds beside the two pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from engine import child
from engine.similarity import Reference
from tests.conftest import ROOT
from tests.engine.plain_score import plain_score
from tests.engine.score_pairs import DISTORTIONS, PICTURES, SCORES, Pixels, piece

LOW, HIGH = 30.0, 100.0
WIDTH, HEIGHT = 224, 160
FAR, CORRELATION, SECONDS = 0.05, 0.999, 0.05
"""The goals: the farthest from the definition, the least rank correlation, the most CPU seconds a megapixel."""
TRIES = 3
_SAVERS: dict[str, dict[str, Any]] = {
    "jpegsave_buffer": {"subsample_mode": "on"},
    "webpsave_buffer": {},
    "heifsave_buffer": {"compression": "av1", "effort": 1, "bitdepth": 8},
}


def sources(folders: list[Path]) -> list[Pixels]:
    """A piece from the middle of every picture that is large enough."""
    found: list[Pixels] = []
    for path in sorted(entry for folder in folders for entry in folder.rglob("*") if entry.is_file()):
        try:
            image = pyvips.Image.new_from_file(os.fspath(path)).autorot()
        except pyvips.Error:
            continue
        if image.format == "uchar" and image.bands == 3 and image.width >= WIDTH and image.height >= HEIGHT:
            left, top = (image.width - WIDTH) // 2, (image.height - HEIGHT) // 2
            found.append(np.asarray(image.crop(left, top, WIDTH, HEIGHT).numpy(), np.uint8))
    return found


def distorted(rgb: Pixels, random: np.random.Generator) -> Pixels:
    """The piece through an encoder at some quality, or what else may happen to a picture."""
    if random.random() < 0.15:
        return DISTORTIONS[str(random.choice(["posterized", "noisy", "soft", "tinted"]))](rgb)
    saver = str(random.choice(sorted(_SAVERS)))
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb")
    data = getattr(image, saver)(Q=int(random.integers(12, 100)), **_SAVERS[saver])
    return np.asarray(pyvips.Image.new_from_buffer(data, "").numpy(), np.uint8)


def pairs(pieces: list[Pixels], count: int) -> Iterator[tuple[float, float]]:
    """``count`` times our score and the definition's, within the range."""
    random, made = np.random.default_rng(11), 0
    while made < count:
        source = pieces[int(random.integers(len(pieces)))]
        other = distorted(source, random)
        ours = Reference(source).score(other)
        if LOW <= ours <= HIGH:
            made += 1
            yield ours, plain_score(source, other)


def ranks(values: list[float]) -> NDArray[np.float64]:
    order = np.argsort(np.argsort(values))
    return np.asarray(order, np.float64)


def rank_correlation() -> float:
    """Spearman's, with the original program's values."""
    known = json.loads(SCORES.read_text(encoding="utf-8"))
    ours = [
        Reference(piece(name)).score(distort(piece(name))) for name in PICTURES for what, distort in DISTORTIONS.items()
    ]
    theirs = [known[f"{name}, {what}"] for name in PICTURES for what in DISTORTIONS]
    return float(np.corrcoef(ranks(ours), ranks(theirs))[0, 1])


def cost(source: Pixels, megapixels: float) -> tuple[float, float]:
    """CPU seconds a megapixel of a comparison, the best of three; bytes a pixel held, those for the source included."""
    side = (megapixels * 1e6 / (4 * 3)) ** 0.5
    shape = max(1, round(3 * side / source.shape[0])), max(1, round(4 * side / source.shape[1]))
    large, other = (np.tile(each, (*shape, 1)) for each in (source, DISTORTIONS["jpeg 70"](source)))
    pixels = large.shape[0] * large.shape[1]
    reference, best = Reference(large), float("inf")
    for _ in range(TRIES):
        begun = time.process_time()
        reference.compare(other)
        best = min(best, time.process_time() - begun)
    tracemalloc.start()
    Reference(large).compare(other)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return best / pixels * 1e6, peak / pixels


def line(what: str, value: str, goal: str, *, holds: bool) -> None:
    print(f"{what:<58} {value:>10}   {goal:<10} {'holds' if holds else 'MISSED'}", flush=True)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folders", type=Path, nargs="+", default=[ROOT / "tui" / "demo_images"])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--megapixels", default="2,8,24")
    given = parser.parse_args(words)
    pieces = sources(given.folders)
    scores = list(pairs(pieces, given.pairs))
    apart = [abs(ours - theirs) for ours, theirs in scores]
    low, high = min(ours for ours, _ in scores), max(ours for ours, _ in scores)
    what = f"{len(apart)} pairs, {low:.0f} to {high:.0f}: from the definition, "
    line(what + "largest", f"{max(apart):.3f}", f"≤ {FAR}", holds=max(apart) <= FAR)
    line(what + "mean", f"{mean(apart):.3f}", f"≤ {FAR}", holds=mean(apart) <= FAR)
    correlation = rank_correlation()
    count = len(PICTURES) * len(DISTORTIONS)
    line(
        f"{count} pairs: rank correlation with the original",
        f"{correlation:.4f}",
        f"≥ {CORRELATION}",
        holds=correlation >= CORRELATION,
    )
    for megapixels in (float(each) for each in given.megapixels.split(",")):
        seconds, held = cost(pieces[0], megapixels)
        what = f"{megapixels:g} megapixels, {held:.0f} bytes a pixel held: s/MP"
        line(what, f"{seconds:.3f}", f"≤ {SECONDS}", holds=seconds <= SECONDS)


if __name__ == "__main__":
    workers = child.environment(pixels=True)
    if os.environ.get("OPENBLAS_NUM_THREADS") != workers["OPENBLAS_NUM_THREADS"]:
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks.score", *sys.argv[1:]], workers)
    main()
