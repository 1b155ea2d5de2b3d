"""Settings files: find, layer, load, save.

Layers, later ones win: default < user file < project file < command line. The user file is
``$XDG_CONFIG_HOME/imgopt-tui/config.toml``, the project file ``imgopt-tui.toml`` in the working directory. A project
file can come with somebody else's pictures, so it sets no paths and nothing that must be asked for each time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.conflicts import conflicts
from engine.errors import ConfigError, Problem
from engine.settings import SCHEMA, Kind, Setting, Settings, setting

__all__ = ["COMMAND_LINE", "Layer", "example", "load_file", "resolve", "save", "user_file"]

PROJECT_FILE = "imgopt-tui.toml"
COMMAND_LINE = "command line"
MAX_FILE_BYTES = 1024 * 1024
"""A larger settings file is refused unread."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one place, not yet checked."""

    source: str
    values: Mapping[str, object]
    """By field name of ``Settings``."""
    keys: Mapping[str, str]
    """Field name → what it is called in that place, for messages."""


def user_file() -> Path:
    """Where the user's settings are."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    return folder / "imgopt-tui" / "config.toml"


def project_file() -> Path:
    """Where a project's settings are, if it has some."""
    return Path(PROJECT_FILE).absolute()


def load_file(path: Path, *, required: bool = False, project: bool = False) -> tuple[Layer, list[Problem]]:
    """Read one settings file by the schema; a missing one is empty unless ``required``. Never raises."""
    source = str(path)
    empty = Layer(source, {}, {})
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            return empty, [Problem(source, "file", "is larger than 1 MiB; a settings file is not")]
        document = tomllib.loads(raw.decode("utf-8"))
    except FileNotFoundError:
        return empty, [Problem(source, "file", "does not exist")] if required else []
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)[:200]
        return empty, [Problem(source, "file", f"cannot be read: {reason}")]
    return _by_schema(source, document, project=project)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file to read; one that is no regular file (a pipe would wait for a writer) is an OSError."""
    fd = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")
    return fd


def _by_schema(source: str, document: Mapping[str, Any], *, project: bool) -> tuple[Layer, list[Problem]]:
    values: dict[str, object] = {}
    keys: dict[str, str] = {}
    problems: list[Problem] = []
    known = {entry.key: entry for entry in SCHEMA}
    sections = sorted({entry.section for entry in SCHEMA})
    for section, table in document.items():
        if section not in sections or not isinstance(table, Mapping):
            problems.append(Problem(source, section, f"is not a section; sections are {', '.join(sections)}"))
            continue
        for name, value in table.items():
            entry = known.get(f"{section}.{name}")
            refusal = _refusal(entry, section, project=project)
            if refusal:
                problems.append(Problem(source, f"{section}.{name}", refusal))
            elif entry:
                values[entry.name], keys[entry.name] = value, entry.key
    return Layer(source, values, keys), problems


def _refusal(entry: Setting | None, section: str, *, project: bool) -> str:
    if entry is None:
        return f"is no setting; [{section}] has {', '.join(e.name for e in SCHEMA if e.section == section)}"
    if not entry.in_files:
        return f"can only be given on the command line ({entry.flags[-1]})"
    if project and entry.kind is Kind.PATH:
        return "cannot be set by a project file; put it in the user file or on the command line"
    return ""


def resolve(*layers: Layer, problems: list[Problem] | None = None) -> Settings:
    """Check and layer values, later layers win; raises ConfigError with every problem found."""
    found = list(problems or [])
    values: dict[str, Any] = {}
    origin: dict[str, Layer] = {}
    for layer in layers:
        for name, value in layer.values.items():
            try:
                values[name] = setting(name).parse(value)
                origin[name] = layer
            except ValueError as error:
                found.append(Problem(layer.source, layer.keys.get(name, name), str(error)))
        _drop_overridden(layer, values, origin)
    settings = Settings(**values)
    for left, right in conflicts(settings):
        layer = origin[right]
        message = f"cannot be set together with {origin[left].keys.get(left, left)}; give one of them"
        found.append(Problem(layer.source, layer.keys.get(right, right), message))
    if found:
        raise ConfigError(tuple(found))
    return settings


def _drop_overridden(layer: Layer, values: dict[str, Any], origin: dict[str, Layer]) -> None:
    """A layer that sets one of two exclusive settings takes back the other one set by a layer below it."""
    from engine.conflicts import CONFLICTS, is_set

    for groups in CONFLICTS:
        for mine, other in (groups, groups[::-1]):
            if any(origin.get(name) is layer and is_set(name, values.get(name)) for name in mine):
                for name in other:
                    if origin.get(name) is not layer:
                        values.pop(name, None)


def load(command_line: Mapping[str, object], flags: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings of one invocation; ``config`` replaces the user's and the project's file. Raises ConfigError."""
    if config is not None:
        layer, problems = load_file(config, required=True)
        layers = [layer]
    else:
        user, problems = load_file(user_file())
        project, more = load_file(project_file(), project=True)
        layers, problems = [user, project], problems + more
    return resolve(*layers, Layer(COMMAND_LINE, command_line, flags), problems=problems)


def save(settings: Settings, path: Path | None = None) -> Path:
    """Write what differs from the defaults to the user's file, atomically: readers see the old file or the new.

    Raises ConfigError for a path that TOML cannot hold, OSError when the file cannot be written.
    """
    import tomli_w

    path = path or user_file()
    document: dict[str, dict[str, object]] = {}
    for entry in SCHEMA:
        value = getattr(settings, entry.name)
        if entry.in_files and value is not None and value != entry.default:
            document.setdefault(entry.section, {})[entry.name] = entry.to_file(value)
        if entry.kind is Kind.PATH and value is not None and not _is_unicode(value):
            message = "its name is not UTF-8, which a settings file cannot hold; give it on the command line"
            raise ConfigError((Problem(str(path), entry.key, message),))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".config-", suffix=".toml", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            tomli_w.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def example() -> str:
    """The text of ``config.example.toml``: every setting that a file may hold, commented out at its default."""
    import tomli_w

    lines = [
        "# Settings of imgopt-tui. Copy to ~/.config/imgopt-tui/config.toml, or as imgopt-tui.toml into the folder",
        "# you work in, and take the # off what you change. Made from the schema by: imgopt-tui config --example",
    ]
    section = ""
    for entry in SCHEMA:
        if not entry.in_files:
            continue
        if entry.section != section:
            section = entry.section
            lines += ["", f"[{section}]"]
        shown = entry.default if entry.default is not None else _sample(entry)
        value = tomli_w.dumps({entry.name: entry.to_file(shown)}).strip()
        lines += [f"# {entry.help}", f"#   {entry.allowed}{'; not set by default' if entry.optional else ''}"]
        lines.append(f"#{value}")
    return "\n".join(lines) + "\n"


def _sample(entry: Setting) -> object:
    samples: dict[str, object] = {
        "output": "/srv/small",
        "backup_folder": "/srv/originals",
        "max_size": "500K",
        "memory_limit": 2 * 1024**3,
        "min_free": "1G",
        "timeout": 120.0,
        "workers": 4,
    }
    return samples.get(entry.name, 80 if entry.high == 100 else 1920)
