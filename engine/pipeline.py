"""One image in a worker, end to end: read ▸ probe ▸ (ask for memory) ▸ decode, encode ▸ judge ▸ check ▸ write.

``prepare`` does everything up to the bytes that go to disk; what it returns is written by ``commit``, which may
run in another thread while the next image is decoded.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import codec, cost
from engine.check import check_pixels, check_structure
from engine.codec import Encoded
from engine.errors import Declined, ImageError
from engine.files import Target, write_group
from engine.formats import corrected
from engine.job import Job, Outcome, Policy, Stage, Status, Verify
from engine.probe import Facts, probe
from engine.source import Source
from engine.strip import strip

__all__ = ["Needs", "Write", "commit", "failure", "prepare"]

READ_AHEAD_BYTES = 1024 * 1024
"""What probing costs beside the file's own bytes."""
KEPT_SMALL = "already small: encoding it again would not save enough"
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


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

    def done(self, error: Exception | None) -> Outcome:
        """The outcome, now that it is written or could not be."""
        outcome = self.outcome
        if error is not None:
            outcome = replace(failure(error, outcome.original_size), source_format=outcome.source_format)
        return replace(outcome, seconds=time.monotonic() - self.started, peak_bytes=peak_bytes())


def commit(group: Sequence[Write]) -> list[Outcome]:
    """Write several results; an outcome for each, in order, in any case."""
    writes = [(write.target, write.data) for write in group if write.target is not None]
    try:
        errors = iter(write_group(writes))
    except Exception as error:
        errors = iter([error] * len(writes))
    return [write.done(None if write.target is None else next(errors)) for write in group]


def peak_bytes() -> int:
    """Highest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def failure(error: Exception, original_size: int = 0) -> Outcome:
    """What becomes of an image when ``error`` came up; nothing was written."""
    status = Status.SKIPPED if isinstance(error, Declined) else Status.FAILED
    if isinstance(error, ImageError):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = "not enough memory; lower the number of workers or raise the memory limit"
    else:
        reason = f"unexpected error, please report it: {type(error).__name__}: {error}"
    return Outcome(status, reason=reason, original_size=original_size, optimized_size=original_size)


def prepare(
    job: Job, allowance: int, temp: str, stage: Callable[[Stage, float, int], None], started: float
) -> Needs | Write | Outcome:
    """Everything but the write. ``stage`` is told each stage with the predicted CPU seconds and bytes."""
    original_size = 0
    try:
        with Source(job.source) as source:
            original_size = source.size
            limit = job.recipe.policy.limits.max_file_size
            if source.size > limit:
                raise Declined(f"{source.size:,} bytes are over the limit of {limit:,}; see --max-file-size")
            if job.in_place and source.status.st_nlink > 1:
                raise Declined(f"{source.status.st_nlink} hard links, which replacing it would split")
            if source.size + READ_AHEAD_BYTES > allowance:
                return Needs(source.size + READ_AHEAD_BYTES)
            data = source.read()
        facts = probe(data, job.recipe.policy.limits)
        return _optimize(job, source, data, facts, allowance, temp, stage, started)
    except Exception as error:
        return failure(error, original_size)


def _optimize(
    job: Job,
    source: Source,
    data: bytes,
    facts: Facts,
    allowance: int,
    temp: str,
    stage: Callable[[Stage, float, int], None],
    started: float,
) -> Needs | Write | Outcome:
    settings, policy = job.recipe.settings, job.recipe.policy
    format = codec.target_format(facts, settings)
    if job.in_place and format is not facts.format and policy.keep_original:
        raise Declined(f"a {facts.format.value.upper()} under another format's name: rename it, or write to a folder")
    full = policy.verify is Verify.FULL or (policy.verify is Verify.AUTO and job.in_place)
    width, height = settings.resize.target(facts.width, facts.height)
    quality = settings.quality.of(format)
    how: Any = {"full_check": full, "quality": quality, "effort": policy.effort}
    needs = cost.predict_bytes(facts, format, width, height, file_size=len(data), **how)
    if needs > allowance:
        return Needs(needs)
    seconds = cost.predict_seconds(facts, format, width, height, **how)
    stage(Stage.DECODE, seconds, needs)
    encoded = codec.optimize(data, facts, settings, lambda step: stage(step, seconds, needs), policy)
    base = Outcome(
        Status.DONE,
        original_size=len(data),
        optimized_size=len(encoded.data),
        source_format=facts.format.value,
        target_format=encoded.format.value,
        width=encoded.width,
        height=encoded.height,
        quality=encoded.quality,
        predicted_bytes=needs,
    )
    if not _delivers(policy, facts, encoded, len(data)):
        return _keep(job, source, data, facts, base, temp, started)
    stage(Stage.CHECK, seconds, needs)
    check_structure(encoded)
    if full:
        check_pixels(data, facts, settings, encoded)
    path = corrected(job.target, encoded.format) if not policy.keep_original else job.target
    stage(Stage.WRITE, seconds, needs)
    return Write(_target(job, source, path, temp), encoded.data, replace(base, target=path), started)


def _delivers(policy: Policy, facts: Facts, encoded: Encoded, original_size: int) -> bool:
    """Whether the result is what the user gets; raises Declined for a larger one that is to be skipped."""
    if not policy.keep_original:
        return True
    asked = encoded.format is not facts.format or (encoded.width, encoded.height) != (facts.width, facts.height)
    if not asked:
        return policy.min_savings.reached(original_size, len(encoded.data))
    if policy.skip_larger and len(encoded.data) >= original_size:
        raise Declined("the result would be larger than the original")
    return True


def _keep(
    job: Job, source: Source, data: bytes, facts: Facts, base: Outcome, temp: str, started: float
) -> Write | Outcome:
    """The original stays, without the metadata that is not wanted; an output tree gets a copy of it."""
    kept = strip(data, facts)
    outcome = replace(
        base,
        status=Status.KEPT,
        reason=KEPT_SMALL if kept is data else f"{KEPT_SMALL}; only metadata was removed",
        optimized_size=len(kept),
        target_format=base.source_format,
        width=facts.width,
        height=facts.height,
        quality=0,
        target=job.target,
    )
    unchanged_in_place = job.in_place and kept is data
    return Write(None if unchanged_in_place else _target(job, source, job.target, temp), kept, outcome, started)


def _target(job: Job, source: Source, path: str, temp: str) -> Target:
    in_place = path == job.source
    return Target(
        path,
        temp,
        replaces=source.identity if in_place else None,
        like=source.status,
        overwrite=job.recipe.policy.overwrite,
    )
