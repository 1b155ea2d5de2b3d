"""``imgopt-tui`` whose workers get at their sources as over a network, with or without read-ahead, to measure that.

As a program it is the command line whose workers are this module as well. ``$IMGOPT_BENCH_FILES`` says what opening a
file and each read of it wait for (milliseconds), how many bytes come in a second (0: as the disk gives them), and
whether the next images are read ahead: ``5 100e6 1``.
"""

from __future__ import annotations

import os
import sys
import time

from engine import child

__all__ = ["FILES"]

FILES = "IMGOPT_BENCH_FILES"
WORKER = "engine.worker"
_real = child.command


def _command(module: str) -> list[str]:
    return [*_real(__spec__.name), "worker"] if module == WORKER else _real(module)


class SlowFiles:
    """``os`` as ``engine.source`` sees it."""

    def __init__(self, wait: float, rate: float) -> None:
        self._wait, self._rate = wait, rate

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def open(self, path: str, flags: int) -> int:
        """After one round trip."""
        time.sleep(self._wait)
        return os.open(path, flags)

    def read(self, fd: int, count: int) -> bytes:
        """After another, and the time that the bytes take."""
        data = os.read(fd, count)
        if data:
            time.sleep(self._wait + (len(data) / self._rate if self._rate else 0.0))
        return data


def _work() -> None:
    from engine import ahead, source, worker

    wait, rate, reads_ahead = map(float, os.environ[FILES].split())
    if wait or rate:
        vars(source)["os"] = SlowFiles(wait / 1000, rate)
    if not reads_ahead:
        vars(ahead)["WAITS"] = ahead.LOOKED_AT + 1  # more than there can be
    worker.main()


def main() -> int:
    if sys.argv[1:] == ["worker"]:
        _work()
    from tui.__main__ import main as run

    child.command = _command
    return run()


if __name__ == "__main__":
    sys.exit(main())
