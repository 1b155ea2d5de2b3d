"""Promises of what every screen looks like: each is compared, text and styles, with its picture in ``snapshots``."""

from __future__ import annotations

import difflib

import pytest

from tests.tui.pictures import FOLDER, WORLDS, World, take

PICTURES = [(world, scene) for world in WORLDS for scene in world.scenes]
_taken: dict[str, dict[str, str]] = {}
"""The pictures of a world are taken together, once."""


@pytest.mark.parametrize(("world", "scene"), PICTURES, ids=[f"{world.name}-{scene}" for world, scene in PICTURES])
async def test_the_screen_looks_as_in_its_picture(world: World, scene: str) -> None:
    if world.name not in _taken:
        _taken[world.name] = await take(world)
    path = FOLDER / world.name / f"{scene}.txt"
    wanted = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = _taken[world.name][scene]
    differs = difflib.unified_diff(wanted.splitlines(), found.splitlines(), str(path), "now", n=1, lineterm="")
    assert found == wanted, "\n".join(["look at it; python -m tests.refresh makes the pictures anew", *differs])


def test_every_picture_is_of_a_screen_that_there_is() -> None:
    wanted = {FOLDER / world.name / f"{scene}.txt" for world in WORLDS for scene in world.scenes}
    assert set(FOLDER.rglob("*.txt")) == wanted
