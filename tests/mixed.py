"""Holds what is printed for programs to its schema, over files of all kinds with awkward names:
python -m tests.mixed [--files 1000] [--seed 1]. Prints a line for each command; fails at the first that does not hold.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.test_cli import call
from tests.test_machine import holds, sound

SOURCES = sorted(
    path for folder in ("tui/demo_images", "tests/data") for path in (ROOT / folder).iterdir() if path.suffix != ".md"
)
LARGEST = 20_000
"""Bytes of the largest source taken: the shapes do not depend on sizes, the time does."""
ODD = [b"\xff", b"\xc3(", b"\x1b[31m", b"\n", b"\t", b" ", b"-", b"'", b'"', b"\\", b",", b"%s", b"$(x)", b"`", b"=1"]
ODD += [text.encode() for text in ("é", "e\u0301", "日本", "\u202e", "😀", "\u2028", "\ufeff", "ß")]


def fill(root: Path, files: int, chance: random.Random) -> None:
    """So many files in some folders; one in ten is no image any more, or a link."""
    sources = [path for path in SOURCES if path.stat().st_size <= LARGEST]
    for number in range(files):
        folder = os.fsencode(root) + b"/" + chance.choice([b"a", b"b \xfe", "ü/d".encode(), b"-n"])
        os.makedirs(folder, exist_ok=True)
        source = chance.choice(sources)
        name = b"".join(chance.choices(ODD, k=chance.randint(1, 4)))
        path = folder + b"/" + name + b"%d" % number + os.fsencode(source.suffix)
        kind = chance.randrange(30)
        if kind == 0:
            os.symlink(b"nowhere\xff", path)
        elif kind in (1, 2):
            data = source.read_bytes()
            Path(os.fsdecode(path)).write_bytes(data[: len(data) // 2] if kind == 1 else b"nothing")
        else:
            shutil.copy(os.fsencode(source), path)


def exact(result: dict[str, Any]) -> bytes:
    """The path of a result, byte for byte."""
    coded = result.get("original_path_b64")
    return base64.b64decode(coded) if coded else os.fsencode(result["original_path"])


def check(place: Path, files: int, seed: int = 1) -> Iterator[str]:
    """Run every command that prints for programs over ``files`` files in ``place``; a sentence for each that holds."""
    root = place / "in"
    fill(root, files, random.Random(seed))
    every = {os.path.join(folder, name) for folder, _, names in os.walk(os.fsencode(root)) for name in names}
    value = sound(call("run", root, "-o", place / "out", "--json", "-QQ").stdout)
    holds(value, "run")
    assert {exact(result) for result in value["results"]} == every
    ends = Counter(result["status"] for result in value["results"])
    yield f"run --json: {', '.join(f'{count} {end}' for end, count in ends.most_common())}"
    for command, shape in (("runs", "runs"), ("status", "pastRun"), ("report", "report")):
        holds(sound(call(command, "--json").stdout), shape)
    yield "runs, status, report"
    holds(sound(call("estimate", root, "--json", "--sample", "10").stdout), "estimate")
    planned = sound(call("run", root, "-o", place / "out", "--dry-run", "--json").stdout)
    holds(planned, "dryRun")
    yield f"estimate and dry run of {files} files"
    lines = [sound(line) for line in call("run", root, "--in-place", "--ndjson", "-QQ").stdout.splitlines()]
    for line in lines:
        holds(line, "line")
    assert {exact(line) for line in lines if "original_path" in line} == every
    undone = sound(call("undo", "last", "--json").stdout)
    holds(undone, "undo")
    yield f"run --ndjson in place, and undo: {undone['summary']['back']} back"
    tasks = [
        {"input": os.fsdecode(path), "output": str(place / "b" / f"{at}")} for at, path in enumerate(sorted(every))
    ]
    done = call("optimize-batch", "-", stdin=json.dumps(tasks).encode())
    results = sound(done.stdout)
    holds(results, "optimizedBatch")
    assert len(results) == len(every)
    for text in done.stderr.splitlines():
        if text.startswith(b"{"):
            holds(sound(text), "progress")
    yield f"optimize-batch: {sum(result['success'] for result in results)} results"


def main() -> int:
    """Check, with a state folder of its own."""
    parser = argparse.ArgumentParser(prog="tests.mixed", description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iot-") as place:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = os.path.join(place, "s")
        for line in check(Path(place), given.files, given.seed):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
