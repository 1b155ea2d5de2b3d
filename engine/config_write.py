"""Writing settings files: only what is ours to change, whole or not at all.

The user's comments and everything that is not ours stay. Where the text has a form that cannot be changed in place, it
is written anew by tomli-w, and the old file is kept beside it as ``.bak``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.config import user_file
from engine.errors import ConfigError, Problem
from engine.layers import Layer, resolve
from engine.schema import Kind, Setting
from engine.settings import SCHEMA, Settings
from engine.settings_file import PRESET, PRESETS, Unreadable, read_document, read_settings
from engine.stock_presets import chosen
from engine.toml_text import Changes, changed_document, edited

__all__ = ["alone", "change", "save", "write_text"]

WAIT_SECONDS, LOOK_SECONDS = 5.0, 0.01
"""How long a program waits for another one that writes settings, and how often it looks."""
_mine = threading.local()
"""The folders of settings that this thread has locked."""


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other program of ours writes settings into that folder meanwhile; raises OSError when one does not come to
    its end. Where the file system has no locks nothing is locked."""
    folder = os.path.dirname(os.path.realpath(path))
    held: set[str] = _mine.__dict__.setdefault("folders", set())
    if folder in held:
        yield
        return
    os.makedirs(folder, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(fd)
        held.add(folder)
        yield
    finally:
        held.discard(folder)
        os.close(fd)


def _lock(fd: int) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(errno.EWOULDBLOCK, "another program is writing settings and does not end") from None
            time.sleep(LOOK_SECONDS)
        except OSError:
            return
        else:
            return


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: readers see the old one or the new one. A link stays one; raises OSError."""
    target = os.path.realpath(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".config-", suffix=".toml", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, os.stat(target).st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def change(path: Path, changes: Changes) -> None:
    """Change some keys of a settings file, made if need be. Raises ConfigError for a file that cannot be read, which
    then stays as it is, and OSError when it cannot be written."""
    with alone(path):
        _change(path, changes)


def _change(path: Path, changes: Changes) -> None:
    try:
        found = read_document(path)
    except Unreadable as error:
        message = f"{error}; nothing was saved: mend it with imgopt-tui config edit"
        raise ConfigError((Problem(str(path), "", message),)) from None
    text, document = found if found is not None else ("", {})
    result = edited(text, changes)
    if result is None:
        import tomli_w

        write_text(path.with_name(path.name + ".bak"), text)
        result = tomli_w.dumps(changed_document(document, changes))
    if result != text or found is None:
        write_text(path, result)


def save(settings: Settings, path: Path | None = None) -> Path:
    """Make the user's file say ``settings``: what differs from the defaults, or from the preset that the file chooses
    where that can be said. Returns its path.

    Raises ConfigError for a path that TOML cannot hold or a file that cannot be read, OSError when it cannot be
    written.
    """
    path = path or user_file()
    for entry in SCHEMA:
        if entry.kind is Kind.PATH and not is_unicode(getattr(settings, entry.name)):
            message = "its name is not UTF-8, which a settings file cannot hold; give it on the command line"
            raise ConfigError((Problem(str(path), entry.key, message),))
    below = _preset_below(path, settings)
    top: Mapping[str, Any] = {} if below else {PRESET: None}
    change(path, {(): top, **_sections(settings, resolve([below] if below else []).settings)})
    return path


def is_unicode(text: str | None) -> bool:
    """Whether TOML can hold it."""
    try:
        (text or "").encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _preset_below(path: Path, settings: Settings) -> Layer | None:
    """The preset that a file chooses; None without one, or where the file could not say ``settings`` upon it."""
    file = read_settings(path)
    layer, unknown = chosen(file.preset, file.presets, str(path), PRESET)
    if not file.preset or unknown:
        return None
    sections = _sections(settings, resolve([layer]).settings)
    values = {name: value for keys in sections.values() for name, value in keys.items() if value is not None}
    comes_to = resolve([layer, Layer(str(path), values)]).settings
    same = all(getattr(comes_to, each.name) == getattr(settings, each.name) for each in SCHEMA if each.in_files)
    return layer if same else None


def _sections(settings: Settings, base: Settings) -> dict[tuple[str, ...], dict[str, Any]]:
    """Every key of a file: to be set where it differs from ``base``, else to be removed."""
    sections: dict[tuple[str, ...], dict[str, Any]] = {}
    for entry in SCHEMA:
        if entry.in_files:
            value = getattr(settings, entry.name)
            same = value is None or value == getattr(base, entry.name)
            sections.setdefault((entry.section,), {})[entry.name] = None if same else entry.to_file(value)
    return sections


def preset_values(settings: Settings) -> dict[str, Any]:
    """What a preset must say to make images as ``settings`` does, in the form a file holds: the settings of [encode]
    that differ from their defaults, and the quality of each lossy format where nothing else decides it."""
    entries: list[Setting] = [entry for entry in SCHEMA if entry.section == "encode" and entry.in_files]
    pairs = ((entry, getattr(settings, entry.name)) for entry in entries)
    values = {entry.name: entry.to_file(value) for entry, value in pairs if value != entry.default}
    if not {"quality", "target_quality", "lossless"} & set(values):
        quality = settings.recipe().settings.quality
        values |= {f"quality_{name}": getattr(quality, name) for name in ("jpeg", "webp", "avif")}
    return values


def preset_changes(name: str, values: Mapping[str, Any] | None) -> Changes:
    """``[presets.NAME]`` with these values and no others; None removes it."""
    if values is None:
        return {(PRESETS, name): None}
    others: dict[str, Any] = {entry.name: None for entry in SCHEMA}
    return {(PRESETS, name): others | dict(values)}
