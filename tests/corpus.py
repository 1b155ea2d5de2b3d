"""The shared corpus of real pictures, where it is there: beside the repository, or where ``$IMGOPT_TEST_IMAGES`` says.

A sweep that takes long is done over a sample; over every file with ``IMGOPT_TEST_ALL=1``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["CORPUS", "files", "needs_corpus"]

CORPUS = Path(os.environ.get("IMGOPT_TEST_IMAGES", Path(__file__).resolve().parents[2] / "shared" / "images"))
ALL = os.environ.get("IMGOPT_TEST_ALL") == "1"
needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set IMGOPT_TEST_IMAGES to where it is"
)


def files(*folders: str, large: int | None = None, every: int = 1) -> list[Path]:
    """The files of some folders, by folder and name. Of those with more than ``large`` bytes (None: of all) only every
    ``every``-th, unless all are asked for."""
    paths = [path for folder in folders for path in sorted((CORPUS / folder).glob("*")) if path.is_file()]
    sampled = [path for path in paths if large is None or path.stat().st_size > large]
    left_out = set() if ALL else set(sampled) - set(sampled[::every])
    return [path for path in paths if path not in left_out]
