"""exiftool as the reader that is not ours: what a file says about its picture."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed (libimage-exiftool-perl)")
BLOCKS = ("Exif", "XMP", "IPTC", "ICC_Profile")
_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"GI": ".gif", b"II": ".tif", b"MM": ".tif"}


class _Exiftool:
    """One exiftool for all the questions of a test process: starting Perl takes longer than most answers."""

    def __init__(self) -> None:
        # exiftool polls for more at the end of its input, so its end must not depend on ours being a tidy one.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*guard, str(EXIFTOOL), "-stay_open", "True", "-@", "-"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        atexit.register(self._end)

    def ask(self, *arguments: str) -> tuple[int, bytes]:
        """Exit status and output of one command line."""
        try:
            return self._answer(*arguments)
        except BaseException:  # a time limit, an interrupt: what is left of this answer is not the next one's
            _exiftool.cache_clear()
            self._end()
            raise

    def _answer(self, *arguments: str) -> tuple[int, bytes]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        lines = "".join(f"{argument}\n" for argument in (*arguments, "-echo3", "=${status}", "-execute1"))
        assert lines.count("\n") == len(arguments) + 3, "exiftool takes one argument a line"
        self._process.stdin.write(lines.encode())
        self._process.stdin.flush()
        answer = b""
        while not answer.endswith(b"\n{ready1}\n"):
            part = self._process.stdout.readline()
            assert part, "exiftool has ended"
            answer += part
        output, _, status = answer.removesuffix(b"\n{ready1}\n").rpartition(b"=")
        return int(status), output

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def _exiftool() -> _Exiftool:
    return _Exiftool()


def _written(folder: str, name: str, data: bytes) -> Path:
    path = Path(folder) / f"{name}{_SUFFIXES.get(data[:2], '.avif')}"
    path.write_bytes(data)
    return path


def tags_of(*files: bytes) -> list[dict[str, Any]]:
    """The tags of each file, as ``group:name`` → value, groups of the first family (GPS, IFD0, XMP-dc …)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(_written(folder, str(index), data)) for index, data in enumerate(files)]
        how = ["-j", "-G1", "-n", "-u", "-b", "-ee0", "-api", "largefilesupport=1"]
        _, shown = _exiftool().ask(*how, *paths)
    rows: list[dict[str, Any]] = json.loads(shown.decode("utf-8", "replace"))
    assert len(rows) == len(files)
    return rows


def block_of(data: bytes, name: str) -> bytes:
    """A whole block (one of ``BLOCKS``) as it stands in the file; empty when there is none."""
    with tempfile.TemporaryDirectory() as folder:
        return _exiftool().ask("-b", f"-{name}", str(_written(folder, "a", data)))[1]


def write_tags(data: bytes, *tags: str) -> bytes:
    """``data`` with tags set by exiftool, each ``-Group:Name=value``."""
    with tempfile.TemporaryDirectory() as folder:
        path = _written(folder, "a", data)
        status, output = _exiftool().ask("-q", "-m", "-n", "-overwrite_original", *tags, str(path))
        assert (status, output) == (0, b"")
        return path.read_bytes()


def position_in(tags: dict[str, Any]) -> list[str]:
    """Names of the tags that tell coordinates."""
    words = ("gps", "latitude", "longitude", "altitude")
    return [
        name
        for name in tags
        if any(word in name.lower() for word in words) and not name.startswith(("Composite", "Photoshop"))
    ]


def of_groups(tags: dict[str, Any], *groups: str) -> dict[str, Any]:
    """The tags whose group starts with one of ``groups``."""
    return {name: value for name, value in tags.items() if name.startswith(groups)}
