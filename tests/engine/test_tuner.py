"""A tuner answers from what it knows, ends what nobody waits for, and survives its worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pyvips import Image

from engine.errors import TuningError
from engine.formats import Format
from engine.link import WorkerLink
from engine.quality import QualityTarget
from engine.settings import Settings
from engine.tuner import Tuner
from engine.tuning import ImageTuner, Rung
from tests.conftest import ROOT

SETTINGS = Settings()
MIB = 1 << 20


class Spawns:
    """Starts workers and keeps count."""

    def __init__(self, module: str = "engine.worker") -> None:
        self.links: list[WorkerLink] = []
        self._module = module

    async def __call__(self, on_message: Any, on_exit: Any, log: Any) -> WorkerLink:
        self.links.append(await WorkerLink.spawn(on_message, on_exit, log, self._module))
        return self.links[-1]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.jpg"
    image = Image.new_from_file(str(ROOT / "tui/demo_images/caps.jpg"))
    image.crop(120, 90, 200, 160).jpegsave(str(path), Q=97)
    return str(path)


class Lines:
    """What workers print; ``hangs`` is set once one of them does."""

    def __init__(self) -> None:
        self.hangs = asyncio.Event()

    def __call__(self, line: str) -> None:
        if line == "hangs":
            self.hangs.set()


async def rungs_of(rungs: AsyncIterator[Rung]) -> list[Rung]:
    return [rung async for rung in rungs]


def qualities(rungs: list[Rung]) -> list[int]:
    return [rung.quality for rung in rungs]


async def test_a_ladder_comes_cheapest_first_and_costs_nothing_the_second_time(photo: str) -> None:
    spawns = Spawns()
    async with Tuner(spawns) as tuner:
        seam: ImageTuner = tuner
        subject = await seam.open(photo, SETTINGS)
        assert (subject.width, subject.height, subject.format, subject.sample) == (200, 160, Format.JPEG, "full image")
        assert subject.bytes == os.path.getsize(photo)
        first = await rungs_of(seam.ladder(Format.JPEG, [80, 60, 96, 70]))
        assert qualities(first) == [60, 70, 80, 96]
        assert [rung.score or 0 for rung in first] == sorted(rung.score or 0 for rung in first)
        reached = await seam.reach(QualityTarget(75), Format.JPEG)
        assert {rung.quality for rung in first} <= {rung.quality for rung in seam.known(Format.JPEG)}
        await tuner.close()
        assert len(spawns.links) == 1
        assert await seam.open(photo, Settings(quality_jpeg=50, target_quality=75)) == subject
        assert await rungs_of(seam.ladder(Format.JPEG, [80, 60, 96, 70])) == first
        assert await seam.reach(QualityTarget(75), Format.JPEG) == reached
        assert len(spawns.links) == 1, "all was known"
        assert tuner.pid is None


async def test_other_settings_or_another_file_are_measured_anew(photo: str) -> None:
    async with Tuner() as tuner:
        await tuner.open(photo, SETTINGS)
        (one,) = await rungs_of(tuner.ladder(Format.WEBP, [60]))
        resized = await tuner.open(photo, Settings(long_edge=100))
        assert (resized.result_width, resized.result_height, resized.sample) == (100, 80, "resized to 100x80")
        (small,) = await rungs_of(tuner.ladder(Format.WEBP, [60]))
        assert small.bytes < one.bytes
        Image.new_from_file(photo).rot180().copy_memory().jpegsave(photo, Q=97)
        await tuner.open(photo, SETTINGS)
        assert tuner.known(Format.WEBP) == ()
        (other,) = await rungs_of(tuner.ladder(Format.WEBP, [60]))
        assert other.bytes != one.bytes


async def test_formats_are_compared_at_one_score_and_those_that_cannot_say_why(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    image = Image.new_from_file(str(ROOT / "tui/demo_images/parrots.jpg")).crop(90, 60, 120, 100)
    image.bandjoin(Image.xyz(120, 100)[0] * 2).cast("uchar").copy(interpretation="srgb").pngsave(str(path))
    async with Tuner() as tuner:
        await tuner.open(str(path), SETTINGS)
        formats = [Format.JPEG, Format.WEBP, Format.AVIF, Format.GIF]
        jpeg, webp, avif, gif = await rungs_of(tuner.compare(QualityTarget(70), formats))
        assert "transparency would be lost" in jpeg.note
        assert "--allow-loss alpha" in jpeg.note
        assert gif.note.startswith("GIF has no quality to tune")
        assert not jpeg.made
        assert not gif.made
        for rung in (webp, avif):
            assert rung.score is not None
            assert rung.score >= 70
            assert rung.seconds > 0


async def test_the_newest_request_ends_the_one_before_it(photo: str) -> None:
    async with Tuner() as tuner:
        await tuner.open(photo, SETTINGS)
        found: list[Rung] = []
        async for rung in tuner.ladder(Format.JPEG, range(30, 90)):
            found.append(rung)
            if len(found) == 2:
                newer = asyncio.create_task(tuner.reach(QualityTarget(80), Format.WEBP))
                await asyncio.sleep(0)
        reached = await newer
        assert reached is not None
        assert reached.format is Format.WEBP
        assert len(found) < 60


async def test_a_ladder_that_is_left_asks_for_no_more(photo: str) -> None:
    async with Tuner() as tuner:
        await tuner.open(photo, SETTINGS)
        async with aclosing(tuner.ladder(Format.JPEG, range(30, 90))) as rungs:
            async for rung in rungs:
                assert rung.made
                break
        assert qualities(list(tuner.known(Format.JPEG))) == [30]


@pytest.mark.parametrize("how", ["cancelled", "superseded", "another image"])
async def test_an_encode_nobody_waits_for_is_ended_with_its_process(
    how: str, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_TUNER", '{"hang": [50]}')
    spawns, lines = Spawns("tests.slow_tuner"), Lines()
    async with Tuner(spawns, log=lines) as tuner:
        await tuner.open(photo, SETTINGS)
        await rungs_of(tuner.ladder(Format.JPEG, [60]))
        hung = asyncio.create_task(rungs_of(tuner.ladder(Format.JPEG, [50, 70])))
        await lines.hangs.wait()
        if how == "cancelled":
            hung.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hung
        elif how == "another image":
            await tuner.open(photo, Settings(long_edge=90))
        (next_one,) = await rungs_of(tuner.ladder(Format.JPEG, [65]))
        assert next_one.made
        if how != "cancelled":
            assert await hung == []
        assert len(spawns.links) == 2
        assert spawns.links[0].returncode == -9
        if how == "superseded":
            assert qualities(list(tuner.known(Format.JPEG))) == [60, 65]


async def test_a_worker_that_dies_costs_one_sentence_and_the_next_request_starts_another(
    photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_TUNER", '{"die": [60, 70, 71]}')
    spawns = Spawns("tests.slow_tuner")
    async with Tuner(spawns) as tuner:
        await tuner.open(photo, SETTINGS)
        rungs = await rungs_of(tuner.ladder(Format.JPEG, [50, 60, 65]))
        assert [rung.made for rung in rungs] == [True, False, True]
        assert rungs[1].note == ("the worker died (9, SIGKILL) while it was tuned; the image is untouched, try again")
        assert len(spawns.links) == 2
        with pytest.raises(TuningError, match="SIGKILL"):
            await rungs_of(tuner.ladder(Format.JPEG, [70, 71, 72]))
        assert (await tuner.crop(rungs[0], 0, 0, 10, 10)).rgb != (await tuner.crop(None, 0, 0, 10, 10)).rgb


async def test_crops_come_while_a_ladder_is_in_work(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGOPT_TEST_TUNER", '{"hang": [50]}')
    lines = Lines()
    async with Tuner(Spawns("tests.slow_tuner"), log=lines) as tuner:
        await tuner.open(photo, SETTINGS)
        (rung,) = await rungs_of(tuner.ladder(Format.JPEG, [40]))
        hung = asyncio.create_task(rungs_of(tuner.ladder(Format.JPEG, [50])))
        await lines.hangs.wait()
        source = await tuner.crop(None, 20, 10, 32, 20)
        encode = await tuner.crop(rung, 20, 10, 32, 20)
        apart = await tuner.difference(rung, 20, 10, 32, 20, gain=1)
        assert not hung.done()
        pairs = zip(source.rgb, encode.rgb, strict=True)
        assert apart.rgb == bytes(abs(one - other) for one, other in pairs)
        hung.cancel()


@pytest.mark.parametrize("fault", ["exit", "version"])
async def test_a_worker_that_cannot_start_is_one_sentence(
    fault: str, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGOPT_TEST_START", fault)
    sentence = {"exit": r"no worker can be started: worker died \(exit 7\)", "version": "reinstall imgopt-tui"}
    async with Tuner(Spawns("tests.faulty_worker")) as tuner:
        with pytest.raises(TuningError, match=sentence[fault]):
            await tuner.open(photo, SETTINGS)


async def test_what_cannot_be_tuned_is_said_and_the_next_image_can_be(photo: str, tmp_path: Path) -> None:
    async with Tuner(memory=lambda: 512 * MIB) as tuner:
        with pytest.raises(TuningError, match="cannot be opened: no such file or directory"):
            await tuner.open(str(tmp_path / "gone.jpg"), SETTINGS)
        assert tuner.subject is None
        with pytest.raises(TuningError, match="GIF has no quality"):
            await rungs_of(tuner.ladder(Format.GIF, [80]))
        assert (await tuner.open(photo, SETTINGS)).path == photo
        (rung,) = await rungs_of(tuner.ladder(Format.WEBP, [70]))
        assert rung.made


async def test_an_image_too_large_for_the_memory_is_refused_by_name_of_its_format(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.black(9000, 6000, bands=3).copy(interpretation="srgb").pngsave(str(path), compression=1)
    async with Tuner(memory=lambda: 1024 * MIB) as tuner:
        await tuner.open(str(path), SETTINGS)
        with pytest.raises(TuningError, match=r"needs about [\d,]+ MiB of memory as AVIF, and 8\d\d MiB may be taken"):
            await rungs_of(tuner.ladder(Format.AVIF, [60]))
