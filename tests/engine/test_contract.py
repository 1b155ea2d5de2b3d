"""Promises of the calls that other programs use."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import engine
from engine import ImageTask, optimize_image, optimize_images
from engine.formats import Format, sniff
from engine.task import OptimizationResult


async def test_one_image_is_optimized(tmp_path: Path, samples: Path) -> None:
    result = await optimize_image(samples / "photo.jpg", tmp_path / "a.jpg")
    assert (result.success, result.error) == (True, None)
    assert result.optimized_size == (tmp_path / "a.jpg").stat().st_size < result.original_size
    assert result.original_path == str(samples / "photo.jpg")


async def test_results_come_in_the_order_of_the_tasks(tmp_path: Path, samples: Path) -> None:
    names = ["photo.png", "small.gif", "small.jpg", "photo.webp", "small.tif", "tight.jpg"]
    seen: list[int] = []
    tasks = [{"input_path": str(samples / name), "output_path": str(tmp_path / name)} for name in names]
    results = await optimize_images(tasks, on_result=lambda position, result: seen.append(position))
    assert [os.path.basename(result.original_path) for result in results] == names
    assert all(result.success for result in results)
    assert sorted(seen) == list(range(6))
    assert await optimize_images([]) == []


async def test_a_success_always_leaves_a_file_in_the_format_asked_for(tmp_path: Path, samples: Path) -> None:
    for format in Format:
        settings = {"outputFormat": format.value, "quality": 100}
        result = await optimize_image(samples / "tight.jpg", tmp_path / f"{format}.xyz", settings)
        assert result.success, result.error
        assert Path(result.optimized_path).suffix.lstrip(".") in (format.value, "jpg", "tif")
        assert sniff(Path(result.optimized_path).read_bytes()[:64]) is format
        assert result.saved_bytes == result.original_size - result.optimized_size
    assert result.saved_bytes < 0


async def test_whatever_is_wrong_with_a_task_is_that_tasks_result(tmp_path: Path, samples: Path) -> None:
    good = {"input_path": str(samples / "small.jpg"), "output_path": str(tmp_path / "good.jpg")}
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    tasks: list[Any] = [
        good,
        None,
        {"input_path": str(tmp_path / "none.jpg"), "output_path": str(tmp_path / "x.jpg")},
        {"input_path": str(tmp_path / "bad.jpg"), "output_path": str(tmp_path / "y.jpg")},
        {"input": good["input_path"], "output": good["output_path"]},
        {**good, "settings": {"quality": {"global": float("inf")}}},
        {"input_path": "/\ud800", "output_path": "/b"},
        ImageTask("/a\0b", "/c"),
        {"input_path": good["input_path"], "output_path": "/proc/nothing/x.jpg"},
        {"input_path": good["input_path"], "output_path": str(tmp_path / "bad.jpg" / "x.jpg")},
    ]
    results = await optimize_images(tasks)
    assert [result.success for result in results] == [True] + [False] * 9
    assert all(result.error for result in results[1:])
    assert results[4].error == "task 1 writes to the same output path"
    assert sorted(os.listdir(tmp_path)) == ["bad.jpg", "good.jpg"]


async def test_the_paths_being_worked_on_are_listed_as_they_were_given(tmp_path: Path, samples: Path) -> None:
    shutil.copyfile(samples / "photo.png", tmp_path / "real.png")
    (tmp_path / "link.png").symlink_to("real.png")
    given = str(tmp_path / "link.png")
    seen: set[str] = set()
    call = asyncio.create_task(optimize_image(given, tmp_path / "out.avif", {"outputFormat": "avif"}))
    while not call.done():
        seen.update(engine.get_active_tasks())
        await asyncio.sleep(0.002)
    assert (await call).success
    assert seen == {given}
    assert engine.get_active_tasks() == []


def test_a_plain_script_needs_no_guard_and_leaves_no_process(tmp_path: Path, samples: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, sys\nfrom engine import optimize_image\n"
        "print(asyncio.run(optimize_image(*sys.argv[1:3])).success)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(samples / "small.jpg"), str(tmp_path / "o.jpg")],
        env={**os.environ, "PYTHONPATH": str(Path(engine.__file__).parent.parent)},
        capture_output=True,
        text=True,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("True\n", "", 0)


def test_public_names_are_these() -> None:
    assert set(engine.__all__) == {
        "ImageTask",
        "OptimizationResult",
        "get_active_tasks",
        "optimize_image",
        "optimize_images",
    }
    assert engine.OptimizationResult is OptimizationResult
