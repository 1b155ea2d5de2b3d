#!/usr/bin/env python3
"""Builds imgopt-tui as one file that needs no Python: ``dist/imgopt-tui-VERSION-linux-MACHINE``.

PyInstaller gathers program, interpreter and libraries into a folder; this packs the folder behind ``launcher.sh``,
which unpacks it once. The folder is not stripped: that breaks libvips. Run it with the interpreter of an environment
that has this project with its extras ``all`` and ``package``: ``.venv/bin/python .ci/single_file.py``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "imgopt-tui"
WHOLE = ("engine", "tui", "pyvips", "textual", "textual_image")
"""Packages of which every module and every other file goes in: they import some of theirs by name only."""
HIDDEN = ("oxipng", "mozjpeg_lossless_optimization", "numpy", "inotify_simple")
"""Further packages of the extra ``all``, which are imported only where they are needed."""
STAMP = 315532800
"""Time of change of every file inside, so that equal builds are equal bytes: 1980-01-01."""


def gather(work: Path) -> Path:
    """Run PyInstaller; returns the folder with the program."""
    options = [option for name in WHOLE for option in ("--collect-submodules", name, "--collect-data", name)]
    options += [option for name in HIDDEN for option in ("--hidden-import", name)]
    places = ["--paths", ROOT, "--distpath", work / "dist", "--workpath", work / "work", "--specpath", work]
    shape = ["--onedir", "--name", NAME, "--contents-directory", "lib", "--noconfirm", "--log-level", "ERROR"]
    entry = ROOT / "tui" / "packaged.py"
    subprocess.run([sys.executable, "-m", "PyInstaller", *shape, *places, *options, entry], check=True)
    return work / "dist" / NAME


def members(folder: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Everything in the folder, in a fixed order and owned by nobody in particular."""
    for path in sorted(folder.rglob("*")):
        info = tarfile.TarInfo(path.relative_to(folder).as_posix())
        info.mtime = STAMP
        if path.is_symlink():
            info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield info, b""
        elif path.is_dir():
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            yield info, b""
        else:
            data = path.read_bytes()
            info.size, info.mode = len(data), 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield info, data


def pack(folder: Path) -> tuple[bytes, int, tuple[int, int]]:
    """The folder as tar.gz, its bytes unpacked, and the newest glibc version that anything in it asks for."""
    out = io.BytesIO()
    unpacked, newest = 0, (0, 0)
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=STAMP) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for info, data in members(folder):
            tar.addfile(info, io.BytesIO(data))
            unpacked += len(data)
            if data.startswith(b"\x7fELF"):
                found = re.findall(rb"GLIBC_(\d+)\.(\d+)", data)
                newest = max([newest, *((int(major), int(minor)) for major, minor in found)])
    return out.getvalue(), unpacked, newest


def launcher(payload: bytes, unpacked: int, glibc: tuple[int, int], version: str) -> bytes:
    """The script in front of the payload; it says its own number of lines and the size of the whole file."""
    text = (ROOT / ".ci" / "launcher.sh").read_text(encoding="ascii")
    known = {
        "VERSION": version,
        "NAME": f"{version}-{hashlib.sha256(payload).hexdigest()[:16]}",
        "GLIBC": "{}.{}".format(*glibc),
        "MEGABYTES": str(-(-unpacked // 1_000_000)),
        "LINES": str(text.count("\n") + 1),
    }
    for name, value in known.items():
        text = text.replace(f"@{name}@", value)
    total = len(payload) + len(text) - len("@BYTES@")
    digits = next(count for count in range(1, 20) if len(str(total + count)) == count)
    return text.replace("@BYTES@", str(total + digits)).encode("ascii")


def main() -> None:
    """Build it, and say where it is."""
    sys.path.insert(0, str(ROOT))
    import engine

    work, version = ROOT / "build" / "single", engine.__version__
    payload, unpacked, glibc = pack(gather(work))
    system = f"{platform.system().lower()}-{platform.machine()}"
    path = ROOT / "dist" / f"{NAME}-{version}-{system}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(launcher(payload, unpacked, glibc, version) + payload)
    path.chmod(0o755)
    sizes = f"{path.stat().st_size / 1e6:.0f} MB, unpacked {unpacked / 1e6:.0f} MB"
    print(f"{path}: {sizes}; runs with glibc {glibc[0]}.{glibc[1]} or newer")


if __name__ == "__main__":
    main()
