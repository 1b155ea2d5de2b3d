"""A text file that the user names, there whole or not at all: a report, a table, a page."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from typing import Self, TextIO

from engine.errors import PlanError, system_reason

__all__ = ["NamedFile", "write_file"]

_NUMBERS = itertools.count()


def write_file(path: str, what: str, content: str, *, over: bool = True) -> str:
    """Write it at once; gives its full path. Raises PlanError. The rest as ``NamedFile``."""
    with NamedFile(path, what, over=over) as file:
        file.fill(lambda stream: stream.write(content))
    return file.path


class NamedFile:
    """Written beside its place and moved there by ``fill``; left without ``fill``, nothing of it stays.

    Only what goes wrong with the file itself becomes its PlanError: other errors inside the ``with`` pass as they are.
    """

    def __init__(self, path: str, what: str, *, over: bool = True) -> None:
        """Begins at once, so that a wrong path is known before the work; raises PlanError. ``what`` it holds, for
        sentences. ``over``: it may take the place of a file; a link leads to that, and what is no file (a pipe, a
        terminal) is written into."""
        self.path = os.path.abspath(path)
        self._what = what
        self._place = os.path.realpath(self.path) if over else self.path
        self._made: list[str] = []
        """What goes again unless it is filled."""
        with self._said():
            self._stream = self._begun(over)

    def _begun(self, over: bool) -> TextIO:
        if over and os.path.exists(self._place) and not stat.S_ISREG(os.stat(self._place).st_mode):
            return self._opened(self._place, os.O_WRONLY)
        if not over:
            os.close(os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            self._made.append(self._place)
        temporary = os.path.join(os.path.dirname(self._place), f".imgopt-{os.getpid()}-{next(_NUMBERS)}.tmp")
        stream = self._opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._made.append(temporary)
        return stream

    @staticmethod
    def _opened(path: str, flags: int) -> TextIO:
        return os.fdopen(os.open(path, flags, 0o666), "w", encoding="utf-8", errors="backslashreplace", newline="")

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._drop()
            why = system_reason(error)
            raise PlanError(f"{self.path}: the {self._what} cannot be written: {why}; choose another file") from None

    def fill(self, write: Callable[[TextIO], object]) -> None:
        """Write it and put it in its place; raises PlanError, and then what was there is as it was."""
        with self._said():
            write(self._stream)
            self._stream.close()
            if self._made:
                os.replace(self._made[-1], self._place)
            self._made.clear()

    def _drop(self) -> None:
        """Nothing of it stays."""
        if hasattr(self, "_stream"):
            with contextlib.suppress(OSError):
                self._stream.close()
        for path in self._made:
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._made.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()
