"""The limit: bare loops around libvips, one process each, with our encoders' options (balanced) and nothing else.

    python tests/benchmarks/encode_limit.py --in DIR --out DIR [--format jpeg|webp|avif] [--quality 80]
                                            [--processes N] [--compare]

Each process takes every N-th file, the largest first, decodes it as a stream and encodes it with one libvips thread.
No pool, no events, no sync, no checks: the most this machine can do with these encoders. With ``--compare`` it also
decodes source and result again and takes the mean of their differences, as a run in place must.
Nothing of ours slows it down; a test keeps the options equal to ``engine.encoders``. Only for AVIF it asks
``engine.content`` what a picture shows, because the options depend on that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {
        "optimize_coding": True,
        "interlace": True,
        "trellis_quant": True,
        "overshoot_deringing": True,
        "optimize_scans": True,
        "quant_table": 3,
        "subsample_mode": "on",
    },
    "webp": {"effort": 4},
}
SAVERS = {"jpeg": "jpegsave", "webp": "webpsave", "avif": "heifsave"}
EXTENSIONS = {"jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}


def options(format: str, path: Path) -> dict[str, Any]:
    """What the saver is told."""
    if format != "avif":
        return OPTIONS[format]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import pyvips

    from engine.content import content_of
    from engine.efforts import AVIF, Effort

    return AVIF[Effort.BALANCED][content_of(pyvips.Image.new_from_file(str(path), access="sequential"))]


def loop(given: argparse.Namespace) -> None:
    """One process's part."""
    import pyvips

    pyvips.cache_set_max(0)
    files = sorted((path for path in given.source.iterdir() if path.is_file()), key=lambda path: -path.stat().st_size)
    for path in files[given.part :: given.processes]:
        target = str(given.target / (path.stem + EXTENSIONS[given.format]))
        image = pyvips.Image.new_from_file(str(path), access="sequential")
        getattr(image, SAVERS[given.format])(target, Q=given.quality, keep="none", **options(given.format, path))
        if given.compare:
            before = pyvips.Image.new_from_file(str(path), access="sequential")
            after = pyvips.Image.new_from_file(target, access="sequential")
            (before.cast("short") - after).abs().avg()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", dest="target", type=Path, required=True)
    parser.add_argument("--format", choices=SAVERS, default="jpeg")
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part is not None:
        loop(given)
        return
    given.target.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--processes", str(given.processes)]
    children = [subprocess.Popen([*command, "--part", str(n)], env=environment) for n in range(given.processes)]
    codes = [child.wait() for child in children]
    if any(codes):
        raise SystemExit("a loop failed")


if __name__ == "__main__":
    main()
