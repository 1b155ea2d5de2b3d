"""Where things of ours lie: the state folder, the log, the sockets of running runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import RunnerError

__all__ = ["journal_file", "log_file", "open_log", "socket_path", "sockets", "state_folder"]

SOCKET_PATH_BYTES = 100
"""Longest socket path used; the kernels' own limits are 104 (macOS) and 108 (Linux) bytes."""
SUFFIX = ".sock"
LOG_BYTES = 1 << 20
"""A log of this size is set aside by whoever opens it next."""


def state_folder() -> Path:
    """``$XDG_STATE_HOME/imgopt-tui``, by default below ``~/.local/state``."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "imgopt-tui"


def journal_file() -> Path:
    """Where the journal is."""
    return state_folder() / "journal.sqlite"


def log_file() -> Path:
    """Where a detached runner writes what it has no screen for; the folder is made. Raises RunnerError."""
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = _private(_short_folder())
    return folder / "imgopt-tui.log"


def open_log() -> BinaryIO:
    """The log to append to, unbuffered; one that has grown is set aside as ``imgopt-tui.log.1``, in place of the one
    before. Raises RunnerError or OSError."""
    path = log_file()
    log = path.open("ab", buffering=0)
    with contextlib.suppress(OSError):  # somebody else sets it aside, or it cannot be: then it goes on growing
        if os.fstat(log.fileno()).st_size >= LOG_BYTES:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(log.fileno()), path.stat()):
                path.replace(path.with_suffix(".log.1"))
            log.close()
            log = path.open("ab", buffering=0)
    return log


def _sockets_folder() -> Path:
    return state_folder() / "run"


def _short_folder() -> Path:
    """The folder used where the sockets' own has too long a path or can hold no sockets. To find it, Python writes a
    file there on trial."""
    return Path(tempfile.gettempdir()) / f"imgopt-tui-{os.getuid()}"


def _private(folder: Path) -> Path:
    """The folder, made if need be, and only if it is ours alone; raises RunnerError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
            raise RunnerError(f"{folder} belongs to somebody else, so no run can be reached through it; remove it")
        if status.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise RunnerError(f"{folder} cannot be used for the run's socket: {error.strerror}") from None
    return folder


def socket_path(run_id: str, *, fallback: bool = False) -> Path:
    """Where run ``run_id`` listens; ``fallback`` asks for the short folder. Raises RunnerError."""
    path = _sockets_folder() / f"{run_id}{SUFFIX}"
    if fallback or len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        return _private(_short_folder()) / path.name
    return _private(path.parent) / path.name


def sockets() -> Iterator[Path]:
    """Sockets of all runs of this user, newest first; some may be stale."""
    found: list[tuple[float, Path]] = []
    for folder in (_sockets_folder(), _short_folder()):
        try:
            status = folder.lstat()
            if status.st_uid != os.getuid():
                continue
        except OSError:
            continue
        for path in folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # a run may end at any moment
                found.append((path.lstat().st_mtime, path))
    for _, path in sorted(found, key=lambda pair: -pair[0]):
        yield path
