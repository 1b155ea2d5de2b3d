"""A worker whose rungs and searches misbehave on demand, for tests of the tuner.

It does so at the qualities of ``$IMGOPT_TEST_TUNER``: ``{"hang": [50], "die": [60]}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from engine import ladder, worker
from engine.tuning import Rung

FAULTS: dict[str, list[int]] = json.loads(os.environ.get("IMGOPT_TEST_TUNER", "{}"))
_rung = ladder.Ladder.rung


def rung(self: ladder.Ladder, format: Any, quality: int, full_chroma: bool | None = None) -> Rung:
    if quality in FAULTS.get("hang", []):
        print("hangs", file=sys.stderr, flush=True)
        time.sleep(600)
    if quality in FAULTS.get("die", []):
        os.kill(os.getpid(), signal.SIGKILL)
    return _rung(self, format, quality, full_chroma)


if __name__ == "__main__":
    ladder.Ladder.rung = rung  # type: ignore[method-assign]  # the seam: what a request for a rung calls
    sys.exit(worker.main())
