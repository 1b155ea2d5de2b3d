"""The states of images and of runs, and the choices that a run is given by name. A leaf: every process loads it."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["STATE_MARKS", "Hangup", "ImageState", "Phase"]


class ImageState(IntEnum):
    """One byte per image."""

    WAITING = 0
    HELD = 1
    RUNNING = 2
    DONE = 3
    KEPT = 4
    SKIPPED = 5
    FAILED = 6

    @property
    def final(self) -> bool:
        """Whether the image is through."""
        return self >= ImageState.DONE

    @property
    def written(self) -> bool:
        """Whether a file stands for the image: its result, or the original itself."""
        return self in (ImageState.DONE, ImageState.KEPT)


STATE_MARKS = ".~>#=-!"
"""The character that stands for each state, by value; the same in every colour depth."""


class Phase(StrEnum):
    """Where a run is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended before its end, on request."""
    FAILED = "failed"
    """Could not go on; the last log line says why."""
    INTERRUPTED = "interrupted"
    """Its process is gone without a word."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Phase.FINISHED, Phase.STOPPED, Phase.FAILED, Phase.INTERRUPTED)


class Hangup(StrEnum):
    """What a terminal that closes does to the run shown on it."""

    FINISH = "finish"
    """Nothing: it goes on."""
    PAUSE = "pause"
    STOP = "stop"
    """It ends after the images in work."""
