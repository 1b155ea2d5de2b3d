"""A run that never was: a ``RunView`` whose events advance by explicit steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from engine.errors import RunnerError
from engine.view import (
    BatchRow,
    Gauges,
    Hangup,
    ImageRow,
    ImageState,
    LogLine,
    Page,
    Phase,
    RunInfo,
    Totals,
    Update,
    Window,
    WorkerRow,
)

_WORDS = ("DSC_{:04}.jpg", "IMG_{:04}.JPG", "scan_{:04}.tif", "icon_{:04}.png", "pano_{:04}.webp")
_KINDS = ("jpeg", "jpeg", "tiff", "png", "webp")
WORKERS = 4


class FakeView:
    """Implements ``RunView``; ``calls`` lists the commands it got, ``asked`` the windows."""

    def __init__(self, images: int = 3000, batch_size: int = 75, names: Mapping[int, str] | None = None) -> None:
        self.count = images
        self.names = dict(names or {})
        self.states = bytearray(images)
        self.phase = Phase.RUNNING
        self.version = 0
        self.waits_for = ""
        self.workers = WORKERS
        self.calls: list[str] = []
        self.asked: list[Window] = []
        self.lines: list[LogLine] = []
        self.closed = self.watched = False
        self._changes: list[tuple[int, int]] = []
        self._news = asyncio.Event()
        self._next = 0
        self._gone = ""
        self._info = RunInfo(
            run_id="1a2b3c",
            pid=4242,
            host="web1",
            roots=("/srv/media/2026",),
            output="/srv/media/2026/optimized",
            batch_size=batch_size,
            started=1_790_000_000.0,
            summary="jpeg 82  webp 80  avif 60  png lossless",
        )

    @property
    def info(self) -> RunInfo:
        return self._info

    def set(self, index: int, state: ImageState) -> None:
        """Change one image; shown with the next ``publish``."""
        self.states[index] = state
        self._changes.append((index, int(state)))

    def step(self, images: int = 1) -> None:
        """Let some images end, the workers take the following ones."""
        for _ in range(images):
            if self._next >= self.count:
                break
            index = self._next
            self._next += 1
            self.set(index, self._ending(index))
        for ahead in range(self._next, min(self.count, self._next + self.workers)):
            self.set(ahead, ImageState.RUNNING)
        if self._next + self.workers < self.count and self._next % 7 == 0:
            self.set(self._next + self.workers, ImageState.HELD)
        if self._next >= self.count:
            self.phase = Phase.FINISHED

    def _ending(self, index: int) -> ImageState:
        if index % 211 == 100:
            self.log_line("error", f"{self.name(index)}: JPEG data ends early")
            return ImageState.FAILED
        if index % 97 == 50:
            return ImageState.SKIPPED
        return ImageState.KEPT if index % 29 == 7 else ImageState.DONE

    def log_line(self, level: str, text: str) -> None:
        self.lines.append(LogLine(len(self.lines), self._info.started + len(self.lines), level, text))

    def publish(self) -> None:
        """Announce an update."""
        self.version += 1
        self._news.set()

    def fail(self, sentence: str) -> None:
        """The runner is gone."""
        self._gone = sentence
        self._news.set()

    def name(self, index: int) -> str:
        return self.names.get(index, f"a{index // 400:02}/" + _WORDS[index % 5].format(index))

    def update(self, *, whole: bool) -> Update:
        counts = [self.states.count(state) for state in range(7)]
        through = sum(counts[3:])
        paid = (counts[3] + counts[4]) * 4_000_000
        totals = Totals(
            found=self.count,
            scanning=False,
            **dict(zip(("waiting", "held", "running", "done", "kept", "skipped", "failed"), counts, strict=True)),
            bytes_found=self.count * 4_000_000,
            bytes_in=paid,
            bytes_out=counts[3] * 2_156_000 + counts[4] * 4_000_000,
        )
        changes, self._changes = tuple(self._changes), []
        elapsed = through / 11.3
        return Update(
            version=self.version,
            phase=self.phase,
            waits_for=self.waits_for,
            elapsed=elapsed,
            eta=(self.count - through) / 11.3,
            rate=0.0 if self.phase.over else 11.3,
            workers_wanted=self.workers,
            totals=totals,
            gauges=Gauges(
                62.4,
                4.0,
                int(1.31 * 2**30),
                2 * 2**30,
                int(1.2 * 2**30),
                2**30,
                "cg",
                4 * 448 * 2**20,
                2**28,
                throttled=12.0,
                mem_stop=int(1.4 * 2**30),
                read_rate=12.5e6,
                write_rate=3.1e6,
                disks=(("/srv", 40 * 2**30, 64 * 2**20),),
            ),
            minute=tuple((8, 11, 14, 12, 9, 0)[at % 6] for at in range(60)),
            batch_last=6.6,
            batch_median=6.1,
            workers=tuple(self._worker(slot) for slot in range(self.workers)),
            batches_complete=through // self._info.batch_size,
            batches_open=2,
            log_lines=len(self.lines),
            message=next((line.text for line in reversed(self.lines) if line.level != "info"), ""),
            states=bytes(self.states) if whole else None,
            changes=() if whole else changes,
        )

    def _worker(self, slot: int) -> WorkerRow:
        index = self._next + slot
        stage = ("encode", "decode", "encode", "write")[slot % 4]
        rss = (312, 88, 431, 140)[slot % 4] * 2**20
        if index >= self.count:
            return WorkerRow(slot, 100 + slot, -1, "", "idle", 0, 60 * 2**20, 0, 0.0, 10)
        return WorkerRow(slot, 100 + slot, index, self.name(index), stage, 1.2, rss, 448 * 2**20, 97.0, 10)

    async def updates(self) -> AsyncIterator[Update]:
        yield self.update(whole=True)
        while not self.phase.over:
            await self._news.wait()
            self._news.clear()
            if self._gone:
                raise RunnerError(self._gone)
            yield self.update(whole=False)

    def row(self, index: int) -> ImageRow:
        state = ImageState(self.states[index])
        size = 2_000_000 + index * 7919 % 7_000_000
        out = {ImageState.DONE: int(size * 0.54), ImageState.KEPT: size}.get(state, 0)
        return ImageRow(
            index=index,
            path=self.name(index),
            state=int(state),
            slot=index % self.workers if state is ImageState.RUNNING or state.final else -1,
            stage="encode" if state is ImageState.RUNNING else "",
            reason="JPEG data ends early" if state is ImageState.FAILED else "",
            original_size=size,
            optimized_size=out,
            source_format=_KINDS[index % 5],
            target_format=_KINDS[index % 5] if out else "",
            width=6000 if out else 0,
            height=4000 if out else 0,
            quality=82 if state is ImageState.DONE else 0,
            seconds=0.35 if state.final else 0.0,
            stages=(0.01, 0.0, 0.3, 0.02, 0.02) if state.final else (),
            peak=240 * 2**20 if state.final else 0,
            options="effort=4" if state is ImageState.DONE else "",
            needs=180 * 2**20,
            target="/srv/media/2026/optimized/" + self.name(index) if out else "",
            source="/srv/media/2026/" + self.name(index),
        )

    async def rows(self, window: Window) -> Page:
        self.asked.append(window)
        await asyncio.sleep(0)
        matching: Sequence[int] = range(self.count)
        if window.text:
            matching = [index for index in matching if window.text.lower() in self.name(index).lower()]
        if window.states:
            matching = [index for index in matching if self.states[index] in window.states]
        if window.descending:
            matching = matching[::-1]
        wanted = matching[window.offset : window.offset + window.count]
        return Page(len(matching), tuple(self.row(index) for index in wanted))

    async def batches(self, first: int, count: int) -> tuple[BatchRow, ...]:
        size = self._info.batch_size
        out = []
        for batch in range(first, min(first + count, -(-self.count // size))):
            states = self.states[batch * size : (batch + 1) * size]
            finished = sum(state >= ImageState.DONE for state in states)
            failed = states.count(ImageState.FAILED)
            paid = finished * 4_000_000
            seconds = finished / 11.3
            out.append(
                BatchRow(
                    batch + 1, batch * size, len(states), finished, failed, paid, int(paid * 0.54), seconds,
                    finished == len(states),
                )
            )  # fmt: skip
        return tuple(out)

    async def log(self, first: int, count: int) -> tuple[LogLine, ...]:
        return tuple(self.lines[first : first + count])

    async def report(self) -> Mapping[str, Any]:
        return {
            **dict.fromkeys(("done", "kept", "skipped", "failed", "remaining", "bytesIn", "bytesOut", "savedBytes"), 1),
            **dict.fromkeys(("savedPercent", "meanRatio", "megabytesPerSecond", "peakMemory", "duration"), 44.5),
            "imagesPerSecond": 11.3,
            "batches": 40,
            "commonBatchSize": self._info.batch_size,
            "batchSeconds": {"median": 6.6, "p95": 9.1},
            "tasksPerWorker": {"minimum": 700, "mean": 750, "maximum": 800},
            "output": self._info.output,
        }

    async def pause(self) -> None:
        self.calls.append("pause")
        self.phase = Phase.PAUSED
        self.publish()

    async def resume(self) -> None:
        self.calls.append("resume")
        self.phase = Phase.RUNNING
        self.publish()

    async def set_workers(self, count: int) -> None:
        self.calls.append(f"workers {count}")
        self.workers = count
        self.publish()

    async def set_memory(self, limit: int | None) -> None:
        self.calls.append(f"memory {limit}")

    async def set_nice(self, nice: int) -> None:
        self.calls.append(f"nice {nice}")

    async def set_on_hangup(self, mode: Hangup) -> None:
        self.calls.append(f"on-hangup {mode.value}")

    async def cancel_images(self, paths: Sequence[str]) -> int:
        self.calls.append(f"cancel {' '.join(paths)}")
        return len(paths)

    async def retry_quarantined(self, paths: Sequence[str] = ()) -> int:
        self.calls.append(" ".join(["retry quarantined", *paths]))
        return len(paths)

    async def cancel(self, *, now: bool = False) -> None:
        self.calls.append("cancel now" if now else "cancel")
        self.phase = Phase.STOPPED if now else Phase.STOPPING
        self.publish()

    async def retry_failed(self) -> int:
        self.calls.append("retry")
        failed = [index for index, state in enumerate(self.states) if state == ImageState.FAILED]
        for index in failed:
            self.set(index, ImageState.WAITING)
        self.publish()
        return len(failed)

    async def watch(self) -> None:
        self.watched = True

    async def hang_up(self) -> None:
        self.calls.append("hang up")

    async def close(self) -> None:
        self.closed = True
