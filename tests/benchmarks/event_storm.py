"""Events faster than any pool sends them: ``python -m tests.benchmarks.event_storm --help``.

100,000 events within one second go through ``BatchedProgress``. The peer is a bare ``asyncio.Queue`` that gets the same
events at the same pace and is emptied as often, without a look at them: the difference is what merging costs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.catalog import Catalog, Folder
from engine.events import Event, Finished, StageChanged, Started, WorkerReady
from engine.job import Outcome, Stage, Status
from engine.metrics import ParallelProcessingMetrics
from engine.progress import INTERVAL, BatchedProgress, RunState
from tests.benchmarks.pairing import Contender, Sample, Spread, add_options, interleave, ratio, say, show

SECOND = 1.0
STEPS = 100
"""Portions in which the events of the second are fed."""
EVENTS_AN_IMAGE = 4
BATCH = 75
STATUSES = (Status.DONE, Status.DONE, Status.KEPT, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Storm:
    """What one storm came to."""

    updates: float
    """Versions announced a second."""
    lost: int
    """Images that ended and are not final in the store, or that ``on_event`` did not see."""
    block: float
    """The longest time the event loop was away, in seconds."""
    feed: float
    """Seconds from the first event to the last."""
    cpu: float
    """CPU seconds of handing over and taking in."""


def make_events(images: int, workers: int) -> list[Event]:
    """Four events an image, with as many images under way at once as there are workers."""
    events: list[Event] = []
    for first in range(0, images, workers):
        group = [(index, index % workers) for index in range(first, min(first + workers, images))]
        events += [Started(index, slot) for index, slot in group]
        for stage in (Stage.DECODE, Stage.ENCODE):
            events += [StageChanged(index, slot, stage, 50_000_000) for index, slot in group]
        events += [Finished(index, slot, _outcome(index)) for index, slot in group]
    return events


def _outcome(index: int) -> Outcome:
    status = STATUSES[index % len(STATUSES)]
    reason = "" if status is Status.DONE else "a reason"
    return Outcome(status, reason, original_size=1000, optimized_size=600, source_format="jpeg", target_format="jpeg")


def make_state(images: int, workers: int) -> RunState:
    """A store that knows the images and the workers."""
    catalog = Catalog()
    state = RunState(catalog, ParallelProcessingMetrics(BATCH))
    folder = catalog.add_folder(Folder("/photos", "/photos/optimized", ""))
    for index in range(images):
        state.added(catalog.add(folder, f"photo-{index:06}.jpg", 1000, f"photo-{index:06}.jpg"), 1000)
    state.metrics.planned(images)
    state.scanning = False
    for slot in range(workers):
        state.fold(WorkerReady(slot, 1000 + slot))
    return state


async def feed(events: Sequence[Event], put: Callable[[Event], None]) -> float:
    """Hand all events over, evenly over one second; returns the seconds it took."""
    began = time.perf_counter()
    portion = -(-len(events) // STEPS)
    for step in range(STEPS):
        for event in events[step * portion : (step + 1) * portion]:
            put(event)
        await asyncio.sleep(max(0.0, began + (step + 1) * SECOND / STEPS - time.perf_counter()))
    return time.perf_counter() - began


async def _watch_loop(gaps: list[float]) -> None:
    """Note how late a timer of 1 ms comes."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        gaps.append(time.perf_counter() - began - 0.001)


async def _paced(
    events: Sequence[Event], put: Callable[[Event], None], finish: Callable[[], Awaitable[None]]
) -> tuple[float, float, float]:
    """Feed and finish; seconds of the feeding, CPU seconds of both, and how long the loop was away at most."""
    gaps = [0.0]
    watch = asyncio.create_task(_watch_loop(gaps))
    gc.collect()
    cpu = time.process_time()
    seconds = await feed(events, put)
    await finish()
    cpu = time.process_time() - cpu
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    return seconds, cpu, max(gaps)


async def merged(events: Sequence[Event], images: int, workers: int) -> Storm:
    """The storm through ``BatchedProgress``."""
    state = make_state(images, workers)
    ended: set[int] = set()
    progress = BatchedProgress(state, on_event=lambda e: ended.add(e.index) if isinstance(e, Finished) else None)
    progress.start()
    versions: list[int] = []

    async def finish() -> None:
        versions.append(state.version)
        await progress.close()

    seconds, cpu, block = await _paced(events, progress.put, finish)
    right = sum(state.catalog.status(index) is STATUSES[index % len(STATUSES)] for index in range(images))
    return Storm(versions[0] / seconds, images - min(right, len(ended)), block, seconds, cpu)


async def bare(events: Sequence[Event]) -> Storm:
    """The peer: in and out of a queue at the same pace."""
    queue: asyncio.Queue[Event] = asyncio.Queue()

    async def empty() -> None:
        while True:
            await queue.get()
            while not queue.empty():
                queue.get_nowait()
            await asyncio.sleep(INTERVAL)

    task = asyncio.create_task(empty())

    async def finish() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    seconds, cpu, block = await _paced(events, queue.put_nowait, finish)
    return Storm(0.0, 0, block, seconds, cpu)


def fold_cost(events: Sequence[Event], images: int, workers: int) -> float:
    """CPU seconds of folding all events into a store, without loop and queue."""
    state = make_state(images, workers)
    gc.collect()
    cpu = time.process_time()
    for event in events:
        state.fold(event)
    return time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(prog="event_storm", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=24)
    add_options(parser)
    given = parser.parse_args()
    images = given.events // EVENTS_AN_IMAGE
    events = make_events(images, given.workers)
    storms: list[Storm] = []
    folds: list[float] = []

    def merge(number: int) -> Sample:
        folds.append(fold_cost(events, images, given.workers))
        storms.append(asyncio.run(merged(events, images, given.workers)))
        return Sample(storms[-1].feed, storms[-1].cpu)

    def pass_on(number: int) -> Sample:
        storm = asyncio.run(bare(events))
        return Sample(storm.feed, storm.cpu)

    contenders = [Contender("merged", merge), Contender("bare queue", pass_on)]
    samples = interleave(contenders, given.rounds, say)
    micros = {name: Spread.of([one.cpu / len(events) * 1e6 for one in taken]) for name, taken in samples.items()}
    fold = Spread.of([seconds / len(events) * 1e6 for seconds in folds])
    cost = ratio([one.cpu for one in samples["merged"]], [one.cpu for one in samples["bare queue"]])
    updates = Spread.of([storm.updates for storm in storms])
    block, lost = Spread.of([storm.block * 1000 for storm in storms]), sum(storm.lost for storm in storms)
    lines = [
        f"{len(events):,} events of {images:,} images in {Spread.of([one.feed for one in storms]).text(2)} s",
        f"updates a second: {updates.text(1)}",
        f"images that ended and were dropped: {lost}",
        f"CPU an event: merged {micros['merged'].text(2)} µs (folding alone {fold.text(2)} µs), "
        f"bare queue {micros['bare queue'].text(2)} µs, ratio {cost.text(2)}",
        f"longest the loop was away: {block.text(1)} ms",
    ]
    counts = {"events": len(events), "images": images, "workers": given.workers, "rounds": given.rounds}
    costs = {"microsecondsAnEvent": {**micros, "folding alone": fold}, "ratio": cost, "blockMilliseconds": block}
    show("event storm", {**counts, "updatesPerSecond": updates, "lost": lost, **costs}, lines, as_json=given.json)


if __name__ == "__main__":
    main()
