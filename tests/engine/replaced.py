"""Files that were replaced as a run in place does it: backups, ledger and all, without decoding anything."""

from __future__ import annotations

import os
from pathlib import Path

from engine.areas import Area, describe, read_area
from engine.backup import AREA
from engine.files import Target
from engine.ledger import Entry, Ledgers, content_hash
from engine.source import Source
from engine.temps import temp_name
from engine.transaction import Written, write_group

OLD, NEW = b"old bytes" * 100, b"new bytes" * 90


def target_of(path: Path, area: Path, index: int, result: bytes = NEW) -> Target:
    """What the pipeline makes of an image in place."""
    with Source(str(path)) as source:
        data = source.read()
        entry = Entry(
            str(path),
            source.identity,
            content_hash(data),
            "recipe",
            lossy=True,
            target=str(path),
            after_hash=content_hash(result),
        )
        return Target(
            str(path),
            temp_name("abc", index),
            replaces=source.identity,
            like=source.status,
            entry=entry,
            ledger=str(area),
            backup=str(area),
            index=index,
        )


def make_area(root: Path, run: str = "run1", started: float = 1.0) -> Path:
    """An empty area."""
    area = root / AREA / run
    area.mkdir(parents=True, mode=0o700, exist_ok=True)
    describe(str(area), str(root), run, started, "")
    return area


def replace_all(root: Path, area: Path, result: bytes = NEW) -> list[Written]:
    """Replace every ``.jpg`` below ``root`` by ``result``."""
    paths = sorted(path for path in root.rglob("*.jpg") if AREA not in path.parts)
    ledgers = Ledgers()
    try:
        return write_group(
            [(target_of(path, area, index, result), result) for index, path in enumerate(paths)], ledgers
        )
    finally:
        ledgers.close()


def tree(root: Path, *names: str) -> Path:
    """Files with old bytes, modes and times of their own."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(OLD + b"%d" % number)
        path.chmod(0o640)
        os.utime(path, ns=(10**18, 10**18 + number))
    return root


def area_at(folder: Path) -> Area:
    """What the area says of itself."""
    area = read_area(str(folder))
    assert area is not None
    return area
