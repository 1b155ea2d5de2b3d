"""Never worse: whether a result is what the user gets, or the original, or the original stored better."""

from __future__ import annotations

from collections.abc import Callable

from engine import codec
from engine.codec import Encoded
from engine.errors import Declined, Unreadable
from engine.extras import installed
from engine.formats import Format, info
from engine.policy import Policy, Savings
from engine.probe import Facts
from engine.strip import strip

__all__ = ["is_delivered", "may_be_stored_better", "reason", "stored_better", "without_loss", "without_metadata"]

KEPT_SMALL, RECOMPRESSED = "already small", "recompressed losslessly"
AGAIN = "encoding it again would not save enough"
NO_MORE = "encoding it again would not save more"
UNKNOWN_SAVES = Savings(15.0)
"""The least that encoding a lossy image again must save whose own quality cannot be read (AVIF, animated WebP). An AVIF
of ours, encoded again with the same quality from 20 to 95, was seen to lose 8 % at most."""
LITTLE = 0.2
"""Share of a JPEG saved by encoding it again below which storing it better may save as much."""


def reason(policy: Policy, facts: Facts, encoded: Encoded, *, delivers: bool) -> str:
    """Why an image is kept, or why only its storage was made smaller; empty for one that was simply done."""
    lower = encoded.as_stored and facts.quality and not policy.lossless
    why = f"its quality of about {facts.quality} is no higher than the one asked for" if lower else AGAIN
    missed = policy.target is not None and encoded.as_stored and info(facts.format).lossy
    if policy.target is not None:
        why = f"a lower quality would not reach the score of {policy.target.score:g}" if missed else AGAIN
    if not delivers:
        return f"{KEPT_SMALL}: {why}"
    return f"{RECOMPRESSED}: {why}" if lower or missed else ""


def is_delivered(policy: Policy, facts: Facts, encoded: Encoded, data: bytes) -> bool:
    """Whether the result is what the user gets; raises Declined for a larger one that is to be skipped."""
    original_size = len(data)
    if not policy.keep_original:
        return True
    asked = encoded.format is not facts.format or (encoded.width, encoded.height) != (facts.width, facts.height)
    if not asked:
        if policy.max_size and len(encoded.data) <= policy.max_size.of(original_size) < original_size:
            return True
        if encoded.as_stored and len(encoded.data) >= len(without_metadata(data, facts, policy) or data):
            return False  # nothing but metadata would go
        unknown = info(facts.format).lossy and not facts.quality and not encoded.lossless
        if unknown and not UNKNOWN_SAVES.reached(original_size, len(encoded.data)):
            return False
        return policy.min_savings.reached(original_size, len(encoded.data))
    if policy.skip_larger and len(encoded.data) >= original_size:
        raise Declined("the result would be larger than the original")
    return True


def without_metadata(data: bytes, facts: Facts, policy: Policy) -> bytes | None:
    """The original with the metadata that is wanted; None when that cannot be done without encoding it anew."""
    try:
        return strip(data, facts, policy.metadata)
    except Unreadable:
        return None


def may_be_stored_better(policy: Policy, facts: Facts) -> bool:
    """Whether there is another way than encoding an image again."""
    jpeg = facts.format is Format.JPEG and policy.keep_original
    return jpeg and installed("mozjpeg_lossless_optimization")


def without_loss(
    policy: Policy,
    facts: Facts,
    encoded: Encoded,
    data: bytes,
    *,
    delivers: bool,
    store: Callable[[bytes, Facts, Policy], Encoded] = codec.optimize_as_stored,
) -> Encoded | None:
    """A JPEG whose new encoding saves little, stored better instead by ``store``; None when that is not smaller."""
    asked = encoded.format is not facts.format or (encoded.width, encoded.height) != (facts.width, facts.height)
    if asked or encoded.as_stored or not may_be_stored_better(policy, facts):
        return None
    if delivers and len(encoded.data) < (1 - LITTLE) * len(data):
        return None
    better = store(data, facts, policy)
    if delivers and len(better.data) > len(encoded.data):
        return None
    return better if is_delivered(policy, facts, better, data) else None


def stored_better(*, delivers: bool) -> str:
    """Why a JPEG was only stored better, where its new encoding would have been delivered or not."""
    return f"{RECOMPRESSED}: {NO_MORE if delivers else AGAIN}"
