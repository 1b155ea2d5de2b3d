"""A run inside a real control group with little memory: the whole command, real 24-megapixel photos."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cgroups import memory_group
from tests.test_cli import TOOL, environment

MIB = 1024**2
_PHOTOS = """
import sys, pyvips
image = pyvips.Image.new_from_file(sys.argv[1])
image = image.resize(6000 / image.width, vscale=4000 / image.height)
for name, progressive in (("a", False), ("b", False), ("progressive", True)):
    image.write_to_file(f"{sys.argv[2]}/{name}.jpg", Q=92, interlace=progressive)
"""


@pytest.fixture(scope="module")
def photos(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of 24 megapixels, and one that is decoded whole because it is progressive (330 MiB)."""
    folder = tmp_path_factory.mktemp("photos")
    make = [sys.executable, "-W", "ignore", "-c", _PHOTOS, str(samples / "photo.jpg"), str(folder)]
    subprocess.run(make, check=True)
    return folder


@pytest.mark.parametrize(("size", "killed"), [(512 * MIB, False), (300 * MIB, True)])
def test_large_photos_in_a_small_group_cost_the_run_nothing_but_what_cannot_fit(
    photos: Path, tmp_path: Path, size: int, killed: bool
) -> None:
    """Only the photo that takes more than the whole group has fails, and the kernel ends its worker, not the run."""
    words = [*TOOL, "run", str(photos), "-o", str(tmp_path / "out"), "-j", "2", "--effort", "fast", "--json"]
    with memory_group(size) as group:
        done = subprocess.run(group.around(words), env=environment(), capture_output=True, text=True, timeout=110)
        kills = group.kills
    assert done.returncode == int(killed), done.stderr
    answer = json.loads(done.stdout)
    reasons = {Path(result["original_path"]).stem: result["reason"] for result in answer["results"]}
    assert (answer["summary"]["done"], answer["summary"]["failed"]) == (3 - killed, int(killed))
    assert ("no memory left for it" in reasons["progressive"]) == killed
    assert bool(kills) == killed
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 3 - killed
