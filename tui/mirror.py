"""What the screen holds of a run: the newest update and one state byte for each image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.figures import Gauges, Totals
from engine.states import ImageState, Phase

if TYPE_CHECKING:
    from engine.view import RunInfo, Update

__all__ = ["Mirror"]


@dataclass(slots=True)
class Mirror:
    """The screen's copy of a run; everything drawn at ten frames a second comes from here."""

    info: RunInfo | None = None
    update: Update | None = None
    states: bytearray = field(default_factory=bytearray)
    idle_gauges: Gauges = field(default_factory=Gauges)
    """The machine while no run is open."""
    lost: str = ""
    """Why nothing comes from the run any more; empty while it does."""

    def open(self, info: RunInfo) -> None:
        """Begin with a new run."""
        self.info, self.update, self.lost = info, None, ""
        self.states = bytearray()

    def apply(self, update: Update) -> None:
        """Take in what the run announced."""
        if update.states is not None:
            self.states = bytearray(update.states)
        states = self.states
        for index, state in update.changes:
            if index >= len(states):
                states.extend(bytes(index + 1 - len(states)))
            states[index] = state
        missing = update.totals.found - len(states)
        if missing > 0:
            states.extend(bytes(missing))
        self.update = update

    @property
    def gauges(self) -> Gauges:
        """Of the run, or of the machine."""
        return self.update.gauges if self.update and not self.update.phase.over else self.idle_gauges

    @property
    def totals(self) -> Totals:
        """Zeros while there is no run."""
        return self.update.totals if self.update else Totals()

    @property
    def phase(self) -> Phase | None:
        """None while there is no run."""
        if self.update:
            return self.update.phase
        return Phase.STARTING if self.info else None

    @property
    def working(self) -> bool:
        """Whether a run is open that still has something to do, as far as is known."""
        return self.info is not None and not self.lost and not (self.phase and self.phase.over)

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.info.batch_size if self.info else 75

    @property
    def batches(self) -> int:
        """Batches known so far."""
        return -(-len(self.states) // self.batch_size)

    def frontier(self) -> int:
        """The image to look at when following: the last one running or held, else the last that is through."""
        for wanted in (ImageState.RUNNING, ImageState.HELD):
            at = self.states.rfind(wanted)
            if at >= 0:
                return at
        first_waiting = self.states.find(ImageState.WAITING)
        return max(0, first_waiting if first_waiting >= 0 else len(self.states) - 1)
