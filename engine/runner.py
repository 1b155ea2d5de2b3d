"""Runs in a process of their own: launch one detached from the terminal, find running ones, attach.

    launch ──spec on stdin──▶ python -m engine.runner ──fork, setsid──▶ Run + RunServer
       ◀────── one JSON line: the socket's path, or the error ──────────┘

The runner outlives whoever launched it: it is in its own session, holds no terminal, and ignores SIGHUP.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.absolute import absolute
from engine.child import command, environment
from engine.errors import ImgoptError, RunnerError, RunnerGone
from engine.folder_settings import FolderSettings, with_folders, without_folders
from engine.places import log_file, open_log, sockets
from engine.remote import RemoteRun
from engine.settings import Settings
from engine.view import RunInfo, Update

__all__ = ["Live", "attach", "launch", "running"]

LINGER_SECONDS = 3.0
"""After its end a runner still answers for this long, and for as long as a client is connected."""
LEAVE_SECONDS = 0.3
"""After a signal it answers no longer than this: enough for clients to see the end."""


async def launch(
    roots: Sequence[str], settings: Settings, own: FolderSettings | None = None, only: Sequence[str] = ()
) -> RemoteRun:
    """Start a run in a detached process and connect to it; raises RunnerError, or PlanError's sentence as one. ``own``
    are settings of single folders; ``only``: of all images just those with these full paths, unless empty."""
    kept = with_folders(absolute(settings).to_json(), own)
    spec = {"roots": [os.path.abspath(root) for root in roots], "settings": kept, "only": list(only)}
    answer = await asyncio.to_thread(_start, json.dumps(spec).encode("ascii"))
    if "error" in answer:
        raise RunnerError(answer["error"])
    return await RemoteRun.connect(Path(answer["socket"]))


def _start(spec: bytes) -> dict[str, str]:
    with open_log() as log:
        child = subprocess.run(
            command("engine.runner"),
            input=spec,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env=environment(),
            start_new_session=True,
            check=False,
        )
    try:
        answer: dict[str, str] = json.loads(child.stdout)
    except ValueError:
        return {"error": f"the run could not be started (exit {child.returncode}); see {log_file()}"}
    return answer


@dataclass(frozen=True, slots=True)
class Live:
    """A run that is going on."""

    info: RunInfo
    update: Update
    """How it stands."""


async def running() -> list[Live]:
    """The runs of this user that are going on, newest first; stale sockets are removed."""
    found: list[Live] = []
    for path in sockets():
        try:
            view = await RemoteRun.connect(path)
        except RunnerError:
            await _remove_if_dead(path)
            continue
        try:
            update = await anext(aiter(view.updates()))
        except (RunnerError, StopAsyncIteration):
            continue
        finally:
            await view.close()
        if not update.phase.over:
            found.append(Live(view.info, update))
    return found


async def _remove_if_dead(path: Path) -> None:
    """Remove a socket that nobody listens on."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):
            path.unlink()
    except OSError:
        pass
    else:
        writer.close()


async def attach(run_id: str | None = None) -> RemoteRun:
    """Connect to a run by id (its beginning is enough), or to the newest one, one that is going on first; raises
    RunnerError, RunnerGone where there is none."""
    paths = [path for path in sockets() if run_id is None or path.stem.startswith(run_id)]
    problem: RunnerError | None = None
    over: RemoteRun | None = None
    for path in paths:
        try:
            view = await RemoteRun.connect(path)
        except RunnerError as error:
            problem = error
            await _remove_if_dead(path)
            continue
        if not view.was_over:
            if over is not None:
                await over.close()
            return view
        if over is None:
            over = view
        else:
            await view.close()
    if over is not None:
        return over
    if problem is not None and run_id is not None:
        raise problem
    raise RunnerGone("no run is going on" if run_id is None else f"no run {run_id!r} is going on; see imgopt-tui ps")


def _answer(value: dict[str, str]) -> None:
    """Tell whoever launched us, once, and let go of their pipe."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(value).encode("ascii") + b"\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


async def _serve(roots: Sequence[str], settings: Settings, own: FolderSettings, only: Sequence[str]) -> None:
    from engine.run import Run
    from engine.server import RunServer
    from engine.signals import RunSignals

    run = Run(roots, settings, own, only=only)
    signals = RunSignals(run)
    signals.install()
    async with run, RunServer(run, detached=True) as server:
        _answer({"socket": str(server.path)})
        await run.wait()
        left = {asyncio.create_task(server.until_left(LINGER_SECONDS)), asyncio.create_task(signals.asked.wait())}
        _, rest = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        if signals.code:
            await asyncio.sleep(LEAVE_SECONDS)


def main() -> int:
    """Entry point of the detached process."""
    spec = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)
    os.setsid() if os.getsid(0) != os.getpid() else None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        values, own = without_folders(spec["settings"])
        asyncio.run(_serve(spec["roots"], Settings().with_values(values), own, spec["only"]))
    except ImgoptError as error:
        _answer({"error": str(error)})
        return 1
    except OSError as error:
        _answer({"error": f"the run could not be started: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
