"""strace: counts the calls of a program and makes chosen ones fail, or the program die at them.

strace counts the calls of each thread on its own, and of a thread only those that name one of ``-P``'s paths; so the
N-th call of a thread on certain files can be hit whatever the others do. ``--seccomp-bpf`` would be faster and swallows
the signals.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STRACE = shutil.which("strace")
CHANGING = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat", "symlink",
    "symlinkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknodat", "chmod", "fchmod", "fchmodat", "chown",
    "fchown", "fchownat", "utimensat", "fsetxattr", "setxattr", "fremovexattr", "ftruncate", "truncate", "fallocate",
    "flock", "bind", "sync_file_range", "copy_file_range", "sendfile", "ioctl",
)  # fmt: skip
"""Calls that change a file, a folder or a lock; ``openat`` also where it creates nothing, ``ioctl`` for FICLONE."""
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_FD_PATH = re.compile(r"(?:\d+|AT_FDCWD)<(/[^>]*)>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a log."""

    thread: int
    name: str
    paths: tuple[str, ...]
    """Absolute paths of its descriptors and names, in order of the arguments."""
    text: str
    """The arguments and what came of it."""

    @property
    def creates(self) -> bool:
        """Whether it opens a file for writing or makes one."""
        return self.name == "openat" and re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", self.text) is not None

    @property
    def failed(self) -> bool:
        """Whether it returned an error."""
        return re.search(r"= -1 E[A-Z]+", self.text) is not None


def injected(
    *, log: str, calls: Iterable[str], inject: str = "", paths: Iterable[str] = (), more: Iterable[str] = ()
) -> list[str]:
    """The words in front of a command that let it run under strace as a direct child of who starts it."""
    assert STRACE is not None
    names = ",".join(f"?{name}" for name in calls)
    words = [STRACE, "-D", "-f", "-q", "-y", "-s", "0", "-o", log, "-e", f"trace={names}"]
    words += ["-e", f"inject={inject}"] if inject else []
    for path in paths:
        words += ["-P", path]
    return [*words, *more]


def read_log(log: str) -> list[Call]:
    """The calls of a log in the order in which they began; a call in two parts is put together."""
    found: list[Call] = []
    open_at: dict[int, int] = {}
    if not os.path.exists(log):
        return found
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if match := _LINE.match(line):
                thread, name, rest = int(match[1]), match[2], match[3]
                if rest.rstrip().endswith("<unfinished ...>"):
                    open_at[thread] = len(found)
                found.append(Call(thread, name, tuple(_paths(rest)), rest.strip()))
            elif (match := _RESUMED.match(line)) and int(match[1]) in open_at:
                at = open_at.pop(int(match[1]))
                text = found[at].text.replace(" <unfinished ...>", "") + match[3].strip()
                found[at] = Call(found[at].thread, found[at].name, tuple(_paths(text)), text)
    return found


def _paths(text: str) -> Iterator[str]:
    """Paths in arguments: of descriptors, and of names, absolute or relative to the descriptor before them."""
    base = ""
    for match in re.finditer(rf"{_FD_PATH.pattern}|{_QUOTED.pattern}", text.split(") = ")[0]):
        if match[1] is not None:
            base = match[1]
            yield base
        elif match[2]:
            yield match[2] if match[2].startswith("/") else os.path.join(base, match[2])


def counts(calls: Iterable[Call]) -> dict[str, int]:
    """Call → the most times that one thread made it."""
    each = Counter((call.name, call.thread) for call in calls)
    most: dict[str, int] = {}
    for (name, _), number in each.items():
        most[name] = max(most.get(name, 0), number)
    return most
