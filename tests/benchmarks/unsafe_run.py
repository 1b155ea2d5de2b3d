"""``imgopt-tui`` with what keeps images safe taken out, to measure what that costs; never for images that matter.

As a program it is the command line whose workers are this module as well: they write each result over its target, as
most optimizers do. No temp, no sync, no rename, no backup, no ledger.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine import child

__all__: list[str] = []

WORKER = "engine.worker"
_real = child.command


def _command(module: str) -> list[str]:
    return [*_real(__spec__.name), "worker"] if module == WORKER else _real(module)


def _work() -> None:
    from engine import pipeline, worker
    from engine.files import Target
    from engine.transaction import Written

    def write_group(writes: Sequence[tuple[Target, bytes]], *others: object) -> list[Written]:
        for target, data in writes:
            with open(target.path, "wb") as file:
                file.write(data)
        return [Written() for _ in writes]

    vars(pipeline)["write_group"] = write_group
    worker.main()


def main() -> int:
    if sys.argv[1:] == ["worker"]:
        _work()
    from tui.__main__ import main as run

    child.command = _command
    return run()


if __name__ == "__main__":
    sys.exit(main())
