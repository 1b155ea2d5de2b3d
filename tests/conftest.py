"""What all tests share: a private home for settings, state and sockets, and small real images."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
_MAKE = """
import sys
import pyvips
folder = sys.argv[1]
noise = pyvips.Image.perlin(480, 360, cell_size=48, seed=7).linear(90, 128)
bands = noise.bandjoin([noise.rot180(), noise.fliphor()])
photo = bands.cast("uchar").copy(interpretation="srgb")
photo.write_to_file(folder + "/photo.jpg", Q=97)
photo.write_to_file(folder + "/photo.png", compression=1)
photo.write_to_file(folder + "/photo.webp", Q=97)
small = photo.thumbnail_image(64)
small.write_to_file(folder + "/small.jpg", Q=98)
small.write_to_file(folder + "/small.png", compression=0)
small.write_to_file(folder + "/small.gif")
small.write_to_file(folder + "/small.tif")
small.write_to_file(folder + "/tight.jpg", Q=30, strip=True, optimize_coding=True, trellis_quant=True)
"""


# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _private_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings, state and sockets of a test are its own; the folder has a short name, as paths of sockets must."""
    home = tempfile.mkdtemp(prefix="iot-")
    monkeypatch.setenv("XDG_STATE_HOME", os.path.join(home, "s"))
    monkeypatch.setenv("XDG_CONFIG_HOME", os.path.join(home, "c"))
    yield
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small images made by the real encoders: photo.{jpg,png,webp}, small.{jpg,png,gif,tif}, tight.jpg."""
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, "-W", "ignore", "-c", _MAKE, str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def shared_images() -> Path:
    """The large set of real images; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("IMGOPT_TEST_IMAGES") or ROOT.parent / "shared" / "images")
    if not (folder / "MANIFEST.jsonl").is_file():
        pytest.skip(f"needs the image set at {folder} (or in $IMGOPT_TEST_IMAGES)")
    return folder
