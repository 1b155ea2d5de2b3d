"""Tells systemd how the service is (the protocol of ``sd_notify``); says nothing where nobody asked for it."""

from __future__ import annotations

import contextlib
import os
import socket

__all__ = ["READY", "STOPPING", "notify", "status"]

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(*lines: str) -> None:
    """Send what ``$NOTIFY_SOCKET`` is there for; one that cannot be reached is no reason to stop."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = "\0" + path[1:] if path[0] == "@" else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto("\n".join(lines).encode("utf-8", "backslashreplace"), address)


def status(words: str) -> str:
    """The line that ``systemctl status`` shows."""
    return f"STATUS={words}"
