"""What an attached dashboard costs a run: ``python -m tests.benchmarks.dashboard_cost --help``.

The same run by a detached runner, without a screen and with ``imgopt-tui attach`` on a pseudo-terminal. The run is held
until the dashboard has drawn, so that its start does not count, then let go and timed by the runner's own clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.monitor import usable_cpus
from engine.remote import RemoteRun
from engine.runner import launch
from engine.settings import Settings
from engine.view import Phase
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show
from tests.benchmarks.process import REPOSITORY, isolate, module, timed
from tests.benchmarks.throughput import default_images
from tests.terminal import Terminal

ALONE, WATCHED = "without", "with a dashboard"
DRAWN_BYTES = 2_000
"""A screen that has sent this much has drawn itself."""
SETTLE_SECONDS = 2.0
"""After that, for its start to be over."""
START_SECONDS = 30.0
POLL_SECONDS = 0.25


class Dashboard(Terminal):
    """``imgopt-tui attach`` on a terminal that is read all the time."""

    async def drawn(self) -> None:
        """Until it has drawn itself; raises RuntimeError when it does not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + START_SECONDS
        while len(self.raw) < DRAWN_BYTES:
            if self.process.poll() is not None or loop.time() > end:
                raise RuntimeError(f"the dashboard does not come up: {self.raw.decode(errors='replace')}")
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)


class Bench:
    """The folders and what is known of the dashboards."""

    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given = given
        self.source, self.output = folder / "sources", folder / "output"
        self.cpu: list[float] = []
        """Of each watched run: the dashboard's share of one CPU, 0–1."""
        self.painted: list[float] = []
        """Of each watched run: bytes a second sent to the terminal."""

    def run(self, watched: bool, number: int) -> Sample:
        """One run; its sample is seconds an image."""
        shutil.rmtree(self.output, ignore_errors=True)
        return asyncio.run(self._run(watched))

    async def _run(self, watched: bool) -> Sample:
        given = {"output": str(self.output), "workers": self.given.processes, "quality": 80}
        view = await launch([str(self.source)], Settings().with_values(given))
        try:
            await view.pause()
            async for update in view.updates():
                if update.phase is Phase.PAUSED and not update.totals.scanning and not update.totals.running:
                    break
            with self._watching(view.info.run_id, watched) as dashboard:
                if dashboard is not None:
                    await dashboard.drawn()
                return await self._timed(view, dashboard)
        finally:
            await view.close()
            # A runner answers for a while after its run; nothing of it is wanted any more.
            with contextlib.suppress(ProcessLookupError):
                os.kill(view.info.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def _watching(self, run_id: str, watched: bool) -> Iterator[Dashboard | None]:
        if not watched:
            yield None
            return
        dashboard = Dashboard(("attach", run_id), (self.given.columns, self.given.lines), emulates=False)
        try:
            yield dashboard
        finally:
            dashboard.close()

    async def _timed(self, view: RemoteRun, dashboard: Dashboard | None) -> Sample:
        before = await view.report()
        cpu, painted = (dashboard.cpu(), len(dashboard.raw)) if dashboard else (0.0, 0)
        await view.resume()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            after = await view.report()
            if Phase(after["phase"]).over:
                break
        seconds = after["duration"] - before["duration"]
        images = after["processed"] - before["processed"]
        if images < self.given.count // 2:
            raise RuntimeError("most of the run was over before it could be held; use more images")
        if after["failed"] or after["remaining"]:
            raise RuntimeError(f"{after['failed']} images failed, {after['remaining']} were not done")
        if dashboard:
            if dashboard.process.poll() is not None:
                raise RuntimeError(
                    f"the dashboard ended early: {dashboard.raw[-DRAWN_BYTES:].decode(errors='replace')}"
                )
            self.cpu.append((dashboard.cpu() - cpu) / seconds)
            self.painted.append((len(dashboard.raw) - painted) / seconds)
        return Sample(seconds / images)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="dashboard_cost", description=__doc__)
    parser.add_argument("--images", type=Path, default=default_images(), metavar="DIR", help="photos to cut from")
    parser.add_argument("--count", type=int, default=150, help="photos of 1–2.5 MP in the run (default 150)")
    parser.add_argument("-j", "--processes", type=int, default=max(1, round(usable_cpus())), help="default: the CPUs")
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--lines", type=int, default=40)
    add_options(parser)
    return parser.parse_args()


def main() -> None:
    given = parse()
    with tempfile.TemporaryDirectory(prefix="imgopt-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        isolate(folder)
        bench = Bench(given, folder)
        say(f"making {given.count} images from {given.images} …")
        paths = ["--from", given.images.resolve(), "--to", bench.source, "--count", given.count]
        timed(module("photos", *paths), cwd=REPOSITORY, pixels=True)
        contenders = [Contender(ALONE, partial(bench.run, False)), Contender(WATCHED, partial(bench.run, True))]
        samples = interleave(contenders, given.rounds, say)
    taken = {name: [one.seconds for one in rounds] for name, rounds in samples.items()}
    rates = {name: Spread.of([1 / seconds for seconds in rounds]) for name, rounds in taken.items()}
    kept = ratio(taken[ALONE], taken[WATCHED])
    loss = Spread((1 - kept.median) * 100, (1 - kept.high) * 100, (1 - kept.low) * 100)
    cpu, painted = Spread.of([share * 100 for share in bench.cpu]), Spread.of([rate / 1024 for rate in bench.painted])
    lines = [
        *(f"{name}: {rate.text(2)} images/s" for name, rate in rates.items()),
        f"throughput with a dashboard to without: {kept.text()}, a loss of {loss.text(1)} %",
        f"the dashboard itself: {cpu.text(1)} % of one CPU, {painted.text(1)} KiB/s to a terminal of "
        f"{given.columns} × {given.lines}",
    ]
    what = {"images": given.count, "processes": given.processes, "columns": given.columns, "lines": given.lines}
    costs = {"throughput": kept, "lossPercent": loss, "dashboardCpuPercent": cpu, "paintedKiBPerSecond": painted}
    show(
        "dashboard cost", {**what, "rounds": given.rounds, "imagesPerSecond": rates, **costs}, lines, as_json=given.json
    )


if __name__ == "__main__":
    main()
