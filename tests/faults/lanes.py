"""Faults of a sweep side by side: each lane is a process with a folder and scenes of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from tests.faults.judge import Judge
from tests.faults.scenes import Scene

LANES = 2
P = TypeVar("P")
R = TypeVar("R")
_judge = Judge()
_scenes: dict[str, Scene] = {}
_base: list[Path] = []


def scene_of(mode: str, samples: Sequence[Path]) -> Scene:
    """This lane's scene of a mode, with what it plans to write already known."""
    if mode not in _scenes:
        scene = Scene(mode, _base[0] / mode.replace(" ", "-"), samples, _judge)
        scene.reference()
        _scenes[mode] = scene
    return _scenes[mode]


def _open(base: str) -> None:
    _base.append(Path(tempfile.mkdtemp(prefix="lane-", dir=base)))


def sweep(
    do: Callable[[P, Sequence[Path]], R], points: Sequence[P], samples: Sequence[Path], base: Path
) -> Iterator[R]:
    """``do`` every point with ``samples``; what came of it as it comes."""
    with ProcessPoolExecutor(LANES, get_context("spawn"), _open, (os.fspath(base),)) as lane:
        for done in as_completed([lane.submit(do, point, samples) for point in points]):
            yield done.result()
