"""The fault suite as one command: ``python -m tests.faults [--long] [PART…]``; see README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.compiled import compile_modules
from tests.faults.parts import PARTS
from tests.faults.table import Bench, Row, print_head, print_rows, timed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"which parts to run; default: all ({', '.join(PARTS)})"
    )
    parser.add_argument("--long", action="store_true", help="every point (about a quarter of an hour on two cores)")
    parser.add_argument("--keep", action="store_true", help="leave the trees behind and say where")
    parser.add_argument("--seed", type=int, default=1, help="of what is left to chance (default: %(default)s)")
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    compile_modules()
    began = time.monotonic()
    base = Path(tempfile.mkdtemp(prefix="imgopt-faults-"))
    base.chmod(0o755)  # passes as another user go through it
    rows: list[Row] = []
    home = {name: os.environ.get(name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    print_head()
    for name in given.parts or PARTS:
        (folder := base / name).mkdir()
        os.environ.update({key: os.fspath(folder / key.lower()) for key in home})
        found, seconds = timed(PARTS[name], Bench(folder, given.long, given.seed))
        print(f"  {name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        print_rows(found)
        rows += found
    lost = sum(len(row.losses) for row in rows)
    print(f"{sum(row.times for row in rows)} faults in {time.monotonic() - began:.0f} s, {lost} losses")
    if given.keep:
        print(base)
    else:
        import shutil

        shutil.rmtree(base, ignore_errors=True)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
