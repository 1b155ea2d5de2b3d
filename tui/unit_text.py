"""The text of systemd units: how values are quoted, and what a service of ours may do.

What is taken away was chosen so that a run still works: workers are processes of their own that map no memory as
code, files are linked, locked and renamed, owners kept where that is allowed, a Unix socket answers ``attach`` and
``ctl``. Limits of memory and CPUs are read in /proc and /sys, so these stay to be seen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import PlanError

__all__ = ["Unit", "quoted", "service", "timer"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What a service is about."""

    name: str
    """Of the unit, without its kind."""
    description: str
    command: tuple[str, ...]
    """Program and arguments."""
    folder: str
    """To start in."""
    user: str
    reads: tuple[str, ...]
    """Folders that must be mounted."""
    writes: tuple[str, ...]
    """Folders and files that may be changed; all others may not."""
    watches: bool = True
    """Whether it goes on until it is ended; else it is started by a timer."""
    network: bool = False
    """Whether commands of the user's own are run, which may need it."""


def quoted(word: str, *, command: bool = False) -> str:
    """A word as a unit holds it, in a list of paths or in a ``command`` line; raises PlanError for what none can."""
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        shown = os.fsencode(word).decode("utf-8", "backslashreplace")
        raise PlanError(f"{shown}: units of systemd hold names in UTF-8 only; rename it, or use cron") from None
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    text = "".join(char if char.isprintable() else "".join(f"\\x{byte:02x}" for byte in char.encode()) for char in text)
    if command:
        text = text.replace("$", "$$")
    return f'"{text}"' if text != word or not word or set(word) & set(" ';") else text


def _paths(words: Sequence[str]) -> str:
    return " ".join(map(quoted, words))


_SANDBOX = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0027"""
_NO_NETWORK = "PrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\nIPAddressDeny=any"


def service(unit: Unit) -> str:
    """The ``.service`` file."""
    return "\n".join(
        [
            f"# {unit.name}.service: made by imgopt-tui service. What it knows of its runs is in /var/lib/{unit.name}:",
            f"#   sudo -u {unit.user} XDG_STATE_HOME=/var/lib/{unit.name} imgopt-tui ps    (attach, report, undo, ...)",
            "[Unit]",
            f"Description={unit.description.replace('%', '%%')}",
            f"RequiresMountsFor={_paths(unit.reads)}",
            *(["StartLimitIntervalSec=0"] if unit.watches else []),
            "",
            "[Service]",
            *(_watching() if unit.watches else _once()),
            f"ExecStart={' '.join(quoted(word, command=True) for word in unit.command)}",
            f"WorkingDirectory={quoted(unit.folder)}",
            f"User={unit.user}",
            f"StateDirectory={unit.name}/imgopt-tui",
            "StateDirectoryMode=0700",
            f"Environment=XDG_STATE_HOME=%S/{unit.name}",
            "# It ends its workers itself, and one that the kernel kills for memory costs one image.",
            "KillMode=mixed",
            "TimeoutStopSec=20",
            "OOMPolicy=continue",
            "",
            "# Others go first.",
            "Nice=10",
            "CPUWeight=20",
            "IOSchedulingClass=best-effort",
            "IOSchedulingPriority=7",
            "IOWeight=20",
            "MemoryHigh=70%",
            "",
            "# It may change nothing but this.",
            f"ReadWritePaths={_paths(unit.writes)}",
            *_sandbox(unit),
            *(["", "[Install]", "WantedBy=multi-user.target"] if unit.watches else []),
            "",
        ]
    )


def _watching() -> list[str]:
    """Another try may find the folder mounted again, or the run over that was at work there."""
    return [
        "Type=notify",
        "NotifyAccess=main",
        "TimeoutStartSec=infinity",
        "Restart=on-failure",
        "RestartSec=30",
    ]


def _once() -> list[str]:
    """Exit code 3: there was nothing to do."""
    return ["Type=oneshot", "TimeoutStartSec=infinity", "SuccessExitStatus=3"]


def _sandbox(unit: Unit) -> list[str]:
    lines = _SANDBOX.splitlines()
    if not any(path.startswith(("/tmp/", "/var/tmp/")) for path in (*unit.reads, *unit.writes, unit.folder)):
        lines.append("PrivateTmp=yes")
    # Root may read all files and keep their owners, and has no other power.
    lines.append(f"CapabilityBoundingSet={'CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER' if unit.user == 'root' else ''}")
    return lines if unit.network else [*lines, *_NO_NETWORK.splitlines()]


def timer(unit: Unit, when: str) -> str:
    """The ``.timer`` file that starts the service; ``when`` as in ``OnCalendar=``."""
    return "\n".join(
        [
            f"# {unit.name}.timer: made by imgopt-tui service",
            "[Unit]",
            f"Description=when: {unit.description.replace('%', '%%')}",
            "",
            "[Timer]",
            f"OnCalendar={when}",
            "Persistent=true",
            "RandomizedDelaySec=10min",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        ]
    )
