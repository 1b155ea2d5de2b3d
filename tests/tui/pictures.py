"""Pictures of every screen as text, in a world that stands still: no clock, one machine, one run that never was.

A picture is what the screen shows, line by line, and below it which cells have which style. ``python -m tests.refresh``
makes those in ``snapshots`` anew; ``test_pictures`` compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import string
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from unittest.mock import patch

from engine.history import PastRun
from engine.quarantine import SetAside
from engine.settings import Settings
from engine.tuning import Pixels, Rung
from engine.view import ImageState
from tests.tui.driving import FakeDisk, Opened, opened
from tests.tui.fake_tuner import FakeTuner
from tests.tui.fake_view import FakeView
from tests.tui.test_tune import settled
from tui import earlier, set_aside
from tui.palettes import Theme
from tui.pens import Depth

__all__ = ["FOLDER", "WORLDS", "World", "write_all"]

FOLDER = Path(__file__).parent / "snapshots"
ROOT = "/usr"
"""Is a folder on every machine; what is in it comes from a table."""
BEAT_SECONDS = 0.1
NOON = 1_790_000_000.0
LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Scene:
    """How one screen is reached from the one before."""

    name: str
    keys: tuple[str, ...]
    shows: tuple[str, ...]
    """What is there when it is complete."""
    back: tuple[str, ...] = ()
    """Keys that close it."""


SCENES = (
    Scene("start", (), ("c.jpg", "r Run")),
    Scene("batches", ("r",), ("RUN ", "0 of 75 images", "  20 ")),
    Scene("images", ("3", "g"), ("[3 Images]", "1 of 3000", "DSC_0000.jpg")),
    Scene("failed", ("f",), ("failed  1 of 7", "FAIL")),
    Scene("details", ("g", "enter"), ("Image", "source", "y copy path"), ("escape",)),
    Scene("log", ("5",), ("[5 Log]", "14:13:20", "run begins")),
    Scene("files", ("1", "down", "right"), ("[1 Files]", "deep", "c.jpg")),
    Scene("marked", ("space",), ("[1 Files]", "marked")),
    Scene("machine", ("I",), ("MEMORY", "W2"), ("escape",)),
    Scene("memory", ("m",), ("Memory of the run", "512M or 2G"), ("escape",)),
    Scene("closed-terminal", ("D",), ("Closed terminal", "now: finish"), ("escape",)),
    Scene("past-runs", ("P",), ("Earlier runs", "9f9f9f", "Enter opens it"), ("escape",)),
    Scene("set-aside", ("Q",), ("Set aside", "worker died", "to do"), ("escape",)),
    Scene("settings", ("o",), ("Settings of the next run", "allowed:"), ("escape",)),
    Scene("commands", ("colon",), ("Commands", "Enter runs it"), ("escape",)),
    Scene("help", ("question_mark",), ("Marks of images", "Everywhere"), ("escape",)),
    Scene("quit", ("q",), ("A run is at work", "leave it running"), ("escape",)),
    Scene("tune", ("1", "end", "t"), ("< smallest >= 80", "CROP 1:1", "equal command")),
    Scene("paused", ("2", "p"), ("PAUSED",)),
    Scene("summary", (), ("finished after", "outcomes")),
)


TINY = {"start": ("no run",), "batches": ("RUN ",), "summary": ("finished after",)}
"""The same where the screen is one line."""


@dataclass(frozen=True, slots=True)
class World:
    """One terminal."""

    name: str
    size: tuple[int, int] = (80, 24)
    ascii_only: bool = False
    depth: Depth = Depth.MANY
    light: bool = False
    styles: bool = True
    """Whether the pictures say which cells have which style."""
    scenes: Sequence[str] = field(default_factory=lambda: [scene.name for scene in SCENES])
    """The scenes of which there are pictures."""


WORLDS = (
    World("80x24"),
    World("80x24-ascii-mono", ascii_only=True, depth=Depth.NONE),
    World("80x24-light", light=True, scenes=("start", "batches", "images", "settings", "tune", "summary")),
    World("160x48", size=(160, 48), styles=False),
    World("59x15", size=(59, 15), scenes=("start", "batches", "summary")),
)


class FlatTuner(FakeTuner):
    """Pieces in two colours: a picture of this screen, not of a photo."""

    async def crop(self, rung: Rung | None, left: int, top: int, width: int, height: int, zoom: float = 1) -> Pixels:
        half = width // 2
        row = bytes((40, 60, 80)) * half + bytes((200, 180, 160)) * (width - half)
        return Pixels(left, top, width, height, zoom, row * height)


def _run(id: str, phase: str, failed: int, saved: int) -> PastRun:
    report = {"processed": 1500, "failed": failed, "savedBytes": saved}
    return PastRun(1, id, NOON, None, phase, (f"/srv/{id}",), (f"/srv/{id}",), "/out", False, {}, "", report)


async def _past_runs() -> list[PastRun]:
    return [_run("1a2b3c", "running", 7, 2**30), _run("9f9f9f", "finished", 0, 5 * 2**20)]


def _set_aside() -> list[SetAside]:
    return [
        SetAside("00", f"{ROOT}/a/crash.png", 5_000_000, 2, "worker died (11, SIGSEGV)", "0a1b2c", NOON),
        SetAside("01", f"{ROOT}/a/caf\udce9.avif", 900_000, 3, "worker took longer than 60 s", "0a1b2c", NOON),
    ]


@contextlib.contextmanager
def _standing_still() -> Iterator[None]:
    """The same clock, zone and names on every machine."""
    with (
        patch.object(socket, "gethostname", lambda: "web1"),
        patch.object(earlier, "past_runs", _past_runs),
        patch.object(set_aside, "read", _set_aside),
        patch.dict(os.environ, {"TZ": "UTC"}),
    ):
        os.environ.pop("SSH_CONNECTION", None)
        time.tzset()
        yield
    time.tzset()


def _view() -> FakeView:
    view = FakeView(3000)
    view.log_line("info", "run begins")
    view.step(1500)
    view.set(1506, ImageState.HELD)
    return view


async def take(world: World) -> dict[str, str]:
    """The pictures of a world, by scene."""
    folders = {ROOT: ["a/", "b/", "caf\udce9.png", "c.jpg"], f"{ROOT}/a": ["deep/", "DSC_0001.jpg", "pano.tif"]}
    pictures: dict[str, str] = {}
    with _standing_still():
        async with opened(
            _view(),
            attach=False,
            size=world.size,
            roots=(ROOT,),
            disk=FakeDisk(folders=folders),
            ascii_only=world.ascii_only,
            depth=world.depth,
            theme=Theme(light=world.light),
            tuner=FlatTuner,
            settings=Settings(quality_webp=75),
        ) as it:
            beat = asyncio.create_task(_beat(it.view))
            for scene in SCENES:
                await _reach(it, scene, told=world.size[0] >= 60)
                if scene.name in world.scenes:
                    pictures[scene.name] = _picture(it, styles=world.styles)
                await it.pilot.press(*scene.back)
            beat.cancel()
    return pictures


async def _beat(view: FakeView) -> None:
    """A run says how it stands now and then, also when nothing has changed."""
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        view.publish()


async def _reach(it: Opened, scene: Scene, *, told: bool) -> None:
    """Go there and wait until nothing changes any more; ``told``: whether the screen says what the scene shows."""
    await it.pilot.press(*scene.keys)
    if scene.name == "summary":
        await it.view.resume()
        it.view.step(3000)
        it.view.publish()
    await it.until_text(*(scene.shows if told else TINY.get(scene.name, ())))
    await it.until(lambda: not it.app.main.files._counting)
    if told and scene.name == "tune":
        await settled(it)
    if told and scene.name == "batches":
        await it.until(lambda: it.app.main.grid.row)
    before = ""
    while before != (before := it.text):
        await it.pilot.pause()


def _picture(it: Opened, *, styles: bool) -> str:
    strips = it.app.screen._compositor.render_strips()
    text = "".join("".join(part.text for part in strip).rstrip() + "\n" for strip in strips)
    return text + (_styles([[(str(part.style), part.cell_length) for part in strip] for strip in strips]) * styles)


def _styles(lines: list[list[tuple[str, int]]]) -> str:
    """Each line as ``12a 68b``, cells and style, and what the letters mean; lines that are equal are named once."""
    letters: dict[str, str] = {}
    coded: list[str] = []
    for line in lines:
        spans = ((style, sum(cells for _, cells in group)) for style, group in groupby(line, lambda part: part[0]))
        coded.append(" ".join(f"{cells}{letters.setdefault(style, LETTERS[len(letters)])}" for style, cells in spans))
    out, at = ["", "styles"], 1
    for code, equal in groupby(coded):
        count = len(list(equal))
        out.append(f"{at if count == 1 else f'{at}-{at + count - 1}'}: {code}")
        at += count
    return "\n".join([*out, *(f"{letter} = {style}" for style, letter in letters.items())]) + "\n"


def write_all() -> None:
    """Make all files anew."""
    taken = {world.name: asyncio.run(take(world)) for world in WORLDS}
    for old in FOLDER.rglob("*.txt"):
        old.unlink()
    for world, pictures in taken.items():
        (FOLDER / world).mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            (FOLDER / world / f"{name}.txt").write_text(picture, encoding="utf-8")
