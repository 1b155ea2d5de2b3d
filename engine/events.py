"""What the pool reports to the store: frozen values, each about one image or one worker.

``Finished`` is never dropped; ``StageChanged`` may be, the last one of an image wins.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.job import Outcome, Stage
from engine.why import Why

__all__ = ["Event", "Finished", "Held", "Queued", "Retried", "StageChanged", "Started", "WorkerGone", "WorkerReady"]


@dataclass(frozen=True, slots=True)
class Started:
    """A worker opened the image's file."""

    index: int
    slot: int


@dataclass(frozen=True, slots=True)
class StageChanged:
    """A worker went on to the next stage."""

    index: int
    slot: int
    stage: Stage
    allowance: int = 0
    """Bytes of memory reserved for it."""


@dataclass(frozen=True, slots=True)
class Held:
    """The image waits for memory."""

    index: int
    needs: int
    """Predicted peak in bytes."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The image went back to wait: recalled, or its worker died through no fault of its own."""

    index: int


@dataclass(frozen=True, slots=True)
class Retried:
    """The image's worker died or was killed while it had it; it gets another try."""

    index: int
    reason: str
    why: Why = Why.NONE


@dataclass(frozen=True, slots=True)
class Finished:
    """The image is through, one way or the other."""

    index: int
    slot: int
    """The worker that did it; −1 when none had it."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker answered the handshake."""

    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """A worker ended: asked to, died, or was killed."""

    slot: int
    pid: int
    reason: str
    """Empty when it was asked to."""


Event = Started | StageChanged | Held | Queued | Retried | Finished | WorkerReady | WorkerGone
