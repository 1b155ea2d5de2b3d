"""``imgopt-tui config``: settings files and what they come to."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import config, machine
from engine.config_write import write_text
from engine.effective import (
    Effective,
    SettingsFile,
    effective,
    file_at,
    files_for,
    problems_of,
    resolved_for,
)
from engine.errors import ConfigError, Problem
from engine.layers import Options, Origin
from tui.run_output import tell
from tui.setting_options import given_settings
from tui.text import escape

__all__ = ["COMMANDS"]

EXIT_USAGE = 2


def _file(arguments: argparse.Namespace) -> Path:
    return config.project_file() if arguments.project else config.user_file()


def _show(arguments: argparse.Namespace) -> int:
    if arguments.example:
        sys.stdout.write(config.example())
        return 0
    options = given_settings(arguments)
    found = resolved_for(options, arguments.path)
    files, settings = files_for(options, arguments.path), list(effective(found))
    if arguments.json:
        records = {"files": list(map(_file_record, files)), "settings": list(map(_record, settings))}
        where = None if arguments.path is None else os.path.abspath(arguments.path)
        print(machine.dumps({"path": where, **records}))
        return 0
    for file in files:
        note = f" ({file.note})" if file.note else ""
        print(escape(f"# {file.kind.value:<13} {file.path}{note}"))
    for each in settings:
        print(escape(_line(each)))
    return 0


def _line(one: Effective) -> str:
    value = one.entry.show(one.value) if one.value not in (None, ()) else "not set"
    return f"{one.entry.key:<24} {value:<22} {_place(one)}"


def _place(one: Effective) -> str:
    match one.origin:
        case Origin.DEFAULT:
            return "default"
        case Origin.OPTION:
            return f"command line ({one.place})"
        case Origin.PRESET:
            return f"preset {one.preset}, " + (f"chosen by {one.place}" if one.place else "as nothing else is set")
        case _:
            return one.place


def _record(one: Effective) -> dict[str, Any]:
    value = None if one.value is None else one.entry.to_file(one.value)
    more = {"from": one.place or None, "preset": one.preset or None}
    return {"key": one.entry.key, "value": value, "source": one.origin.value, **more}


def _file_record(file: SettingsFile) -> dict[str, Any]:
    return {"path": str(file.path), "kind": file.kind.value, "used": not file.note, "note": file.note}


def _init(arguments: argparse.Namespace) -> int:
    path = _file(arguments)
    if os.path.lexists(path):
        if not arguments.force:
            word = "imgopt-tui config edit opens it, --force writes a new one and keeps it as .bak"
            raise ConfigError((Problem(str(path), "", f"is there already and stays as it is; {word}"),))
        _keep(path)
    try:
        write_text(path, config.example(project=arguments.project))
    except OSError as error:
        raise _unwritten(path, error) from None
    print(escape(str(path)))
    tell("all settings in it are commented out at their defaults; imgopt-tui config edit opens it")
    return 0


def _keep(path: Path) -> None:
    """What is there goes to ``.bak`` beside it. Raises ConfigError."""
    try:
        os.replace(os.path.realpath(path), f"{os.path.realpath(path)}.bak")
    except FileNotFoundError:
        pass  # a link that leads nowhere
    except OSError as error:
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: OSError) -> ConfigError:
    return ConfigError((Problem(str(path), "", f"cannot be written: {error.strerror}; nothing was changed"),))


def _path(arguments: argparse.Namespace) -> int:
    print(escape(str(_file(arguments))))
    return 0


def _edit(arguments: argparse.Namespace) -> int:
    from tui.config_edit import edit

    return edit(_file(arguments))


def _check(arguments: argparse.Namespace) -> int:
    path = arguments.path
    alone = path is not None and path.endswith(".toml") and not os.path.isdir(path)
    files = [file_at(Path(path))] if alone else files_for(Options({}, {}), path)
    count = 0
    for file in files:
        problems = problems_of(file)
        count += len(problems)
        for problem in problems:
            print(escape(str(problem)))
        if not problems and file.found.exists:
            print(escape(f"{file.path}: {file.note or 'nothing is wrong'}"))
    if not count and not any(file.found.exists for file in files):
        word = f"there are no settings files, so all settings have their defaults; yours would be {files[0].path}"
        tell(escape(word))
    return EXIT_USAGE if count else 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "show": _show,
    "init": _init,
    "path": _path,
    "edit": _edit,
    "check": _check,
}
