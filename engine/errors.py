"""What can go wrong, as one tree. Every message is a sentence for the user: what happened, to which file, what was
kept, what to do.

    ImgoptError
    ├── ConfigError         settings with one or more problems; nothing was started
    ├── PlanError           the roots, the output folder or what was asked for cannot be had; nothing was started
    ├── ImageError          one image; the run goes on
    │   ├── Unreadable      not an image, damaged, or a format nothing here decodes     → status "failed"
    │   ├── Declined        refused on purpose: over a limit, or not to be carried over  → status "skipped"
    │   │   └── WouldLose   the result would lack something, and that kind is not allowed → status "skipped"
    │   └── WriteFailed     the result could not be put in place; the source is untouched → status "failed"
    ├── TuningError         what was asked of an image that is tuned cannot be had; it is untouched
    ├── PoolError           no worker can be started
    └── RunnerError         a run cannot be started or told something, or it speaks another protocol version
        └── RunnerGone      no such run is going on

Exit codes belong to the command line, not to these classes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


class ImgoptError(Exception):
    """Base of all errors raised on purpose; ``str(error)`` is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad setting."""

    source: str
    """Where it was found: a file's path, or ``command line``."""
    key: str
    """The setting's key in that source, e.g. ``encode.quality`` or ``--quality``; empty: the file itself is meant."""
    message: str
    """What is wrong and which values are allowed."""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.source, self.key, self.message)))


class ConfigError(ImgoptError):
    """Settings with problems; all of them are listed, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class PlanError(ImgoptError):
    """The roots or the output folder cannot be used, or a package is missing for what was asked."""


class ImageError(ImgoptError):
    """One image cannot be optimized; its source is untouched."""

    def __init__(self, message: str, *, cause: OSError | None = None, at: str = "") -> None:
        """``cause`` is what the system said, where that was why; ``at`` the folder it said it of."""
        super().__init__(message)
        self.errno = (cause.errno or 0) if cause is not None else 0
        self.at = at


class Unreadable(ImageError):
    """Not an image, damaged, or in a format that nothing here decodes."""


class Declined(ImageError):
    """Readable, and left alone on purpose: over a limit, or the target cannot hold all of it."""


class WouldLose(Declined):
    """The result would lack something that the source has."""

    def __init__(self, message: str, *kinds: str) -> None:
        super().__init__(message)
        self.kinds = kinds
        """Kinds of loss (``engine.job.Loss``) that are not allowed, the message's order."""

    def with_option(self) -> Declined:
        """The same, with the option that lets the image through."""
        return Declined(f"{self} (--allow-loss {','.join(self.kinds)} does it all the same)")


class WriteFailed(ImageError):
    """The result could not be put in place."""


class TuningError(ImgoptError):
    """What was asked of an image that is tuned cannot be had."""


class PoolError(ImgoptError):
    """Workers cannot be started at all."""


class RunnerError(ImgoptError):
    """A run cannot be reached, or speaks another version of the protocol."""


class RunnerGone(RunnerError):
    """No such run is going on; it may have been, and be in the journal."""


def system_reason(error: OSError) -> str:
    """What the system said, in its words and ours: ``no space left on device``."""
    if isinstance(error, NotADirectoryError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return os.strerror(error.errno).lower() if error.errno else str(error)
