"""What ``doctor`` says of our folders and files: whether they can be written to, their room, what was left behind."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.errors import ConfigError, ImgoptError, system_reason
from engine.finding import Finding, Level
from engine.floor import DEFAULT_FLOOR
from engine.history import past_runs, unfinished
from engine.journal_file import on_network
from engine.places import sockets, state_folder
from engine.plural import count
from engine.quarantine import set_aside
from engine.report import human_bytes
from engine.runner import running

__all__ = ["place_findings", "room", "runs_left", "settings_files", "sockets_left", "writable"]

FEW_FILES = 1_000


def writable(name: str, folder: Path, meaning: str, action: str) -> Finding:
    """Whether files can be made in a folder, or in the first one above it that is there."""
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding(name, Level.BAD, f"{folder}: {system_reason(error)}", meaning, action)
    if on_network(there / "file"):
        more = "it lies on a network file system: the journal is slower there, and runs of other machines see it"
        return Finding(name, Level.NOTE, f"{folder} can be written to", more, action)
    return Finding(name, Level.OK, f"{folder} can be written to")


def room(name: str, folder: Path) -> Finding:
    """Free bytes and files of the file system that a folder is on."""
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    try:
        status = os.statvfs(there)
    except OSError as error:
        return Finding(name, Level.BAD, f"{there}: {system_reason(error)}", "a run cannot know its room here")
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    floor = DEFAULT_FLOOR.of(total)
    value = f"{human_bytes(free)} of {human_bytes(total)} free at {there}"
    if free < floor:
        meaning = f"a run pauses or ends here: {human_bytes(floor)} stay free"
        return Finding(name, Level.WARN, value, meaning, "make room, or lower --min-free")
    if status.f_files and status.f_favail < FEW_FILES:
        meaning = f"only {status.f_favail} further files can be made"
        return Finding(name, Level.WARN, value, meaning, "remove files, or write to another disk")
    return Finding(name, Level.OK, value)


def sockets_left() -> Finding:
    """Sockets of runs that are gone; looking for running ones removes them."""
    before = len(list(sockets()))
    alive = len(asyncio.run(running()))
    gone = before - len(list(sockets()))
    value = f"{alive} runs going on"
    if gone > 0:
        return Finding("sockets", Level.NOTE, value, f"{gone} sockets of runs that were killed are removed now")
    return Finding("sockets", Level.OK, f"{value}; none left by a run that is gone")


def runs_left() -> Iterator[Finding]:
    """Runs that did not come to their end, and images that are set aside; what the journal has to say at all."""
    try:
        runs, aside = past_runs(), set_aside()
    except ImgoptError as error:
        yield Finding("journal", Level.WARN, str(error), "until then nothing is known of earlier runs")
        return
    yield Finding("journal", Level.OK, f"{len(runs)} runs known")
    try:
        left = unfinished(runs, None)
    except ImgoptError:
        pass
    else:
        meaning = "what is not done stays as it was; the locks of a run end with it"
        yield Finding("runs", Level.NOTE, f"run {left.id}: {left.phase}", meaning, f"imgopt-tui resume {left.id}")
    if aside:
        meaning = "they crashed or hung workers twice: runs leave them out"
        yield Finding("set aside", Level.NOTE, count(len(aside), "image"), meaning, "imgopt-tui quarantine")


def settings_files() -> Finding:
    """Whether the settings files can be read."""
    from engine import config
    from engine.layers import Options

    try:
        config.load(Options({}, {}))
    except ConfigError as error:
        said = "; ".join(str(error).splitlines())
        return Finding("settings", Level.BAD, said, "every command that needs settings ends with 2", "mend the file")
    return Finding("settings", Level.OK, "the settings files are in order")


def place_findings() -> Iterator[Finding]:
    """Look."""
    state, temp = state_folder(), Path(tempfile.gettempdir())
    meaning = "nothing is remembered of a run, and none can be attached to"
    yield writable("state", state, meaning, "set XDG_STATE_HOME to a folder of yours on a local disk")
    yield writable("temporary", temp, "run - cannot be used", "set TMPDIR to a folder of yours")
    yield room("room: state", state)
    yield room("room: here", Path.cwd())
    yield settings_files()
    yield sockets_left()
    yield from runs_left()
