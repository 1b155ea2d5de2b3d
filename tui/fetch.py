"""Asking a run for rows without ever having more than one question under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from engine.errors import ImgoptError

__all__ = ["Latest", "Pace"]

Q = TypeVar("Q")
A = TypeVar("A")


EVERY = 0.5
"""Seconds between two equal questions while a run changes the answers."""


class Pace:
    """Lets a new question through at once, the same one again only every half second."""

    def __init__(self) -> None:
        self._question: object = self
        self._at = 0.0

    def due(self, question: object, now: float) -> bool:
        """Whether to ask."""
        if question == self._question and now - self._at < EVERY:
            return False
        self._question, self._at = question, now
        return True

    def reset(self) -> None:
        """The next question is let through."""
        self._question = self


class Latest(Generic[Q, A]):
    """Answers the newest question; those asked meanwhile, except the last, are never sent.

    ``start`` runs a coroutine as a task; ``done`` gets question and answer; a failure ends that question quietly,
    because a run that is gone is announced once, by its update stream.
    """

    def __init__(
        self,
        ask: Callable[[Q], Awaitable[A]],
        done: Callable[[Q, A], None],
        start: Callable[[Awaitable[None]], object],
    ) -> None:
        self._ask, self._done, self._start = ask, done, start
        self._next: list[Q] = []
        self._busy = False

    def want(self, question: Q) -> None:
        """Ask, now or as soon as the question under way is answered."""
        self._next = [question]
        if not self._busy:
            self._busy = True
            self._start(self._serve())

    async def _serve(self) -> None:
        try:
            while self._next:
                question = self._next.pop()
                try:
                    answer = await self._ask(question)
                except (ImgoptError, OSError, EOFError):
                    continue
                self._done(question, answer)
        finally:
            self._busy = False
