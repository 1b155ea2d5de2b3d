"""The child process that handles pixels: reads tasks as JSON lines from stdin, answers with events on stdout.

    main thread      takes a task ▸ ``pipeline.prepare`` ▸ hands the result to the writer
    writer thread    writes results to disk while the main thread decodes the next image (``writer.py``)
    reader thread    parses stdin into the task list; end of input without ``exit`` means the parent is gone
    ahead threads    read the next images where the file system is slow (``ahead.py``)

Lines in:  ``{"recipe": N, "value": {…}}``, ``{"task": INDEX, "source": …, "target": …, "recipe": N, "allowance": BYTES,
"temp": NAME, "careful": BOOL, "base": NAME, "origin": PATH, "trial": BOOL}``, ``{"recall": INDEX}``,
``{"factors": {KIND: FACTOR}}``, ``{"tune": N, …}`` (answered likewise, see ``tuning_lanes.py``), ``{"exit": true}``.
Lines out: ``{"ready": {…}}``, ``{"started": INDEX}``, ``{"stage": NAME, "index": …, "seconds": …, "needs": …}``,
``{"needs": BYTES, "index": …}``, ``{"recalled": INDEX}``, ``{"done": INDEX, "outcome": […]}``, ``{"resident": BYTES}``.

Nothing may raise out of a task, and nothing but these lines reaches stdout: descriptor 1 is moved to a private one and
pointed at stderr before libvips is loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from engine import resident
from engine.ahead import ReadAhead
from engine.compact_json import compact
from engine.corrections import WORTH_BYTES
from engine.writer import GroupWriter

if TYPE_CHECKING:
    from engine.job import Outcome, Recipe
    from engine.pipeline import Write
    from engine.stages import StageTimes
    from engine.tuning_lanes import TuningLanes

__all__ = ["main"]

TRIM_BYTES = 64 * 1024**2
"""After an image predicted to need more than this, freed memory is handed back to the kernel."""
TOLD_BYTES = 8 * 1024**2
"""A change of the memory held between two images that the parent is told."""
LOOK_IMAGES = 50
"""Small images between two looks at it; each large one is followed by a look."""
KEPT_BYTES = 32 * 1024**2
"""More than this above the fresh worker is handed back between two images as far as it is free."""
QUICK_SECONDS = 0.04
"""Stages of images predicted to take less are not reported: they would be over before anybody could see them."""
SWITCH_SECONDS = 0.0005
"""How long the writer may keep the main thread from its next call into libvips."""
OOM_SCORE = 500
"""How much sooner than the runner the kernel should end a worker (−1000 to 1000)."""
PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, and to choose it first when memory runs out."""
    if sys.platform != "linux":
        return  # elsewhere the end of stdin is the only sign
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if str(os.getppid()) != os.environ.get("IMGOPT_PARENT", str(os.getppid())):
        os._exit(1)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(OOM_SCORE))


class Worker:
    """The state of this process."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._out_lock = threading.Lock()
        self._tasks: deque[dict[str, Any]] = deque()
        self._changed = threading.Condition()
        self._ahead = ReadAhead()
        self._exit = False
        self._lanes: TuningLanes | None = None
        self._recipes: dict[int, Any] = {}
        self._factors: dict[str, float] = {}
        self._first = self._resident = 0
        """Bytes before the first image, and between two images, as the parent was last told."""
        self._since = 0
        """Images since that was looked at."""
        self._counts_small = False
        """Whether the kernel counts the peak of a small image: nobody asks for it, so one count goes over many."""

    def send(self, **message: object) -> None:
        """One line to the parent; a parent that is gone ends this process."""
        self.send_all([message])

    def send_all(self, messages: list[dict[str, Any]]) -> None:
        """Several lines at once."""
        line = "".join(f"{compact(message)}\n" for message in messages).encode("ascii")
        try:
            with self._out_lock:
                while line:
                    line = line[os.write(self._out, line) :]
        except OSError:
            os._exit(1)

    def greet(self, facts: dict[str, object]) -> None:
        """The handshake."""
        self._first = self._resident = resident.now()
        self.send(ready={**facts, "resident": self._resident})

    def read(self) -> None:
        """The reader thread."""
        for line in sys.stdin.buffer:
            self._receive(json.loads(line))
            if self._exit:
                return
        os._exit(1)

    def _receive(self, message: dict[str, Any]) -> None:
        recalled = None
        with self._changed:
            if "task" in message:
                self._tasks.append(message)
                self._ahead.want(message["task"], message["source"])
            elif "tune" in message:
                self._tune(message)
            elif "recipe" in message:
                self._recipes[message["recipe"]] = message["value"]
            elif "factors" in message:
                self._factors = message["factors"]
            elif "recall" in message:
                recalled = next((task for task in self._tasks if task["task"] == message["recall"]), None)
                if recalled is not None:
                    self._tasks.remove(recalled)
                    self._ahead.forget(recalled["task"])
            elif message.get("exit"):
                self._exit = True
            self._changed.notify()
        if recalled is not None:
            self.send(recalled=recalled["task"])

    def _tune(self, message: dict[str, Any]) -> None:
        if self._lanes is None:
            from engine.tuning_lanes import TuningLanes

            self._lanes = TuningLanes(self.send)
        self._lanes.take(message)

    def _written(self, group: list[tuple[int, Outcome]]) -> None:
        self.send_all([{"done": index, "outcome": outcome.to_json()} for index, outcome in group])

    def _next(self, writer: GroupWriter) -> dict[str, Any] | None:
        with self._changed:
            if not self._tasks:
                writer.hurry()
            while not self._tasks:
                if self._exit:
                    return None
                self._changed.wait()
            return self._tasks.popleft()

    def run(self) -> None:
        """Take tasks until asked to exit."""
        from engine.job import Recipe
        from engine.ledger import Ledgers
        from engine.pipeline import commit

        writer = GroupWriter(partial(commit, ledgers=Ledgers()), self._written)
        parsed: dict[int, Recipe] = {}
        while (task := self._next(writer)) is not None:
            number = task["recipe"]
            if number not in parsed:
                parsed[number] = Recipe.from_json(self._recipes[number])
            self._do(task, parsed[number], writer)
        writer.close()

    def _do(self, task: dict[str, Any], recipe: Recipe, writer: GroupWriter) -> None:
        from engine.job import Job, Stage
        from engine.pipeline import Needs, Write, prepare
        from engine.stages import StageTimes

        index = task["task"]
        started = time.monotonic()
        self.send(started=index)
        large = heavy = False
        before = 0 if self._counts_small else resident.mark()
        times = StageTimes(started)

        def stage(step: Stage, seconds: float, needs: int) -> None:
            nonlocal large, heavy, before
            if step is Stage.DECODE and needs >= WORTH_BYTES:
                large, before = True, resident.mark()
            heavy = needs > TRIM_BYTES
            times.enter(step, time.monotonic())
            if seconds > QUICK_SECONDS:
                self.send(stage=step.value, index=index, seconds=round(seconds, 2), needs=needs)

        paths = task["source"], task["target"]
        more = {name: task[name] for name in ("careful", "base", "origin", "trial") if name in task}
        job = Job(index, *paths, recipe, **more)
        answer = prepare(job, task["allowance"], task["temp"], stage, started, self._factors, self._ahead.open)
        if isinstance(answer, Needs):
            self.send(needs=answer.bytes, index=index)
        elif isinstance(answer, Write) and not job.trial:
            writer.put(index, _measured(answer, before, times, large=large))
        elif isinstance(answer, Write):
            self.send(done=index, outcome=_measured(answer, before, times, large=large).tried().to_json())
        else:
            now = time.monotonic()
            outcome = replace(answer, seconds=now - started, stages=times.until(now))
            self.send(done=index, outcome=outcome.to_json())
        del answer
        self._counts_small = not large
        if heavy:
            resident.trim()
        self._since += 1
        if large or self._since >= LOOK_IMAGES:
            self._tell_resident()

    def _tell_resident(self) -> None:
        """Say what is held between two images, when that is another amount than before."""
        self._since = 0
        now = resident.now()
        if now - self._first > KEPT_BYTES:
            resident.trim()
            now = resident.now()
        if abs(now - self._resident) >= TOLD_BYTES:
            self._resident = now
            self.send(resident=now)


def _measured(write: Write, before: int, times: StageTimes, *, large: bool) -> Write:
    """The result of an image with what it took; nobody wants to know the memory of small ones."""
    peak = resident.highest() if large else 0
    stages = times.until(time.monotonic())
    return replace(write, outcome=replace(write.outcome, peak_bytes=peak if peak > before else 0, stages=stages))


def main() -> NoReturn:
    """Entry point of the child process."""
    _die_with_parent()
    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    out = os.dup(1)
    os.set_inheritable(out, False)
    os.dup2(2, 1)
    worker = Worker(out)
    threading.Thread(target=worker.read, name="reader", daemon=True).start()
    import engine
    from engine import codec, pipeline  # noqa: F401  # loaded now so that the first image does not pay for it

    libvips = codec.setup()
    worker.greet({"version": engine.__version__, "package": engine.__file__, "pid": os.getpid(), "libvips": libvips})
    code = 0
    try:
        worker.run()
    except BaseException:
        traceback.print_exc()
        code = 1
    # The reader thread sits in a read that an orderly end of the interpreter would wait for, and there is nothing left
    # that it would bring in order.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
