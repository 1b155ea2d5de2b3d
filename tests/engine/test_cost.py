"""The predictions of memory and time: near what is measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cost import predict_bytes, predict_seconds
from engine.formats import Format
from engine.probe import Facts

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Facts(Format.JPEG, 4000, 3000, 4000, 3000, 3, 8)

_MAKE = """
import sys
import pyvips
path, side = sys.argv[1], int(sys.argv[2])
wave = pyvips.Image.sines(side, side * 3 // 4, hfreq=9.0, vfreq=5.0).linear(90, 128)
bands = [wave, wave + 20, wave - 20] + ([wave] if path.endswith(".png") else [])
picture = pyvips.Image.bandjoin(bands[0], bands[1:])
if sys.argv[3:]:
    (picture * 257).cast("ushort").copy(interpretation="rgb16").write_to_file(path)
else:
    picture.cast("uchar").copy(interpretation="srgb").write_to_file(path)
"""
_MEASURE = """
import json, sys
from engine import codec, cost
from engine.formats import Format
from engine.efforts import Effort
from engine.extras import installed
from engine.policy import Limits, Loss, Policy
from engine.probe import probe
from engine.task import Quality, TaskSettings
import pyvips
codec.setup()
target, quality, effort = Format(sys.argv[2]), int(sys.argv[3]), Effort(sys.argv[4])
warm = pyvips.Image.black(64, 64, bands=3).copy(interpretation="srgb")
warm.heifsave_buffer(compression="av1", effort=2), warm.webpsave_buffer(), warm.pngsave_buffer()
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
before = peak()
data = open(sys.argv[1], "rb").read()
facts = probe(data, Limits())
settings = TaskSettings(Quality(overall=quality), output_format=target)
policy = Policy(allow_loss=frozenset(Loss), effort=effort)
codec.optimize(data, facts, settings, lambda _: None, policy)
how = {"quality": quality, "effort": effort, "oxipng": target is Format.PNG and installed("oxipng")}
predicted = cost.predict_bytes(facts, target, facts.width, facts.height, full_check=False, file_size=len(data), **how)
print(json.dumps([peak() - before, predicted]))
"""


def _run(code: str, *arguments: str) -> str:
    environment = {"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are compared with what Linux reports")
@pytest.mark.parametrize(
    ("source", "target", "quality", "side", "effort"),
    [
        (".jpg", "jpeg", 82, 3600, "balanced"),
        (".png", "webp", 80, 1600, "balanced"),
        (".jpg", "webp", 80, 1600, "small"),
        (".jpg", "webp", 100, 1600, "balanced"),
        (".jpg", "avif", 60, 2400, "fast"),
        (".jpg", "avif", 60, 2000, "balanced"),
        (".jpg", "avif", 60, 600, "small"),
        (".jpg", "png", 80, 1200, "balanced"),
    ],
)
def test_the_measured_peak_is_admitted(
    source: str, target: str, quality: int, side: int, effort: str, tmp_path: Path
) -> None:
    path = str(tmp_path / f"a{source}")
    _run(_MAKE, path, str(side))
    _admitted(path, target, quality, effort)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are compared with what Linux reports")
@pytest.mark.parametrize(("quality", "side"), [(60, 1800), (100, 1400)])
def test_the_measured_peak_of_ten_and_twelve_bits_is_admitted(quality: int, side: int, tmp_path: Path) -> None:
    path = str(tmp_path / "a.png")
    _run(_MAKE, path, str(side), "deep")
    _admitted(path, "avif", quality, "balanced")


def _admitted(path: str, target: str, quality: int, effort: str) -> None:
    measured, predicted = json.loads(_run(_MEASURE, path, target, str(quality), effort))
    assert predicted >= 0.95 * measured
    assert predicted <= 1.8 * measured


def predicted(facts: Facts, target: Format, width: int = 4000, height: int = 3000, quality: int | None = None) -> int:
    return predict_bytes(facts, target, width, height, full_check=False, file_size=3_000_000, quality=quality)


def test_more_pixels_bands_and_turning_cost_more() -> None:
    usual = predicted(SOURCE, Format.JPEG)
    larger = replace(SOURCE, width=8000, stored_width=8000)
    assert predicted(larger, Format.JPEG, 8000) > 1.8 * usual
    assert predicted(replace(SOURCE, progressive=True), Format.JPEG) > usual
    assert predicted(replace(SOURCE, orientation=6, width=3000, height=4000), Format.JPEG, 3000, 4000) > usual
    assert predicted(SOURCE, Format.JPEG, 400, 300) < usual
    assert predicted(SOURCE, Format.WEBP, quality=100) > predicted(SOURCE, Format.WEBP, quality=80)


def test_seconds_follow_the_format() -> None:
    def seconds(target: Format, *, check: bool = False) -> float:
        return predict_seconds(SOURCE, target, 4000, 3000, full_check=check)

    assert seconds(Format.AVIF) > seconds(Format.WEBP) > 0.5 * seconds(Format.JPEG) > 0.1
    assert seconds(Format.JPEG, check=True) > seconds(Format.JPEG)


def test_costs_are_plain_arithmetic() -> None:
    code = "import sys, engine.cost; assert not {'pyvips', 'engine.probe'} & set(sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], env={"PYTHONPATH": str(ROOT)}, check=True)


_MEASURE_TARGET = """
import json, sys
from engine import codec, pipeline
from engine.formats import Format
from engine.job import Recipe
from engine.policy import Limits, Loss, Policy
from engine.probe import probe
from engine.quality import QualityTarget
from engine.task import TaskSettings
import pyvips
codec.setup()
warm = pyvips.Image.black(64, 64, bands=3).copy(interpretation="srgb")
warm.heifsave_buffer(compression="av1", effort=2), warm.webpsave_buffer(), warm.pngsave_buffer()
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
before = peak()
data = open(sys.argv[1], "rb").read()
facts = probe(data, Limits())
target = QualityTarget(80, 50, int(sys.argv[3]), int(sys.argv[4]))
policy = Policy(allow_loss=frozenset(Loss) - {Loss.ALPHA}, target=target)
recipe = Recipe(TaskSettings(output_format=Format(sys.argv[2])), policy)
codec.optimize(data, facts, recipe.settings, lambda _: None, policy)
print(json.dumps([peak() - before, pipeline.predicted(facts, recipe, len(data), full_check=False)[0]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are compared with what Linux reports")
@pytest.mark.parametrize(
    ("source", "target", "lowest", "highest", "side"),
    [
        (".jpg", "jpeg", 80, 81, 3000),
        (".jpg", "jpeg", 80, 81, 1600),
        (".png", "webp", 80, 81, 700),
        (".jpg", "avif", 1, 100, 600),
    ],
)
def test_the_measured_peak_of_a_target_quality_is_admitted(
    source: str, target: str, lowest: int, highest: int, side: int, tmp_path: Path
) -> None:
    path = str(tmp_path / f"a{source}")
    _run(_MAKE, path, str(side))
    measured, predicted = json.loads(_run(_MEASURE_TARGET, path, target, str(lowest), str(highest)))
    assert 0.95 * measured <= predicted <= 2 * measured


_MEASURE_LOSSLESS = """
import json, sys
from engine import codec, cost
from engine.policy import Limits
from engine.lossless import optimize_losslessly
from engine.probe import probe
from engine.recompress import recompress_png
import pyvips
codec.setup()
recompress_png(pyvips.Image.black(8, 8).pngsave_buffer())
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
before = peak()
data = open(sys.argv[1], "rb").read()
facts = probe(data, Limits())
optimize_losslessly(data, facts)
predicted = cost.predict_bytes(
    facts, facts.format, facts.width, facts.height, full_check=False, file_size=len(data), as_stored=True
)
print(json.dumps([peak() - before, predicted]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are compared with what Linux reports")
@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 3600), (".png", 1600)])
def test_the_measured_peak_of_recompressing_is_admitted(suffix: str, side: int, tmp_path: Path) -> None:
    path = str(tmp_path / f"a{suffix}")
    _run(_MAKE, path, str(side))
    measured, predicted = json.loads(_run(_MEASURE_LOSSLESS, path))
    assert predicted >= 0.95 * measured
    assert predicted <= 2.2 * measured


def test_oxipng_costs_time_and_memory_by_the_byte_of_samples() -> None:
    source = replace(SOURCE, format=Format.PNG)
    size = {"target": Format.PNG, "width": 4000, "height": 3000, "full_check": False}
    plain, strong = (predict_seconds(source, quality=100, oxipng=how, **size) for how in (False, True))  # type: ignore[arg-type]  # one dict for two calls
    deep = predict_seconds(replace(source, bits=16), quality=100, oxipng=True, **size)  # type: ignore[arg-type]  # the same
    assert plain < strong < deep
