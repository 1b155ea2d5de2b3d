"""The settings that say which files of the given folders are images of a run. Part of ``Settings``."""

from __future__ import annotations

from dataclasses import dataclass

from engine.schema import Kind, declare
from engine.since import Since

__all__ = ["ScanSettings"]


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """The section ``scan``."""

    recursive: bool = declare(
        True, "scan", Kind.FLAG, "descend into folders below the roots", flags=("--recursive", "--no-recursive")
    )
    max_depth: int | None = declare(
        None,
        "scan",
        Kind.WHOLE,
        "how deep to descend; 1: only the files of the roots themselves",
        low=1,
        high=10_000,
        flags=("--max-depth",),
    )
    hidden: bool = declare(
        False, "scan", Kind.FLAG, "include files and folders whose name starts with a dot", flags=("--hidden",)
    )
    exclude: tuple[str, ...] = declare(
        (),
        "scan",
        Kind.PATTERNS,
        "leave out what matches, as a line of .gitignore would; `!` takes back what an ignore file leaves out",
        flags=("-x", "--exclude"),
    )
    include: tuple[str, ...] = declare(
        (),
        "scan",
        Kind.PATTERNS,
        "only files that match, or lie in a folder that does, such as `*.png` or `photos/`",
        flags=("--include",),
    )
    ignore_files: bool = declare(
        True,
        "scan",
        Kind.FLAG,
        "leave out what files called .imgoptignore say, in the syntax of .gitignore, each for its own folder",
        flags=("--ignore-files", "--no-ignore-files"),
    )
    newer: Since | None = declare(
        None,
        "scan",
        Kind.SINCE,
        "only files changed since: an age, a date, or a file whose time of change it is",
        flags=("--newer",),
    )
    min_size: int | None = declare(
        None, "scan", Kind.SIZE, "only files of at least this size", low=1, high=2**40, flags=("--min-size",)
    )
