"""How fast the link to the terminal is, told by the terminal's own answers.

A pseudo-terminal behind SSH fills up late: megabytes can be under way before a write is held back. So after a frame, at
most once a second, the terminal is asked where its cursor is. The answer comes when everything sent before has been
drawn. The cursor is in another column for each question, so that a late answer is not taken for that to a later one.
Pure arithmetic; times are seconds of one clock.
"""

from __future__ import annotations

__all__ = ["RATES", "LinkPace", "question"]

RATES = (10, 2, 1)
"""Frames a second that a link is found fit for."""
ASK_EVERY = 1.0
PATIENCE = 1.0
"""No frame is sent while an answer is waited for, but no longer than this."""
SLOW = (0.2, 0.6)
"""An answer later than the first lowers the rate to 2 a second, later than the second to 1."""
GOOD = 4
"""Quick answers in a row after which the next higher rate is tried."""
MOST_GOOD = 64
"""As many where higher rates were tried and were too high."""
DEAF = 3
"""A terminal that left as many questions unanswered and never answered one is not asked any more."""
COLUMNS = 8
FORGOTTEN = 10.0
"""Seconds after which an answer is not expected any more."""


def question(number: int) -> str:
    """Asks a terminal where its cursor is, with the cursor in column ``number`` of line 1; it goes back after that."""
    return f"\x1b7\x1b[1;{number}H\x1b[6n\x1b8"


class LinkPace:
    """Frames a second that a link carries, and whether one may be sent now."""

    def __init__(self) -> None:
        self._level = 0
        self._open: dict[int, float] = {}
        """Questions without an answer, and when they were sent; the oldest first."""
        self._current = 0
        """The question that frames wait for; 0: none."""
        self._number = 0
        self._last = float("-inf")
        self._answers = self._unanswered = 0
        self._good, self._wanted = 0, GOOD
        self._raised = False
        """Whether the rate is one that was tried and has not held yet."""

    @property
    def rate(self) -> int:
        """Frames a second at most."""
        return RATES[self._level]

    @property
    def deaf(self) -> bool:
        """Whether this terminal does not answer."""
        return not self._answers and self._unanswered >= DEAF

    @property
    def expects(self) -> bool:
        """Whether an answer may still come."""
        return bool(self._open) and not self.deaf

    def due(self, now: float) -> bool:
        """Whether to ask after a frame sent now."""
        return not (self.deaf or self._current) and now - self._last >= ASK_EVERY

    def ask(self, now: float) -> int:
        """A question goes out; gives its number."""
        self._open = {number: at for number, at in self._open.items() if now - at < FORGOTTEN}
        self._number = self._number % COLUMNS + 1
        self._open.pop(self._number, None)
        self._open[self._number] = self._last = now
        self._current = self._number
        return self._number

    def sent(self, now: float) -> None:
        """The question has left this machine; before that nothing is said about the link."""
        if self._current:
            self._open[self._current] = self._last = now

    def wait(self, now: float) -> float:
        """Seconds for which no frame may be sent; 0: send it. Gives up waiting for an answer that is late."""
        if not self._current:
            return 0.0
        rest = self._open[self._current] + PATIENCE - now
        if rest > 0:
            return rest
        self._current = 0
        self._unanswered += 1
        if self._answers:
            self._lower(len(RATES) - 1)
        return 0.0

    def answered(self, number: int, now: float) -> None:
        """The answer to a question came, in time or late."""
        asked = self._open.get(number)
        if asked is None:
            return
        self._answers += 1
        for older in list(self._open):
            del self._open[older]  # answers come in the order of their questions
            if older == number:
                break
        if number == self._current or self._current not in self._open:
            self._current = 0
        self._judge(sum(now - asked > limit for limit in SLOW))

    def _judge(self, level: int) -> None:
        """What an answer says, as the index of the rate that fits."""
        if level > self._level:
            self._lower(level)
            return
        self._good += 1
        if level == self._level:
            self._raised = self._raised and self._good < GOOD
        elif self._good >= self._wanted:
            self._level, self._good, self._raised = self._level - 1, 0, True

    def _lower(self, level: int) -> None:
        if self._raised and self._level < level:
            self._wanted = min(MOST_GOOD, self._wanted * 2)
        self._level, self._good, self._raised = level, 0, False

    def restart(self) -> None:
        """Somebody else had the terminal: what was asked is forgotten, what is known of the link stays."""
        self._open, self._current = {}, 0
