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
"""Times in a row that the system may refuse a worker while there is none."""
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.5, 30.0
"""Seconds before another try after the first refusal; twice as many after each further one, up to the longest."""
ALONE_BACK_OFF = 1.0
"""The longest while there is no worker at all."""
LACKING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR)
"""What may pass; any other refusal (no such program, no right to run it) would come again."""


class Starts:
    """Each call notes one try; the answers are empty for another one, else the sentence to end with."""

    def __init__(self) -> None:
        self._failed = self._killed = self._alone = self._refused = 0
        self._at = self._not_before = -1.0
        self.news = False
        """Whether the last refusal was the first in a row."""

    def allowed(self, missing: int, now: float, *, running: int) -> int:
        """How many of ``missing`` workers to start now: after a refusal none for a while, then one to try."""
        if not self._refused:
            return missing
        wait = LONGEST_BACK_OFF if running else ALONE_BACK_OFF
        return min(missing, int(now >= min(self._not_before, self._at + wait)))

    def succeeded(self, spawned: float) -> None:
        """A worker answered the handshake; one ``spawned`` before the last refusal says nothing of another try."""
        self._failed = self._killed = self._alone = 0
        if spawned > self._at:
            self._refused = 0

    def died(self, link: WorkerLink, reason: str, now: float, *, only: bool) -> str:
        """A worker ended before its handshake; ``only``: no other has answered, which would show that one can."""
        if not only:
            self._later(now)
            return ""
        if not link.killed_for and link.returncode in OUTSIDE_SIGNALS:
            self._killed += 1
        else:
            self._failed += 1
        if self._failed >= FAILED or self._killed >= KILLED:
            return f"no worker can be started: {reason}; see the log for what it printed"
        return ""

    def refused(self, error: OSError, now: float, *, only: bool) -> str:
        """The system refused a process; ``only``: no other worker is there."""
        self.news = not self._refused
        self._alone = self._alone + 1 if only else 0
        self._later(now)
        if error.errno not in LACKING or self._alone >= REFUSED:
            return f"no worker can be started: {error.strerror or error}"
        return ""

    def _later(self, now: float) -> None:
        """Wait before another try, longer each time."""
        if now >= self._not_before:  # else one of several tries at once
            self._at = now
            self._not_before = now + min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2**self._refused)
            self._refused += self._refused < 10
