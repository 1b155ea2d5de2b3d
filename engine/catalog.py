"""Every image of a run as columns of numbers: about 80 bytes an image plus its name, so that a million fit in memory.

A row's number is the image's index; batches are ranges of rows.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.formats import Format
from engine.job import Job, Outcome, Recipe, Sibling, Stage, Status
from engine.quality import Measured
from engine.view import ImageState

if TYPE_CHECKING:
    from engine.settings import Settings

__all__ = ["Catalog", "Folder", "is_below"]

_FORMATS = ("", *(format.value for format in Format))
_FORMAT_CODE = {name: code for code, name in enumerate(_FORMATS)}
STATE_OF = {
    Status.DONE: ImageState.DONE,
    Status.KEPT: ImageState.KEPT,
    Status.SKIPPED: ImageState.SKIPPED,
    Status.FAILED: ImageState.FAILED,
}

MOST_OPTIONS = 2**16
_NO_STAGES = bytes(len(Stage))


def _shares(stages: tuple[float, ...]) -> bytes:
    """Each stage's part of their sum, in 255ths."""
    whole = sum(stages)
    return bytes(round(255 * seconds / whole) for seconds in stages) if whole > 0 else _NO_STAGES


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of sources and where its results go."""

    source: str
    target: str
    relative: str
    """The source's path below its root, for display; the root's own name in front when there are several roots."""
    root: int = 0
    """Which of the plan's roots it belongs to."""
    settings: Settings | None = None
    """Those of its images; None: the run's."""


class Catalog:
    """The columns; ``states`` is public because screens mirror it byte by byte."""

    def __init__(self) -> None:
        self.states = bytearray()
        self._names = bytearray()
        self._ends = array("Q")
        self._folder = array("I")
        self._original = array("Q")
        self._optimized = array("Q")
        self._seconds = array("f")
        self._needs = array("Q")
        self._width = array("I")
        self._height = array("I")
        self._slot = array("h")
        self._quality = bytearray()
        self._source_quality = bytearray()
        self._formats = bytearray()
        self._stages = bytearray()
        """Each stage's part of the seconds, in 255ths."""
        self._peak = array("I")
        """KiB."""
        self._options = array("H")
        self._known_options: dict[str, int] = {"": 0}
        """Option texts, each at its number: there are only a few."""
        self._folders: list[Folder] = []
        self._reasons: dict[int, str] = {}
        self._targets: dict[int, str] = {}
        self._bases: dict[int, str] = {}
        self._siblings: dict[int, tuple[Sibling, ...]] = {}
        self._measured: dict[int, Measured] = {}

    def __len__(self) -> int:
        return len(self.states)

    def add_folder(self, folder: Folder) -> int:
        """Make a folder known; returns its number for ``add``."""
        self._folders.append(folder)
        return len(self._folders) - 1

    def add(self, folder: int, name: str, size: int, target_name: str, base: str = "") -> int:
        """Add an image of ``size`` bytes, whose siblings' names begin with ``base``; returns its index."""
        index = len(self.states)
        self._names += os.fsencode(name)
        self._ends.append(len(self._names))
        self._folder.append(folder)
        self._original.append(size)
        self._optimized.append(0)
        self._seconds.append(0.0)
        self._needs.append(0)
        self._width.append(0)
        self._height.append(0)
        self._slot.append(-1)
        self._quality.append(0)
        self._source_quality.append(0)
        self._formats.append(0)
        self._stages += _NO_STAGES
        self._peak.append(0)
        self._options.append(0)
        self.states.append(ImageState.WAITING)
        if target_name != name:
            self._targets[index] = target_name
        if base:
            self._bases[index] = base
        return index

    def finish(self, index: int, slot: int, outcome: Outcome) -> None:
        """Write an image's outcome into its row."""
        self.states[index] = STATE_OF[outcome.status]
        self._slot[index] = slot
        if outcome.original_size:
            self._original[index] = outcome.original_size
        self._optimized[index] = outcome.optimized_size
        self._seconds[index] = max(0.0, outcome.seconds)
        self._needs[index] = outcome.predicted_bytes or self._needs[index]
        self._width[index], self._height[index] = outcome.width, outcome.height
        self._quality[index] = outcome.quality
        self._source_quality[index] = outcome.source_quality
        source, target = _FORMAT_CODE[outcome.source_format], _FORMAT_CODE[outcome.target_format]
        self._formats[index] = source << 4 | target
        self._peak[index] = outcome.peak_bytes >> 10
        self._options[index] = self._option(outcome.options)
        self._stages[index * len(Stage) : (index + 1) * len(Stage)] = _shares(outcome.stages)
        if outcome.reason:
            self._reasons[index] = outcome.reason
        else:
            self._reasons.pop(index, None)
        if outcome.siblings:
            self._siblings[index] = outcome.siblings
        if outcome.measured is not None:
            self._measured[index] = outcome.measured

    def _option(self, text: str) -> int:
        """The number of an option text; 0, for none, once there are too many."""
        number = self._known_options.get(text)
        if number is None and len(self._known_options) < MOST_OPTIONS:
            number = self._known_options[text] = len(self._known_options)
        return number or 0

    def reset(self, index: int) -> None:
        """The image is to be done again."""
        self._siblings.pop(index, None)
        self._measured.pop(index, None)
        self.states[index] = ImageState.WAITING
        self._optimized[index] = 0
        self._reasons.pop(index, None)

    def note_needs(self, index: int, needs: int) -> None:
        """Predicted peak memory in bytes, learned before the image is done."""
        self._needs[index] = needs

    def folder(self, index: int) -> Folder:
        """The folder its source lies in."""
        return self._folders[self._folder[index]]

    def name(self, index: int) -> str:
        """File name."""
        start = self._ends[index - 1] if index else 0
        return os.fsdecode(bytes(self._names[start : self._ends[index]]))

    def source(self, index: int) -> str:
        """Full path of the source."""
        return os.path.join(self._folders[self._folder[index]].source, self.name(index))

    def at_or_below(self, paths: Iterable[str]) -> list[int]:
        """The images that are one of these full paths, or lie in such a folder or below it, in their order."""
        wanted = {os.path.normpath(path) for path in paths}
        inside = [is_below(folder.source, wanted) for folder in self._folders]
        beside = {os.path.dirname(path) for path in wanted}
        maybe = [folder.source in beside for folder in self._folders]
        folders = enumerate(self._folder)
        return [i for i, folder in folders if inside[folder] or (maybe[folder] and self.source(i) in wanted)]

    def target(self, index: int) -> str:
        """Full path of the result, as planned."""
        name = self._targets.get(index) or self.name(index)
        return os.path.join(self._folders[self._folder[index]].target, name)

    def base(self, index: int) -> str:
        """What the names of its siblings begin with; empty without siblings."""
        return self._bases.get(index, "")

    def siblings(self, index: int) -> tuple[Sibling, ...]:
        """The siblings that were written."""
        return self._siblings.get(index, ())

    def all_siblings(self) -> list[tuple[Sibling, ...]]:
        """Of every image that has any."""
        return list(self._siblings.values())

    def measured(self, index: int) -> Measured | None:
        """How much the result looks like its source; None where no score was asked for."""
        return self._measured.get(index)

    def job(self, index: int, recipe: Recipe, origin: str = "") -> Job:
        """What a worker is told of it; ``origin`` is the original to be encoded instead of it, if any."""
        paths = self.source(index), self.target(index)
        return Job(index, *paths, recipe, self.original(index), base=self.base(index), origin=origin)

    def path(self, index: int) -> str:
        """Path for display, relative to its root."""
        return os.path.join(self._folders[self._folder[index]].relative, self.name(index))

    def original(self, index: int) -> int:
        """Size of the source in bytes."""
        return self._original[index]

    def optimized(self, index: int) -> int:
        """Size of the result in bytes; 0 before there is one."""
        return self._optimized[index]

    def seconds(self, index: int) -> float:
        """Seconds the image took."""
        return self._seconds[index]

    def stages(self, index: int) -> tuple[float, ...]:
        """Seconds of each stage, exact to half a percent of all of them; empty when not known."""
        shares = self._stages[index * len(Stage) : (index + 1) * len(Stage)]
        whole = sum(shares)
        return tuple(self._seconds[index] * share / whole for share in shares) if whole else ()

    def peak(self, index: int) -> int:
        """Highest resident bytes of its worker while it had the image; 0 when not measured."""
        return self._peak[index] << 10

    def options(self, index: int) -> str:
        """What its encoder was told beside the quality."""
        number = self._options[index]
        return next((text for text, at in self._known_options.items() if at == number), "")

    def slot(self, index: int) -> int:
        """The worker that did it; −1 for none."""
        return self._slot[index]

    def needs(self, index: int) -> int:
        """Predicted peak memory in bytes; 0 when not known."""
        return self._needs[index]

    def size(self, index: int) -> tuple[int, int]:
        """Width and height of the result in pixels; zeros before there is one."""
        return self._width[index], self._height[index]

    def quality(self, index: int) -> int:
        """As handed to the encoder; 0 for lossless."""
        return self._quality[index]

    def source_quality(self, index: int) -> int:
        """Estimate for the source, 1–100; 0 when it is not known."""
        return self._source_quality[index]

    def formats(self, index: int) -> tuple[str, str]:
        """Names of the source's and the result's format; empty when not known."""
        code = self._formats[index]
        return _FORMATS[code >> 4], _FORMATS[code & 15]

    def reason(self, index: int) -> str:
        """Why it was kept, skipped or failed."""
        return self._reasons.get(index, "")

    def outcome(self, index: int) -> Outcome:
        """What came of it, as far as it is kept here; one that is not through stands as failed."""
        status = self.status(index) or Status.FAILED
        source_format, target_format = self.formats(index)
        width, height = self.size(index)
        return Outcome(
            status,
            self.reason(index),
            self.target(index) if status.written else "",
            original_size=self.original(index),
            optimized_size=self.optimized(index),
            source_format=source_format,
            target_format=target_format,
            width=width,
            height=height,
            quality=self.quality(index),
            seconds=self.seconds(index),
            predicted_bytes=self.needs(index),
            peak_bytes=self.peak(index),
            source_quality=self.source_quality(index),
            stages=self.stages(index),
            options=self.options(index),
            siblings=self.siblings(index),
            measured=self.measured(index),
        )

    def status(self, index: int) -> Status | None:
        """How it ended; None when it has not."""
        state = self.states[index]
        return next((status for status, final in STATE_OF.items() if final == state), None)


def is_below(path: str, folders: Collection[str]) -> bool:
    """Whether a full path is one of these, or lies in one of them or below it."""
    while path not in folders:
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above
    return True
