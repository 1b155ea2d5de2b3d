"""A control group of our own around a command, where the machine allows it: root, and the memory controller at hand."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


class Group:
    """A folder of the memory controller, version 1 or 2, inside the group that this process is in."""

    def __init__(self, folder: Path, *, unified: bool) -> None:
        self.folder = folder
        self._unified = unified

    def limit(self, size: int) -> None:
        """Set the memory limit in bytes; version 1's limit for memory with swap too, where it is counted."""
        if self._unified:
            (self.folder / "memory.max").write_text(str(size))
            return
        (self.folder / "memory.limit_in_bytes").write_text(str(size))

    def around(self, command: list[str]) -> list[str]:
        """The command line that runs ``command`` inside."""
        return ["sh", "-c", f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"', "sh", *command]

    @property
    def kills(self) -> int:
        """Processes inside that the kernel has ended for lack of memory."""
        file = self.folder / ("memory.events" if self._unified else "memory.oom_control")
        lines = (line.split() for line in file.read_text().splitlines())
        return sum(int(value) for key, value in lines if key == "oom_kill")

    @property
    def peak(self) -> int:
        """The most bytes inside so far, file pages included."""
        return int((self.folder / ("memory.peak" if self._unified else "memory.max_usage_in_bytes")).read_text())


def _own(controller: str) -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return ROOT / (controller or "") / path.lstrip("/")
    return None


@contextlib.contextmanager
def memory_group(size: int) -> Iterator[Group]:
    """A group with ``size`` bytes; skips the test that asks for one where it cannot be made."""
    own = _own("memory")
    unified = own is None
    own = own or _own("")
    if own is None:
        pytest.skip("this machine has no control groups")
    group = Group(own / f"imgopt-test-{os.getpid()}", unified=unified)
    try:
        group.folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            group.limit(size)
        except OSError as error:
            pytest.skip(f"the memory controller is not at hand here: {error}")
        yield group
    finally:
        for _ in range(100):  # the kernel takes a moment to see that the last process has gone
            with contextlib.suppress(OSError):
                group.folder.rmdir()
                break
            time.sleep(0.02)
