"""One image in a worker, end to end: read ▸ probe ▸ (ask for memory) ▸ decode, encode ▸ judge ▸ check ▸ write.

``prepare`` does everything up to the bytes that go to disk; what it returns is written by ``commit``, which may
run in another thread while the next image is decoded.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from engine import codec, cost, judging
from engine.backup import holds_backup
from engine.check import check_pixels, check_structure
from engine.corrections import kind
from engine.decode import SharedPictures
from engine.errors import Declined, ImageError, WouldLose
from engine.extras import installed, left_out
from engine.files import Target
from engine.fit import ENCODES
from engine.formats import Format, corrected, info
from engine.job import Job, Outcome, Recipe, Stage, Status
from engine.ledger import Entry, Ledgers, content_hash
from engine.losses import settle
from engine.policy import Overwrite, Verify
from engine.probe import Facts, probe
from engine.sibling_images import Siblings, make_siblings, settings_of, wanted
from engine.source import Source, read_kept
from engine.transaction import PartFailed, Written, write_group
from engine.ways import keeps_pixels, unchanged
from engine.writable import check_writable

__all__ = ["Needs", "Write", "commit", "failure", "predicted", "prepare"]

NO_THREAD = "Error creating thread"
"""What libvips says then, whatever it was doing."""
READ_AHEAD_BYTES = 1024 * 1024
"""What probing costs beside the file's own bytes."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The image needs more memory than it was allowed; nothing of it is held any more."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Write:
    """A finished result on its way to disk."""

    target: Target | None
    """None when the original stays as it is and no copy is wanted."""
    data: bytes
    outcome: Outcome
    started: float
    siblings: tuple[tuple[Target, bytes], ...] = ()
    entry: Entry | None = None
    """What is written down where nothing is written: without a ``target``."""
    ledger: str = ""
    """Where ``entry`` goes."""

    @property
    def writes(self) -> list[tuple[Target, bytes]]:
        """Siblings first: the main result is there when all is."""
        main = [] if self.target is None else [(self.target, self.data)]
        return [*self.siblings, *main]

    @property
    def size(self) -> int:
        """Bytes to write."""
        return sum(len(data) for _, data in self.writes)

    def done(self, written: Sequence[Written]) -> Outcome:
        """The outcome, now that siblings and main result are written or could not be."""
        outcome, changes = self.outcome, dict[str, Any]()
        errors = sorted((each.error for each in written if each.error is not None), key=_is_of_a_part)
        error = errors[0] if errors else None
        if error is not None:
            why = failure(error, outcome.original_size)
            changes["source_format"] = outcome.source_format
        else:
            why = outcome
            changes["entry"] = self.entry if self.target is None else written[-1].entry
            if lost := ", ".join(dict.fromkeys(name for each in written for name in each.lost)):
                reason = f"without {lost}, which could not be kept"
                changes["reason"] = f"{outcome.reason}; {reason}" if outcome.reason else reason
        seconds = time.monotonic() - self.started
        before = outcome.stages[:-1]
        stages = (*before, max(0.0, seconds - sum(before))) if before else ()
        return replace(why, seconds=seconds, stages=stages, **changes)

    def tried(self) -> Outcome:
        """The outcome if it were written now, as far as that can be told without writing."""
        outcome = self.outcome
        refused = next((why for target, data in self.writes if (why := target.refusal(len(data)))), "")
        if refused:
            outcome = failure(Declined(refused), outcome.original_size)
        return replace(outcome, seconds=time.monotonic() - self.started)


def commit(group: Sequence[Write], ledgers: Ledgers | None = None) -> list[Outcome]:
    """Write several results; an outcome for each, in order, in any case."""
    writes = [pair for write in group for pair in write.writes]
    try:
        images = [number for number, write in enumerate(group) for _ in write.writes]
        written = iter(write_group(writes, ledgers, images))
    except Exception as error:
        written = iter([Written(error)] * len(writes))
    for write in group:
        if ledgers is not None and write.entry is not None and write.ledger:
            with contextlib.suppress(OSError):  # an image that was kept is only looked at again
                ledgers.append(write.ledger, [write.entry], sync=False)
    outcomes = []
    for write in group:
        own = [next(written) for _ in write.writes]
        if any(each.error is not None for each in own):
            _take_back(write, own)
        outcomes.append(write.done(own))
    return outcomes


def _take_back(write: Write, written: Sequence[Written]) -> None:
    """Remove the siblings of a result that could not be written, where they would stand in the way of another try."""
    for (target, _), each in zip(write.writes, written, strict=True):
        if each.error is None and target.overwrite is Overwrite.NEVER and target.replaces is None:
            with contextlib.suppress(OSError):
                os.unlink(target.path)


def _is_of_a_part(error: Exception) -> bool:
    return isinstance(error, PartFailed)


def failure(error: Exception, original_size: int = 0) -> Outcome:
    """What becomes of an image when ``error`` came up; nothing was written."""
    status = Status.SKIPPED if isinstance(error, Declined) else Status.FAILED
    if NO_THREAD in str(error):
        reason = "the system refused a thread; raise the limit of processes (ulimit -u) or lower the number of workers"
    elif isinstance(error, ImageError):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = "not enough memory; lower the number of workers or raise the memory limit"
    else:
        reason = f"unexpected error, please report it: {type(error).__name__}: {error}"
    errno, at = (error.errno, error.at) if isinstance(error, ImageError) else (0, "")
    size = original_size
    return Outcome(status, reason=reason, original_size=size, optimized_size=size, errno=errno, at=at)


def prepare(
    job: Job,
    allowance: int,
    temp: str,
    stage: Callable[[Stage, float, int], None],
    started: float,
    factors: Mapping[str, float] = MappingProxyType({}),
    open_source: Callable[[int, str], Source] = lambda _, path: Source(path),
) -> Needs | Write | Outcome:
    """Everything but the write. ``stage`` is told each stage with the predicted CPU seconds and bytes; ``factors``
    correct predicted bytes by kind of image (``engine.corrections``); ``open_source`` opens the image of a number
    at a path."""
    original_size = 0
    try:
        with open_source(job.index, job.source) as source:
            original_size = source.size
            limit = job.recipe.policy.limits.max_file_size
            if source.size > limit:
                raise Declined(f"{source.size:,} bytes are over the limit of {limit:,}; see --max-file-size")
            if job.takes_source and source.status.st_nlink > 1:
                _check_links(job, source)
            check_writable(job.target, source.fd if job.takes_source else None)
            if source.size + READ_AHEAD_BYTES > allowance:
                return Needs(source.size + READ_AHEAD_BYTES)
            data = source.read()
        if job.origin:
            source.content = content_hash(data)
            original = read_kept(job.origin, allowance - READ_AHEAD_BYTES)
            if isinstance(original, int):
                return Needs(original + READ_AHEAD_BYTES)
            data, original_size = original, len(original)
        facts = probe(data, job.recipe.policy.limits)
        facts = settle(facts, job.recipe.settings, job.recipe.policy)
        with left_out(job.careful):
            return _optimize(job, source, data, facts, allowance, temp, stage, started, factors)
    except WouldLose as error:
        # Contract calls have no option to name.
        return failure(error.with_option() if job.recipe.policy.keep_original else error, original_size)
    except Exception as error:
        return failure(error, original_size)


def _check_links(job: Job, source: Source) -> None:
    """Raise Declined for a file under several names; one of them may be a backup from a try that was killed."""
    backups = job.recipe.records.backups
    ours = bool(backups) and holds_backup(backups, job.index, job.source, source.identity)
    if source.status.st_nlink - ours > 1:
        raise Declined(f"{source.status.st_nlink - ours} hard links, which replacing it would split")


def _optimize(
    job: Job,
    source: Source,
    data: bytes,
    facts: Facts,
    allowance: int,
    temp: str,
    stage: Callable[[Stage, float, int], None],
    started: float,
    factors: Mapping[str, float],
) -> Needs | Write | Outcome:
    settings, policy = job.recipe.settings, job.recipe.policy
    format = codec.target_format(facts, settings)
    if job.in_place and format is not facts.format and policy.keep_original:
        raise Declined(f"a {facts.format.value.upper()} under another format's name: rename it, or write to a folder")
    full = policy.verify is Verify.FULL or (policy.verify is Verify.AUTO and (job.takes_source or policy.lossless))
    expected, seconds = _predicted_with_siblings(job, facts, len(data), full_check=full)
    needs = int(expected * factors.get(kind(facts.format, format), 1.0))
    if needs > allowance:
        return Needs(needs)
    stage(Stage.DECODE, seconds, needs)
    shared = SharedPictures() if job.recipe.variants else None
    encoded = codec.optimize_settled(data, facts, settings, lambda step: stage(step, seconds, needs), policy, shared)
    delivers = judging.is_delivered(policy, facts, encoded, data)
    reason = judging.reason(policy, facts, encoded, delivers=delivers) or encoded.missed
    if (better := judging.without_loss(policy, facts, encoded, data, delivers=delivers)) is not None:
        delivers, encoded, reason = True, better, judging.stored_better(delivers=delivers)
    kept = None if delivers else judging.without_metadata(data, facts, policy)
    path = corrected(job.target, encoded.format) if kept is None and not policy.keep_original else job.target
    base = Outcome(
        Status.DONE,
        reason if delivers or kept is not None else "",
        path,
        original_size=len(data),
        optimized_size=len(encoded.data),
        source_format=facts.format.value,
        target_format=encoded.format.value,
        width=encoded.width,
        height=encoded.height,
        quality=encoded.quality,
        predicted_bytes=expected,
        source_quality=facts.quality,
        measured=encoded.measured,
        options=encoded.options,
    )
    if kept is not None:
        write = _keep(job, source, data, kept, facts, base, temp, started)
    else:
        stage(Stage.CHECK, seconds, needs)
        check_structure(encoded)
        if full and not encoded.as_stored:  # those were compared when they were made
            check_pixels(data, facts, settings, encoded)
        same_size = (encoded.width, encoded.height) == (facts.width, facts.height)
        lossy = not encoded.as_stored and not (encoded.lossless and same_size)
        entry = _entry(job, source, data, path, encoded.data, lossy=lossy)
        write = Write(_target(job, source, path, temp, entry), encoded.data, base, started)
    if shared is not None:
        step = partial(stage, Stage.ENCODE, seconds, needs)
        siblings = make_siblings(
            job, source, data, facts, encoded.format, temp, shared, lambda _: step(), full_check=full
        )
        write = _with_siblings(write, siblings)
    stage(Stage.WRITE, seconds, needs)
    return write


def _with_siblings(write: Write, siblings: Siblings) -> Write:
    """One write, and one outcome, for an image and its siblings."""
    without = f"without {siblings.left_out}" if siblings.left_out else ""
    reason = "; ".join(part for part in (write.outcome.reason, without, siblings.missed) if part)
    return replace(
        write, siblings=siblings.writes, outcome=replace(write.outcome, reason=reason, siblings=siblings.made)
    )


def predicted(facts: Facts, recipe: Recipe, file_size: int, *, full_check: bool) -> tuple[int, float]:
    """Peak bytes and CPU seconds."""
    settings, policy = recipe.settings, recipe.policy
    format = codec.target_format(facts, settings)
    size = settings.resize.target(facts.width, facts.height)
    quality = settings.quality.of(format)
    how: dict[str, Any] = {
        "full_check": full_check,
        "as_stored": keeps_pixels(facts, settings, policy),
        "effort": policy.effort,
        "oxipng": format is Format.PNG and (quality == 100 or policy.keep_original) and installed("oxipng"),
    }
    if scored := policy.target is not None and (info(format).lossy or quality < 100):
        # JPEG may come to 4:4:4, and WebP to lossless.
        quality = 100 if format is Format.JPEG or (format is Format.WEBP and facts.lossless) else quality
    how["scored"] = scored
    needs = cost.predict_bytes(facts, format, *size, file_size=file_size, quality=quality, **how)
    if judging.may_be_stored_better(policy, facts) and unchanged(facts, settings):
        again = {**how, "as_stored": True}
        needs = max(needs, cost.predict_bytes(facts, format, *size, file_size=file_size, quality=quality, **again))
    seconds = cost.predict_seconds(facts, format, *size, quality=quality, **how)
    return needs, seconds * (ENCODES if policy.max_size else 1)


def _predicted_with_siblings(job: Job, facts: Facts, file_size: int, *, full_check: bool) -> tuple[int, float]:
    """The same for an image and its siblings: the hungriest of them, the pixels they share, and all that was made."""
    needs, seconds = predicted(facts, job.recipe, file_size, full_check=full_check)
    if not job.recipe.variants:
        return needs, seconds
    settings, main = job.recipe.settings, codec.target_format(facts, job.recipe.settings)
    held = cost.shared_bytes(facts, *settings.resize.target(facts.width, facts.height))
    for variant, _ in wanted(job, facts, main):
        own = replace(job.recipe, settings=settings_of(variant, settings, main))
        more, longer = predicted(facts, own, file_size, full_check=full_check)
        needs, seconds = max(needs, more), seconds + longer
        size = own.settings.resize.target(facts.width, facts.height)
        held += cost.result_bytes(facts, codec.target_format(facts, own.settings), *size)
    return needs + held, seconds


def _keep(
    job: Job, source: Source, data: bytes, kept: bytes, facts: Facts, base: Outcome, temp: str, started: float
) -> Write:
    """The original stays as ``kept``, which is ``data`` itself when no metadata went; an output tree gets a copy."""
    outcome = replace(
        base,
        status=Status.KEPT,
        reason=base.reason if kept is data else f"{base.reason}; only metadata was removed",
        optimized_size=len(kept),
        target_format=base.source_format,
        width=facts.width,
        height=facts.height,
        quality=0,
        measured=None,
        options="",
    )
    entry = _entry(job, source, data, job.target, kept, kept=True)
    if job.in_place and kept is data and not job.origin:
        return Write(None, kept, outcome, started, entry=entry, ledger=job.recipe.records.ledger)
    return Write(_target(job, source, job.target, temp, entry), kept, outcome, started)


def _entry(
    job: Job, source: Source, data: bytes, path: str, result: bytes, *, kept: bool = False, lossy: bool = False
) -> Entry | None:
    """What is to be written down of an image; None when nothing is."""
    records = job.recipe.records
    if not records.ledger and not records.marks:
        return None
    before_hash = source.content or content_hash(data)
    same = result is data and not job.origin
    return Entry(
        os.path.abspath(job.source),
        source.identity,
        before_hash,
        job.recipe.key,
        kept=kept,
        lossy=lossy,
        target=os.path.abspath(path),
        after=source.identity if same and job.in_place else None,
        after_hash=before_hash if same else content_hash(result),
    )


def _target(job: Job, source: Source, path: str, temp: str, entry: Entry | None) -> Target:
    records, policy = job.recipe.records, job.recipe.policy
    takes = path == job.source or policy.replace
    return Target(
        path,
        temp,
        replaces=source.identity if takes else None,
        source=job.source,
        preserve=policy.preserve,
        like=source.status,
        overwrite=policy.overwrite,
        entry=entry,
        ledger=records.ledger,
        backup=records.backups if takes else "",
        index=job.index,
        marked=records.marks,
    )
