"""The program with its event loop watched: ``python -m tests.benchmarks.watched_screen FILE ARGUMENT…``.

A timer of the loop notes in FILE when it came, and by how much too late, each time that was more than 20 ms: one line
``TIME SECONDS``, TIME of ``time.monotonic``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

BEAT = 0.01
WORTH_NOTING = 0.02


def main() -> int:
    file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Watched(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            loop = super().new_event_loop()

            def beat(due: float) -> None:
                late = loop.time() - due
                if late > WORTH_NOTING:
                    os.write(file, f"{time.monotonic()} {late}\n".encode())
                loop.call_later(BEAT, beat, loop.time() + BEAT)

            loop.call_soon(beat, loop.time())
            return loop

    asyncio.set_event_loop_policy(Watched())
    from tui.__main__ import main as program

    return program(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
