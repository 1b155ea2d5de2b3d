"""A worker that does what its image's name says: the real one, with faults on cue.

Words of the name, between dashes and before the first dot: ``segv``, ``abort``, ``exit`` (die), ``hang``, ``print``
(write to descriptor 1 and to stdout), ``garbage``, ``odd`` (JSON that is no message of ours), ``long`` (a line without
end), ``gate`` (wait until FOLDER/go exists), ``lost`` (die after the write and before it is said), ``grow`` (keep 100
MiB for good), ``deaf`` (hang, and take no notice of SIGTERM). With ``once`` the fault comes only the first time.
``$IMGOPT_TEST_START`` breaks the start: ``exit``, ``version``, ``package``, ``libvips`` (an old one), ``silent``.
``$IMGOPT_TEST_LOG`` gets a line for every image that was begun.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from typing import Any

import engine
from engine import codec, worker

START = os.environ.get("IMGOPT_TEST_START", "")


class FaultyWorker(worker.Worker):
    """See the module's docstring."""

    def __init__(self, out: int) -> None:
        super().__init__(out)
        self._lost: set[int] = set()
        self._said: object = None
        self._kept = b""

    def send_all(self, messages: list[dict[str, Any]]) -> None:
        if any(message.get("done") in self._lost for message in messages):
            os.kill(os.getpid(), signal.SIGKILL)
        super().send_all(messages)

    def send(self, **message: object) -> None:
        if "started" not in message or message["started"] != self._said:
            super().send(**message)

    def _do(self, task: dict[str, Any], recipe: Any, writer: Any) -> None:
        source = str(task["source"])
        if log := os.environ.get("IMGOPT_TEST_LOG"):
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{os.path.basename(source)}\n")
        words = os.path.basename(source).split(".")[0].split("-")
        marker = f"{source}.died"
        if "once" not in words or not os.path.exists(marker):
            if "once" in words:
                open(marker, "x").close()
            self.send(started=task["task"])
            self._said = task["task"]
            for word in words:
                self._fault(word, task)
        super()._do(task, recipe, writer)

    def _fault(self, word: str, task: dict[str, Any]) -> None:
        match word:
            case "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "abort":
                os.abort()
            case "exit":
                os._exit(3)
            case "hang":
                time.sleep(600)
            case "deaf":
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                time.sleep(600)
            case "grow":
                self._kept += b"x" * (100 << 20)
                self._since = worker.LOOK_IMAGES  # that it is told at once
            case "gate":
                self.send(stage="decode", index=task["task"], seconds=0.5, needs=4 << 20)
                go = os.path.join(os.path.dirname(task["source"]), "go")
                while not os.path.exists(go):
                    time.sleep(0.005)
            case "lost":
                self._lost.add(task["task"])
            case _:
                self._babble(word, task)

    def _babble(self, word: str, task: dict[str, Any]) -> None:
        match word:
            case "print":
                os.write(1, b'{"done": 0}\n')
                print("stray words", flush=True)
            case "garbage":
                os.write(self._out, b"no JSON at all\n")
                time.sleep(600)
            case "odd":
                self.send(done=task["task"], outcome=[1, 2, 3])
                time.sleep(600)
            case "long":
                with self._out_lock:
                    os.write(self._out, b"x" * 3_000_000)
                time.sleep(600)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    match START:
        case "exit":
            print("this worker cannot start", file=sys.stderr)
            return 7
        case "version":
            engine.__version__ = "0.0.0-other"
        case "package":
            engine.__file__ = "/elsewhere/engine/__init__.py"
        case "libvips":
            codec.setup = lambda: "8.17.3"
        case "silent":
            sys.stdin.read()
            return 0
    worker.Worker = FaultyWorker  # type: ignore[misc]  # the seam: main() makes one of these
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
