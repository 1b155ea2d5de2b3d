"""What a worker is told and what it answers: the values that cross the process border, and their JSON forms.

A job is small because it is sent once per image; what all jobs of a run share is its ``Recipe``, sent once per worker.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any

from engine.efforts import Effort
from engine.formats import Format
from engine.ledger import Entry
from engine.policy import Limits, Loss, MetadataPolicy, Overwrite, Policy, Savings, SizeLimit, Verify
from engine.quality import Measured, QualityTarget
from engine.task import TaskSettings
from engine.variants import Variant
from engine.why import Why

__all__ = ["Job", "Outcome", "Recipe", "Records", "Sibling", "Stage", "Status"]


class Stage(StrEnum):
    """What a worker does with an image, in order."""

    PROBE = "probe"
    DECODE = "decode"
    ENCODE = "encode"
    CHECK = "check"
    WRITE = "write"


class Status(StrEnum):
    """How an image ended."""

    DONE = "done"
    """A new file is in place."""
    KEPT = "kept"
    """The original is the better file; an output tree gets a copy of it."""
    SKIPPED = "skipped"
    """Left alone on purpose, with a reason; nothing was written."""
    FAILED = "failed"
    """Not possible, with a reason; nothing was written."""

    @property
    def written(self) -> bool:
        """Whether a file stands for the image: its result, or the original itself."""
        return self in WRITTEN


WRITTEN: frozenset[str] = frozenset((Status.DONE, Status.KEPT))
"""Those; also for a status that was read as text."""


@dataclass(frozen=True, slots=True)
class Records:
    """Where a worker leaves what must outlive the run."""

    ledger: str = ""
    """Folder of the ledgers (``ledger.py``); empty: nothing is written down."""
    backups: str = ""
    """Folder that originals go to before they are replaced; empty: none is kept."""
    marks: bool = False
    """Whether results carry their entry in an extended attribute."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a worker must know beside the two paths."""

    settings: TaskSettings = field(default_factory=TaskSettings)
    policy: Policy = field(default_factory=Policy)
    variants: tuple[Variant, ...] = ()
    """Siblings to write beside each result."""
    records: Records = field(default_factory=Records)

    @property
    def key(self) -> str:
        """What tells apart two recipes that make different results: 16 hexadecimal digits."""
        return _key(self)

    def to_json(self) -> dict[str, object]:
        """For the worker's pipe."""
        policy = self.policy
        return {
            "records": [self.records.ledger, self.records.backups, self.records.marks],
            "variants": [[one.format, one.width] for one in self.variants],
            "settings": self.settings.to_json(),
            "keep": policy.keep_original,
            "savings": [policy.min_savings.percent, policy.min_savings.bytes],
            "skipLarger": policy.skip_larger,
            "verify": policy.verify.value,
            "overwrite": policy.overwrite.value,
            "limits": [policy.limits.max_pixels, policy.limits.max_frames, policy.limits.max_file_size],
            "allowLoss": sorted(policy.allow_loss),
            "metadata": policy.metadata.value,
            "lossless": policy.lossless,
            "maxSize": [policy.max_size.percent, policy.max_size.bytes] if policy.max_size else None,
            "effort": policy.effort.value,
            "replace": policy.replace,
            "preserve": sorted(policy.preserve),
            "target": policy.target.to_json() if policy.target else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:
        """The reverse of ``to_json``."""
        percent, size = value["savings"]
        return cls(
            TaskSettings.from_json(value["settings"]),
            Policy(
                value["keep"],
                Savings(percent, size),
                value["skipLarger"],
                Verify(value["verify"]),
                Overwrite(value["overwrite"]),
                Limits(*value["limits"]),
                allow_loss=frozenset(Loss(kind) for kind in value["allowLoss"]),
                metadata=MetadataPolicy(value["metadata"]),
                lossless=value["lossless"],
                max_size=SizeLimit(*value["maxSize"]) if value["maxSize"] else None,
                effort=Effort(value["effort"]),
                replace=value["replace"],
                preserve=frozenset(value["preserve"]),
                target=QualityTarget(*value["target"]) if value["target"] else None,
            ),
            tuple(Variant(None if kind is None else Format(kind), width) for kind, width in value["variants"]),
            Records(*value["records"]),
        )


@functools.lru_cache(maxsize=64)
def _key(recipe: Recipe) -> str:
    beside_the_result = {"records", "verify", "overwrite", "limits", "replace", "preserve"}
    as_sent = Recipe.from_json(recipe.to_json())  # the form that workers know it in
    value = {name: part for name, part in as_sent.to_json().items() if name not in beside_the_result}
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Job:
    """One image to do."""

    index: int
    """Its row in the catalogue; also its number on the worker's pipe."""
    source: str
    """Path as ``os.fsdecode`` gives it (surrogates stand for bytes that are not UTF-8)."""
    target: str
    """Path of the result, extension corrected by the worker. Equal to ``source`` in place."""
    recipe: Recipe
    size: int = 0
    """Bytes of the source as the scan saw it; 0 when not known."""
    careful: bool = False
    """A worker died with it: the next try leaves out the libraries of ``engine.extras``."""
    base: str = ""
    """What the file names of its siblings begin with; empty without siblings."""
    origin: str = ""
    """The kept original of a source that is our own lossy result: read in its stead, and left alone."""
    trial: bool = False
    """Everything but the write is done, to learn what would come of it."""

    @property
    def in_place(self) -> bool:
        """Whether the result takes the place of its source."""
        return self.source == self.target

    @property
    def takes_source(self) -> bool:
        """Whether the source is not at its path any more afterwards."""
        return self.in_place or self.recipe.policy.replace


@dataclass(frozen=True, slots=True)
class Sibling:
    """The same picture in another format or width, written beside the main result."""

    name: str
    """File name, in the folder of the main result."""
    size: int
    """Bytes."""
    width: int
    height: int
    """Pixels."""
    format: str
    quality: int
    """As ``Outcome.quality``."""
    score: float | None = None
    """Of what was made to reach one; else None."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one image. Sizes in bytes, times in seconds; 0 or empty where it did not get that far."""

    status: Status
    reason: str = ""
    """One sentence; empty for an image that was simply done."""
    target: str = ""
    """Where the result or the copy lies; empty when nothing was written."""
    original_size: int = 0
    optimized_size: int = 0
    """Equal to ``original_size`` unless ``status`` is done."""
    source_format: str = ""
    target_format: str = ""
    width: int = 0
    height: int = 0
    """Size of the result, upright."""
    quality: int = 0
    """1–100 as handed to the encoder; 0 for lossless or not encoded."""
    seconds: float = 0.0
    """From the worker's start event to its end: that of the write where there was one."""
    predicted_bytes: int = 0
    """Peak memory above the idle worker as its header has it, before any correction by what was measured."""
    peak_bytes: int = 0
    """Highest resident memory of the whole worker while it had the image, as the kernel counts it; 0: not known."""
    source_quality: int = 0
    """Estimate of the quality that the source was made with, 1–100; 0 for a lossless one or when it is not known."""
    errno: int = 0
    """What the system said when that failed the image."""
    at: str = ""
    """The folder that ``errno`` speaks of; empty for the source itself."""
    why: Why = Why.NONE
    siblings: tuple[Sibling, ...] = ()
    entry: Entry | None = None
    """What was written down of it; None where nothing was."""
    measured: Measured | None = None
    """Of a result that was made to reach a score; None for all others."""
    stages: tuple[float, ...] = ()
    """Seconds of each ``Stage`` in order, those it did not come to 0; a decoder that hands its pixels on piece by piece
    works while the encoder does, and counts there. Empty where no worker had it."""
    options: str = ""
    """What the encoder was told beside the quality, for people."""

    def to_json(self) -> list[object]:
        """For the worker's pipe: a bare list, because it is sent once per image."""
        siblings = [astuple(one) for one in self.siblings]
        entry = self.entry.to_json() if self.entry is not None else None
        measured = astuple(self.measured) if self.measured is not None else None
        return [*_plain(self), siblings, entry, measured]

    @classmethod
    def from_json(cls, value: list[Any]) -> Outcome:
        """The reverse of ``to_json``."""
        *plain, siblings, entry, measured = value
        *plain, why, stages, options = plain
        more: dict[str, Any] = {
            "why": Why(why),
            "siblings": tuple(Sibling(*one) for one in siblings),
            "entry": Entry.from_json(entry) if entry is not None else None,
            "measured": Measured(*measured) if measured is not None else None,
            "stages": tuple(stages),
            "options": options,
        }
        return cls(Status(plain[0]), *plain[1:], **more)


_plain = attrgetter(*(name for name in Outcome.__dataclass_fields__ if name not in ("siblings", "entry", "measured")))
"""The fields of an outcome that JSON has, in order."""
