"""Pairs of pictures with the score that the original program gives them, made anew where a test needs them.

``ssimulacra2.json`` beside this holds the scores; ``python -m tests.engine.score_pairs PROGRAM`` makes it, with the
program built from https://github.com/cloudinary/ssimulacra2 (commit 81feacf, SSIMULACRA 2.1) by its own
``build_ssimulacra``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parents[2]
SCORES = ROOT / "tests/engine/ssimulacra2.json"
PICTURES = {
    "parrots": ("parrots.jpg", 100, 60, 320, 240),
    "hibiscus": ("hibiscus.jpg", 40, 40, 241, 187),
    "lighthouse": ("lighthouse.jpg", 10, 200, 256, 300),
    "graph": ("graph.png", 60, 20, 301, 222),
}
"""Pieces of the demo's pictures: left, top, width, height."""


def piece(name: str) -> Pixels:
    """Height × width × 3."""
    file, left, top, width, height = PICTURES[name]
    image = pyvips.Image.new_from_file(str(ROOT / "tui/demo_images" / file)).extract_band(0, n=3)
    return np.asarray(image.crop(left, top, width, height).numpy(), np.uint8)


def _through(rgb: Pixels, saver: str, quality: int) -> Pixels:
    image = pyvips.Image.new_from_array(rgb).copy(interpretation="srgb")
    how = {"subsample_mode": "on"} if saver == "jpegsave_buffer" else {}
    data = getattr(image, saver)(Q=quality, **how)
    return np.asarray(pyvips.Image.new_from_buffer(data, "").numpy(), np.uint8)


def _posterized(rgb: Pixels, step: int) -> Pixels:
    return np.asarray(rgb // step * step + step // 2, np.uint8)


def _noisy(rgb: Pixels, amplitude: int) -> Pixels:
    noise = np.random.default_rng(5).integers(-amplitude, amplitude + 1, rgb.shape)
    return np.asarray(np.clip(rgb + noise, 0, 255), np.uint8)


def _soft(rgb: Pixels) -> Pixels:
    wide = np.pad(rgb, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.uint16)
    height, width = rgb.shape[:2]
    total = sum(wide[y : y + height, x : x + width] for y in range(3) for x in range(3))
    return np.asarray(np.asarray(total) // 9, np.uint8)


def _tinted(rgb: Pixels) -> Pixels:
    return np.asarray(np.clip(rgb.astype(np.int16) + np.array([6, 0, -6]), 0, 255), np.uint8)


DISTORTIONS: dict[str, Callable[[Pixels], Pixels]] = {
    **{f"jpeg {q}": lambda rgb, q=q: _through(rgb, "jpegsave_buffer", q) for q in (10, 40, 70, 85, 95)},  # type: ignore[misc]
    **{f"webp {q}": lambda rgb, q=q: _through(rgb, "webpsave_buffer", q) for q in (30, 75, 95)},  # type: ignore[misc]
    "posterized": lambda rgb: _posterized(rgb, 16),
    "noisy": lambda rgb: _noisy(rgb, 5),
    "soft": _soft,
    "tinted": _tinted,
}


def main() -> None:
    scores = {}
    with tempfile.TemporaryDirectory() as folder:
        one, other = f"{folder}/one.png", f"{folder}/other.png"
        for name in PICTURES:
            rgb = piece(name)
            pyvips.Image.new_from_array(rgb).copy(interpretation="srgb").write_to_file(one)
            for what, distort in DISTORTIONS.items():
                pyvips.Image.new_from_array(distort(rgb)).copy(interpretation="srgb").write_to_file(other)
                done = subprocess.run([sys.argv[1], one, other], capture_output=True, text=True, check=True)
                scores[f"{name}, {what}"] = float(done.stdout)
    SCORES.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
