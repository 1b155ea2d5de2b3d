"""When to give up starting workers: counts the starts that failed since one last succeeded."""

from __future__ import annotations

import errno

from engine.deaths import OUTSIDE_SIGNALS
from engine.link import WorkerLink

__all__ = ["Starts"]

FAILED = 3
"""Workers in a row that end before their handshake before the pool gives up."""
KILLED = 20
"""The same for those that somebody else killed meanwhile: that says little about the next."""
REFUSED = 30
"""Times in a row, a second apart, that the system may refuse the only worker."""
LACKING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR)
"""What may pass; any other refusal (no such program, no right to run it) would come again."""


class Starts:
    """Each call notes one try; the answers are empty for another one, else the sentence to end with."""

    def __init__(self) -> None:
        self._failed = self._killed = self._refused = 0

    def succeeded(self) -> None:
        """A worker answered the handshake."""
        self._failed = self._killed = self._refused = 0

    def died(self, link: WorkerLink, reason: str) -> str:
        """A worker ended before its handshake."""
        if not link.killed_for and link.returncode in OUTSIDE_SIGNALS:
            self._killed += 1
        else:
            self._failed += 1
        if self._failed >= FAILED or self._killed >= KILLED:
            return f"no worker can be started: {reason}; see the log for what it printed"
        return ""

    def refused(self, error: OSError, *, only: bool) -> str:
        """The system refused a process; ``only``: no other worker is there."""
        self._refused += only
        if error.errno not in LACKING or self._refused >= REFUSED:
            return f"no worker can be started: {error.strerror or error}"
        return ""
