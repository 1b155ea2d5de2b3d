"""exiftool as the reader that is not ours: what a file says about its picture."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed (libimage-exiftool-perl)")
BLOCKS = ("Exif", "XMP", "IPTC", "ICC_Profile")
_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"GI": ".gif", b"II": ".tif", b"MM": ".tif"}


def tags_of(*files: bytes) -> list[dict[str, Any]]:
    """The tags of each file, as ``group:name`` → value, groups of the first family (GPS, IFD0, XMP-dc …)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for index, data in enumerate(files):
            path = Path(folder) / f"{index}{_SUFFIXES.get(data[:2], '.avif')}"
            path.write_bytes(data)
            paths.append(str(path))
        command = [str(EXIFTOOL), "-j", "-G1", "-n", "-u", "-b", "-ee0", "-api", "largefilesupport=1", *paths]
        shown = subprocess.run(command, capture_output=True, check=False).stdout
    rows: list[dict[str, Any]] = json.loads(shown.decode("utf-8", "replace"))
    assert len(rows) == len(files)
    return rows


def block_of(data: bytes, name: str) -> bytes:
    """A whole block (one of ``BLOCKS``) as it stands in the file; empty when there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{_SUFFIXES.get(data[:2], '.avif')}"
        path.write_bytes(data)
        return subprocess.run([str(EXIFTOOL), "-b", f"-{name}", str(path)], check=False, capture_output=True).stdout


def write_tags(data: bytes, *tags: str) -> bytes:
    """``data`` with tags set by exiftool, each ``-Group:Name=value``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{_SUFFIXES.get(data[:2], '.avif')}"
        path.write_bytes(data)
        command = [str(EXIFTOOL), "-q", "-m", "-n", "-overwrite_original", *tags, str(path)]
        subprocess.run(command, check=True, capture_output=True)
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
