"""What is known of the image that is tuned, what is wanted, and what to measure next: no screen, no worker.

keys ──▶ Tuning (format, target, quality, crop) ──▶ next_job ──▶ tuner ──▶ learn ──▶ rows of the ladder
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from engine.formats import Format
from engine.quality import QualityTarget
from engine.reach import AVIF_STEPS
from engine.settings import Settings
from engine.tuning import Rung, Subject

__all__ = [
    "DEFAULT_TARGET",
    "FORMATS",
    "TARGETS",
    "Compare",
    "Job",
    "Measure",
    "Reach",
    "Row",
    "Tuning",
    "key_of",
    "passes",
]

FORMATS = (Format.JPEG, Format.WEBP, Format.AVIF)
"""The formats that have a ladder."""
DEFAULT_TARGET = 80
"""Nobody sees a difference side by side."""
TARGETS = (30, 100)
"""The least and the greatest target that the settings allow."""
_LADDERS = {
    Format.JPEG: (60, 70, 75, 80, 85, 90, 95),
    Format.WEBP: (60, 70, 75, 80, 85, 90, 95),
    Format.AVIF: (40, 50, 55, 60, 66, 72, 80),
}
"""Qualities measured of every image: from a score of about 60 to where files are larger than camera originals."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Encode at a quality and score it."""

    format: Format
    quality: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Find the smallest encode that scores the target."""

    format: Format
    target: int


@dataclass(frozen=True, slots=True)
class Compare:
    """The same, for a row of the comparison of formats: a format that cannot hold the image is an answer too."""

    format: Format
    target: int


Key = tuple[Format, int, bool]
"""Format, quality, and whether colours are stored better: what tells rungs apart."""
Job = Measure | Reach | Compare


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the ladder; ``rung`` is None while it is not measured."""

    format: Format
    quality: int
    rung: Rung | None

    @property
    def key(self) -> Key:
        """Of its rung."""
        return key_of(self.rung) if self.rung and self.rung.made else (self.format, self.quality, False)


def key_of(rung: Rung) -> Key:
    """What tells it apart."""
    return rung.format, rung.quality, rung.full_chroma


def passes(rung: Rung, target: QualityTarget) -> bool:
    """Whether it scores at least the target, in its worst place too where that was asked for."""
    if not rung.made or rung.score is None:
        return False
    return rung.score >= target.score and (target.worst is None or (rung.worst or 0.0) >= target.worst)


@dataclass(slots=True)
class Tuning:
    """One image on the bench."""

    path: str = ""
    settings: Settings = field(default_factory=Settings)
    """Those of the next run."""
    subject: Subject | None = None
    problem: str = ""
    """Why the image cannot be tuned, or why measuring it ended."""
    format: Format = Format.JPEG
    target: int = DEFAULT_TARGET
    comparing: bool = False
    """Whether the ladder shows the formats at equal score instead of one format's qualities."""
    chosen: Key = (Format.JPEG, 0, False)
    """Key of the row under the cursor."""
    moved: bool = False
    """Whether the user chose the row; until then it follows the target."""
    rungs: dict[Key, Rung] = field(default_factory=dict)
    extra: set[tuple[Format, int]] = field(default_factory=set)
    """Qualities that the user asked for between those of the ladder."""
    answered: set[tuple[Format, int]] = field(default_factory=set)
    reached: dict[tuple[Format, int], Rung] = field(default_factory=dict)
    """By format and target: what a run would write."""

    def begin(self, path: str, settings: Settings) -> None:
        """Another image, or other settings."""
        self.path, self.settings = path, settings
        self.subject, self.problem = None, ""
        self.rungs, self.extra, self.answered, self.reached = {}, set(), set(), {}
        self.target = settings.target_quality or self.target
        self.comparing, self.moved = False, False

    def opened(self, subject: Subject) -> None:
        """The image was read."""
        self.subject = subject
        self.format = subject.target
        self._follow()

    @property
    def tunable(self) -> bool:
        """Whether its format has a ladder."""
        return self.subject is not None and self.format in _LADDERS

    @property
    def aim(self) -> QualityTarget:
        """The target with the bounds that the settings have."""
        chosen = self.settings
        return QualityTarget(self.target, chosen.worst_tile, chosen.min_quality, chosen.max_quality)

    @property
    def rows(self) -> list[Row]:
        """The ladder, lowest quality first, or a row for each format."""
        if self.comparing:
            return [self._compared(format) for format in FORMATS]
        rows = [Row(format, quality, rung) for (format, quality, _), rung in self._made() if format == self.format]
        rows += [Row(self.format, quality, None) for quality in self._missing()]
        return sorted(rows, key=lambda row: row.key)

    def _made(self) -> list[tuple[Key, Rung]]:
        return [(key, rung) for key, rung in self.rungs.items() if key[1] or rung.made]

    def _compared(self, format: Format) -> Row:
        rung = self.reached.get((format, self.target))
        return Row(format, rung.quality if rung else 0, rung)

    def _missing(self) -> list[int]:
        """Qualities of the ladder without an answer, the cheapest first: an encode's time rises with its bytes."""
        wanted = {(self.format, quality) for quality in _LADDERS.get(self.format, ())}
        wanted |= {pair for pair in self.extra if pair[0] == self.format}
        return sorted(quality for _, quality in wanted - self.answered)

    @property
    def cursor(self) -> int:
        """Which row is chosen."""
        if self.comparing:
            return FORMATS.index(self.chosen[0]) if self.chosen[0] in FORMATS else 0
        keys = [row.key for row in self.rows]
        if self.chosen in keys:
            return keys.index(self.chosen)
        near = [at for at, key in enumerate(keys) if key[:2] == self.chosen[:2]]
        return near[0] if near else 0

    @property
    def row(self) -> Row | None:
        """The chosen row."""
        rows = self.rows
        return rows[self.cursor] if rows and (self.tunable or self.comparing) else None

    @property
    def best(self) -> Rung | None:
        """What a run with this target writes, as far as it is known: the smallest that reaches it."""
        found = self.reached.get((self.format, self.target))
        if found is not None:
            return found
        good = [rung for (format, *_), rung in self._made() if format == self.format and passes(rung, self.aim)]
        return min(good, key=lambda rung: rung.bytes, default=None)

    @property
    def measured(self) -> bool:
        """Whether anything is known of what the ladder shows."""
        return any(row.rung for row in self.rows)

    @property
    def smallest(self) -> Rung | None:
        """Of the formats compared, once all are measured."""
        rungs = [row.rung for row in self.rows if row.rung]
        good = [rung for rung in rungs if passes(rung, self.aim)]
        return min(good, key=lambda rung: rung.bytes, default=None) if len(rungs) == len(FORMATS) else None

    def choose(self, at: int) -> None:
        """The user puts the cursor on a row."""
        rows = self.rows
        if rows:
            self.chosen = rows[max(0, min(len(rows) - 1, at))].key
            self.moved = True

    def step(self, by: int) -> None:
        """The quality next to the chosen one, which becomes a row of its own."""
        row = self.row
        if row is None or self.comparing:
            return
        quality = _neighbour(row.format, row.quality, by)
        if not any(other.quality == quality for other in self.rows):
            self.extra.add((row.format, quality))
        self.chosen, self.moved = (row.format, quality, False), True
        self.chosen = self.rows[self.cursor].key

    def aim_at(self, target: int) -> None:
        """Another target; the cursor follows it again."""
        self.target = max(TARGETS[0], min(TARGETS[1], target))
        self.moved = False
        self._follow()

    def turn(self, format: Format) -> None:
        """Another format."""
        self.format, self.comparing, self.moved = format, False, False
        self._follow()

    def compare(self) -> None:
        """All formats at the target's score, or back to the ladder."""
        self.comparing = not self.comparing
        if self.comparing:
            self.chosen = (self.format, 0, False)
        self.moved = False
        self._follow()

    def next_job(self) -> Job | None:
        """What to measure now: the chosen row, the rest of the ladder, the target, the other formats; None: nothing."""
        if self.subject is None or self.problem:
            return None
        if self.comparing:
            missing = (format for format in FORMATS if (format, self.target) not in self.reached)
            return next((Compare(format, self.target) for format in missing), None)
        if not self.tunable:
            return None
        missing_here = self._missing()
        if self.moved and self.chosen[1] in missing_here:
            return Measure(self.format, self.chosen[1])
        if missing_here:
            return Measure(self.format, missing_here[0])
        return None if (self.format, self.target) in self.reached else Reach(self.format, self.target)

    def learn(self, rung: Rung) -> None:
        """A rung was measured."""
        if rung.quality or rung.made:
            self.rungs[key_of(rung)] = rung
            self.answered.add((rung.format, rung.quality))
        self._follow()

    def finish(self, job: Job, rung: Rung | None) -> None:
        """A job is through; None: there is nothing to say, and it is not asked for again."""
        if rung is not None:
            self.learn(rung)
        if isinstance(job, Measure):
            self.answered.add((job.format, job.quality))
            if rung is None or not rung.quality:
                note = rung.note if rung else ""
                self.rungs[job.format, job.quality, False] = Rung(job.format, job.quality, note=note)
        else:
            self.reached[job.format, job.target] = rung or Rung(job.format, 0)
        self._follow()

    def _follow(self) -> None:
        """Until the user chose a row, the cursor is on the one that the target picks; it is always on one there is."""
        if self.comparing:
            return
        best = self.best
        if not self.moved and best is not None:
            self.chosen = key_of(best)
        elif not self.moved or self.chosen[0] != self.format:
            ladder = _LADDERS.get(self.format, (0,))
            self.chosen = (self.format, ladder[len(ladder) // 2], False)
        if rows := self.rows:
            self.chosen = rows[self.cursor].key


def _neighbour(format: Format, quality: int, by: int) -> int:
    """The next quality, within 1–100, at which the format's file changes."""
    if format is not Format.AVIF:
        return max(1, min(100, quality + by))
    at = bisect_left(AVIF_STEPS, quality)
    at = at + by if by < 0 or (at < len(AVIF_STEPS) and AVIF_STEPS[at] == quality) else at
    return AVIF_STEPS[max(0, min(len(AVIF_STEPS) - 1, at))]
