"""Promises of the merger and the store."""

from __future__ import annotations

import asyncio
import random
import time

from engine.catalog import Catalog, Folder
from engine.events import Event, Finished, Held, Queued, Retried, StageChanged, Started, WorkerGone, WorkerReady
from engine.job import Outcome, Stage, Status
from engine.metrics import ParallelProcessingMetrics
from engine.progress import CHANGES_KEPT, BatchedProgress, RunState
from engine.view import ImageState

DONE = Outcome(Status.DONE, original_size=100, optimized_size=40)


def state_of(images: int) -> RunState:
    state = RunState(Catalog(), ParallelProcessingMetrics(75))
    folder = state.catalog.add_folder(Folder("/in", "/out", ""))
    for number in range(images):
        state.added(state.catalog.add(folder, f"{number}.jpg", 100, f"{number}.jpg"), 100)
    state.metrics.planned(images)
    return state


async def test_a_storm_of_events_is_ten_updates_a_second_and_nothing_final_is_dropped() -> None:
    images = 25_000
    state = state_of(images)
    progress = BatchedProgress(state)
    progress.start()
    versions: list[float] = []
    mirror = bytearray(images)

    async def watch() -> None:
        version = -1
        while state.through < images:
            await progress.changed()
            versions.append(time.monotonic())
            changes = state.changes_since(version)
            for index in range(images) if changes is None else changes:
                mirror[index] = state.catalog.states[index]
            version = state.version

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    began = time.monotonic()
    for start in range(0, images, 500):
        for index in range(start, start + 500):
            progress.put(Started(index, index % 4))
            progress.put(StageChanged(index, index % 4, Stage.DECODE))
            progress.put(StageChanged(index, index % 4, Stage.ENCODE))
            progress.put(Finished(index, index % 4, DONE))
        await asyncio.sleep(max(0.0, began + (start + 500) / images - time.monotonic()))  # 100,000 over one second
    await watcher
    await progress.close()
    seconds = versions[-1] - began
    assert len(versions) <= 10 * seconds + 2
    assert state.counts[ImageState.DONE] == images
    assert mirror == state.catalog.states
    assert state.metrics.completed_batches == state.metrics.total_batches
    assert state.totals().saved == images * 60


async def test_everything_put_before_the_close_is_in_the_last_version() -> None:
    state = state_of(10)
    progress = BatchedProgress(state)
    progress.start()
    for index in range(10):
        progress.put(Finished(index, 0, DONE))
    await progress.close()
    assert state.through == 10
    assert state.changes_since(0) is not None


def test_counts_always_sum_up_to_the_images() -> None:
    rng = random.Random(1)
    state = state_of(50)
    state.fold(WorkerReady(0, 1))
    state.fold(WorkerReady(1, 2))
    for _ in range(3_000):
        index, slot = rng.randrange(50), rng.randrange(2)
        if ImageState(state.catalog.states[index]).final:
            continue
        kinds: list[Event] = [Started(index, slot), Held(index, 7), Queued(index), Retried(index, "x")]
        kinds += [StageChanged(index, slot, Stage.ENCODE, 5), Finished(index, slot, DONE), WorkerGone(slot, 9, "x")]
        state.fold(rng.choice(kinds))
        assert sum(state.counts) == 50
        assert min(state.counts) >= 0
        assert state.counts == [state.catalog.states.count(value) for value in range(len(ImageState))]


def test_a_client_gets_what_changed_since_its_version_or_everything() -> None:
    state = state_of(300)
    state.publish()
    assert state.changes_since(-1) is None
    for index in range(CHANGES_KEPT + 50):
        state.fold(Finished(index, 0, DONE))
        state.publish()
    assert state.changes_since(state.version) == ()
    assert set(state.changes_since(state.version - 3) or ()) == {147, 148, 149}
    assert state.changes_since(1) is None
    assert state.changes_since(state.version + 1) is None


def test_workers_are_shown_as_they_come_work_and_go() -> None:
    state = state_of(3)
    state.fold(WorkerReady(0, 11))
    state.fold(Started(1, 0))
    state.fold(StageChanged(1, 0, Stage.ENCODE, 99))
    worker = state.workers[0]
    assert (worker.pid, worker.index, worker.stage, worker.allowance) == (11, 1, "encode", 99)
    state.fold(WorkerGone(0, 11, "worker died (9, SIGKILL)"))
    state.fold(Retried(1, "worker died (9, SIGKILL)"))
    assert (worker.pid, worker.index, worker.stage, state.retried) == (0, -1, "idle", 1) or worker.stage == "starting"
    state.fold(WorkerReady(0, 12))
    state.fold(WorkerGone(0, 12, ""))
    assert state.workers == {}


def test_an_outcome_without_a_size_takes_the_scans() -> None:
    state = state_of(1)
    state.fold(Finished(0, 0, Outcome(Status.FAILED, "worker died")))
    assert (state.bytes_through, state.catalog.original(0), state.catalog.optimized(0)) == (100, 100, 100)


def test_an_image_done_again_counts_once() -> None:
    state = state_of(1)
    state.fold(Finished(0, 0, Outcome(Status.FAILED, "x", original_size=100, optimized_size=100)))
    state.again(0)
    assert (state.through, state.bytes_through, state.totals().waiting) == (0, 0, 1)
    state.fold(Finished(0, 0, DONE))
    assert (state.through, state.bytes_through, state.totals().failed) == (1, 100, 0)
