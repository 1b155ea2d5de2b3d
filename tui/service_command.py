"""``imgopt-tui service``: systemd units for a ``watch``, or for a ``run`` by a timer."""

from __future__ import annotations

import argparse
import os
import pwd
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.child import packaged
from engine.errors import PlanError, system_reason
from engine.plan import make_plan
from engine.settings import Settings
from tui.run_output import tell
from tui.text import escape
from tui.unit_text import Unit, service, timer

__all__ = ["make_service", "units"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")


def make_service(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the units, or write them into a folder; ``arguments.inner`` is the parsed command that they start."""
    texts = units(arguments, settings)
    if arguments.write is None:
        sys.stdout.write("\n".join(texts.values()))
        return 0
    for name, text in texts.items():
        path = os.path.join(arguments.write, name)
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise PlanError(f"{path} is not written: {system_reason(error)}") from None
    last = list(texts)[-1]
    tell(f"written: {escape(', '.join(texts))} in {escape(arguments.write)}; what comes next:")
    tell(f"  systemctl daemon-reload && systemctl enable --now {last}")
    return 0


def units(arguments: argparse.Namespace, settings: Settings) -> dict[str, str]:
    """File name → text, what is to be enabled last. Raises PlanError."""
    inner: argparse.Namespace = arguments.inner
    watches = inner.command == "watch"
    name = arguments.name or f"imgopt-{inner.command}"
    if not NAME.fullmatch(name):
        raise PlanError(f"{name!r} is no name for a unit: letters, digits, - _ and . only")
    if not watches and ("-" in inner.paths or inner.files_from == "-"):
        raise PlanError("a service has nothing on its stdin: name folders, or a list in a file")
    sources, writes = _places(inner.paths, settings)
    if csv := getattr(inner, "csv", None):
        writes = (*writes, os.path.dirname(os.path.abspath(csv)))
    unit = Unit(
        name,
        f"images in {escape(', '.join(sources))} made smaller {'as they come' if watches else 'now and then'}",
        (*_program(), *arguments.words),
        os.getcwd(),
        _user(arguments.user),
        sources,
        tuple(dict.fromkeys(writes)),
        watches,
        network=bool(getattr(inner, "on_finish", None)),
    )
    if watches:
        return {f"{name}.service": service(unit)}
    return {f"{name}.service": service(unit), f"{name}.timer": timer(unit, arguments.on_calendar)}


def _places(paths: Sequence[str], settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is read, and what is written to. Only what is there can be given to a service."""
    plan = make_plan(paths, settings)
    sources = tuple(root.source for root in plan.roots)
    if settings.in_place:
        writes = [*sources, *([settings.backup_folder] if settings.backup_folder else [])]
    elif settings.output is not None:
        writes = [settings.output]
    else:
        writes = [root.target if os.path.isdir(root.target) else root.source for root in plan.roots]
    writes = [os.path.realpath(path) for path in writes]
    if missing := next((path for path in writes if not os.path.isdir(path)), None):
        raise PlanError(f"{missing} is not there: make it first, as the service may change nothing above it")
    return sources, tuple(writes)


def _program() -> tuple[str, ...]:
    """What was started now: the program in one file, the installed command, or the module."""
    if packaged():
        return (sys.executable,)
    started = Path(sys.argv[0])
    if started.name.startswith("imgopt-tui") and os.access(started, os.X_OK):
        return (str(started.absolute()),)
    beside = Path(sys.executable).parent / "imgopt-tui"
    return (str(beside),) if os.access(beside, os.X_OK) else (sys.executable, "-P", "-m", "tui")


def _user(name: str | None) -> str:
    try:
        return pwd.getpwnam(name).pw_name if name is not None else pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise PlanError(f"{name or os.geteuid()}: there is no such user; name one with --user") from None
