"""The real worker with a writer that takes no care, in the way that ``$IMGOPT_UNSAFE`` names. The suite must see every
file that it damages.

    truncate   opens the target and writes into it
    copy       writes a temp and copies it over the target
    remove     removes the target, then gives the temp its name
    blind      takes no notice of errors, and renames what there is
    half       writes half of the result
    swapped    writes the result of the image before
    unsynced   temp and rename, without a sync
    careless   forgets mode and time, and leaves its temp
    ours       no fault: the program's own writer
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from engine import pipeline, worker
from engine.transaction import Written

MODE = os.environ.get("IMGOPT_UNSAFE", "truncate")
PIECE = 1024
"""Bytes written at once, so that a writer can be killed in the middle of a small file."""


def _put(fd: int, data: bytes) -> None:
    for at in range(0, len(data), PIECE):
        os.write(fd, data[at : at + PIECE])


def _create(path: str, data: bytes, like: os.stat_result | None) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        with contextlib.suppress(OSError) if MODE == "blind" else contextlib.nullcontext():
            _put(fd, data)
        if like is not None and MODE != "careless":
            os.fchmod(fd, like.st_mode & 0o777)
            os.utime(fd, ns=(like.st_atime_ns, like.st_mtime_ns))
        if MODE != "unsynced":
            os.fsync(fd)
    finally:
        os.close(fd)


_before: list[bytes] = []


def _write(target: Any, data: bytes) -> None:
    path, folder = target.path, os.path.dirname(target.path)
    os.makedirs(folder, exist_ok=True)
    temp = os.path.join(folder, target.temp)
    match MODE:
        case "truncate":
            _create(path, data, target.like)
        case "copy":
            _create(temp, data, None)
            _create(path, data, target.like)
            os.unlink(temp)
        case "remove":
            _create(temp, data, target.like)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            os.rename(temp, path)
        case "half":
            _create(temp, data[: len(data) // 2], target.like)
            os.rename(temp, path)
        case "swapped":
            _create(temp, _before[-1] if _before else data, target.like)
            _before.append(data)
            os.rename(temp, path)
        case "careless":
            _create(temp, data, target.like)
            _create(path, data, target.like)
        case _:
            _create(temp, data, target.like)
            os.rename(temp, path)


def write_group(writes: Sequence[tuple[Any, bytes]], *others: object) -> list[Written]:
    """Stands for ``engine.transaction.write_group``."""
    for target, data in writes:
        _write(target, data)
    return [Written()] * len(writes)


def main() -> None:
    if MODE != "ours":
        assert hasattr(pipeline, "write_group"), "the seam has moved: this worker would be a safe one"
        pipeline.write_group = write_group
    worker.main()


if __name__ == "__main__":
    main()
