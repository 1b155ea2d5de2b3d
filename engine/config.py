"""Settings of one invocation: find the files, layer what they say.

    default < user file < project file < --preset < options

Each file may choose a preset, which lies just below the file's own values. The user file is
``$XDG_CONFIG_HOME/imgopt-tui/config.toml``, the project file ``imgopt-tui.toml`` in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import Problem
from engine.layers import COMMAND_LINE, Layer, Options, Origin, Resolved, resolve
from engine.schema import Kind, Setting
from engine.settings import SCHEMA, Settings
from engine.settings_file import PRESET, FileSettings, read_project, read_settings
from engine.stock_presets import chosen

__all__ = ["PROJECT_FILE", "example", "files_of", "foreign", "load", "project_file", "resolved", "user_file"]

PROJECT_FILE = "imgopt-tui.toml"


def user_file() -> Path:
    """Where the user's settings are."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    return folder / "imgopt-tui" / "config.toml"


def project_file() -> Path:
    """Where a project's settings are, if it has some."""
    return Path(PROJECT_FILE).absolute()


def foreign(path: str | Path) -> str:
    """The word on a project file of another user."""
    return f"{path}: belongs to somebody else, so its settings are not used"


def files_of(options: Options) -> tuple[FileSettings, ...]:
    """The settings files of an invocation, the nearest last; one that does not exist is empty."""
    if options.config is not None:
        return (read_settings(options.config, required=True),)
    project = (read_project(project_file()),) if options.project_files else ()
    return read_settings(user_file()), *project


def layers_of(files: Sequence[FileSettings], options: Options) -> tuple[list[Layer], list[Problem]]:
    """All layers of an invocation, the nearest last, and what is wrong with them before values are looked at."""
    own = {name: layer for file in files for name, layer in file.presets.items()}
    layers: list[Layer] = []
    problems: list[Problem] = []
    for file in files:
        problems += file.problems
        if file.preset:
            below, unknown = chosen(file.preset, own, file.layer.source, PRESET)
            layers.append(below)
            problems += unknown
        layers.append(file.layer)
    if options.preset is not None:
        below, unknown = chosen(options.preset, own, COMMAND_LINE, "--preset")
        layers.append(replace(below, source=f"--preset {options.preset}"))
        problems += unknown
    return [*layers, Layer(COMMAND_LINE, options.values, options.flags, Origin.OPTION)], problems


def resolved(options: Options) -> Resolved:
    """The settings of one invocation and where each comes from; raises ConfigError with every problem."""
    files = files_of(options)
    found = resolve(*layers_of(files, options))
    return replace(found, notes=tuple(foreign(file.layer.source) for file in files if file.foreign))


def load(options: Options) -> Settings:
    """The settings of one invocation; raises ConfigError with every problem."""
    return resolved(options).settings


def example(*, project: bool = False) -> str:
    """The text of ``config.example.toml``: every setting that a file may hold, commented out at its default. With
    ``project`` that of a project file."""
    import tomli_w

    lines = list(_PROJECT_HEAD if project else _HEAD)
    section = ""
    for entry in SCHEMA:
        if not entry.in_files or (project and entry.kind is Kind.PATH):
            continue
        if entry.section != section:
            section = entry.section
            lines += ["", f"[{section}]"]
        shown = entry.default if entry.default is not None else _sample(entry)
        value = tomli_w.dumps({entry.name: entry.to_file(shown)}).strip()
        lines += [f"# {entry.help}", f"#   {entry.allowed}{'; not set by default' if entry.optional else ''}"]
        lines.append(f"#{value}")
    return "\n".join(lines) + "\n"


_HEAD = (
    "# Settings of imgopt-tui. imgopt-tui config init writes this to ~/.config/imgopt-tui/config.toml: take the # off",
    "# what you change. imgopt-tui config check says what is wrong with it.",
    "#",
    '# preset = "archive"    # what lies below the values of this file; [presets.NAME] makes presets of your own',
)
_PROJECT_HEAD = (
    "# Settings of imgopt-tui for the images in this folder and below: take the # off what you change. What is in",
    "# [encode] holds wherever a run is started, the rest for runs started in this folder.",
    "#",
    '# preset = "archive"    # what lies below the values of this file',
)


def _sample(entry: Setting) -> object:
    samples: dict[str, object] = {
        "output": "/srv/small",
        "backup_folder": "/srv/originals",
        "max_size": "500K",
        "backup_limit": 20 * 1024**3,
        "memory_limit": 2 * 1024**3,
        "min_free": "1G",
        "timeout": 120.0,
        "rescan": 60.0,
        "workers": 4,
        "newer": "30d",
        "max_depth": 3,
        "min_size": 10 * 1024,
        "nice": 10,
        "suffix": "-small",
    }
    return samples.get(entry.name, 80 if entry.high == 100 else 1920)
