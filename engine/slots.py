"""What the pool knows of one worker and of the images it has been given."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from engine.deaths import TOOK_LONGER
from engine.job import Job, Outcome, Recipe, Status
from engine.link import WorkerLink
from engine.policy import Overwrite

DEFAULT_TIMEOUT = 60.0
"""Least time limit of an image in seconds."""
TIMEOUT_FACTOR = 10.0
"""Times its predicted CPU seconds an image may take."""
HANDSHAKE_SECONDS = 30.0
ANSWER_SECONDS = 30.0
"""How long a worker may be silent that has images and has begun none, or was asked to end and has none."""
STALL_SECONDS = 2.0
"""Limits looked at so late mean that this process was stopped, its workers most likely with it: no time has passed."""
QUEUE_BYTES = 256 * 1024
"""Bytes of sources that wait at a worker: enough work to outlast a round trip to the parent."""
QUEUE_IMAGES = 16
"""Images that wait at a worker at most; one where their size is not known."""
GROWTH_BYTES = 64 * 1024**2
"""A worker that holds so much more between two images than before its first is replaced."""
IMAGES_PER_WORKER = 10_000
"""Images after which a worker is replaced in any case: whatever leaks below the growth that is noticed."""

__all__ = ["Assigned", "Slot", "status_before"]


@dataclass(slots=True)
class Assigned:
    """One image at a worker."""

    job: Job
    temp: str
    """File name of the temp it would leave behind."""
    before: os.stat_result | None = None
    """What lay at the target at dispatch; see ``status_before``."""
    needs: int = 0
    """Bytes of memory predicted from its header; 0 before that is read."""
    started: float | None = None
    """By the pool's clock; None while it waits behind another."""
    limit: float = 0.0
    """Seconds it may take."""
    writing: bool = False
    """The worker has gone on to the next image and only the write is left."""

    def probed(self, needs: int, seconds: float, timeout: float | None) -> None:
        """Its header says that it needs so many bytes of memory and CPU seconds; ``timeout`` is what the user set."""
        self.needs = needs
        if timeout is None:
            self.limit = max(DEFAULT_TIMEOUT, TIMEOUT_FACTOR * seconds)

    def written_already(self) -> Outcome | None:
        """The outcome of an image whose worker died after the result had its name and before it could say so; None
        when nothing proves that, and another try does no harm."""
        job, before = self.job, self.before
        if self.started is None or job.trial or (job.in_place and before is None):
            return None
        try:
            now = os.stat(job.target, follow_symlinks=False)
        except OSError:
            return None
        if job.in_place and before is not None:
            # Our result is another file with the time of the old one; what somebody else put there has its own.
            ours = (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino) and now.st_mtime_ns == before.st_mtime_ns
        else:
            ours = job.recipe.policy.overwrite is not Overwrite.ALL and before is None
        if not ours or not stat.S_ISREG(now.st_mode):
            return None
        size = before.st_size if before is not None else job.size
        reason = f"{'replaced' if job.in_place else 'written'}; its worker died right after"
        return Outcome(Status.DONE, reason, job.target, original_size=size, optimized_size=now.st_size)


@dataclass(slots=True)
class Slot:
    """One worker's place in the pool; a replacement worker gets a new one with the same number."""

    number: int
    token: str
    """Random part of its temps' names."""
    spawned: float
    looked: float = 0.0
    """When its limits were last looked at."""
    heard: float | None = None
    """When it was last known to be alive; None: since the last look."""
    leaving: bool = False
    """It was asked to end."""
    link: WorkerLink | None = None
    """None until the process runs."""
    ready: bool = False
    retiring: bool = False
    """It gets no more images and ends after those it has."""
    worn: bool = False
    """Another one is to take its place; it works on until that is ready."""
    done: int = 0
    """Images it has finished."""
    first: int = 0
    """Resident bytes before its first image."""
    resident: int = 0
    """Resident bytes between two images, as it last said."""
    recalling: bool = False
    filling: bool = True
    """Whether it is being given images until its queue is full."""
    recipes: list[Recipe] = field(default_factory=list)
    """Those that this worker has been told, each at its number."""
    tasks: dict[int, Assigned] = field(default_factory=dict)

    @property
    def current(self) -> Assigned | None:
        """The image being worked on."""
        return next((task for task in self.tasks.values() if task.started is not None and not task.writing), None)

    @property
    def queued(self) -> list[Assigned]:
        """Images it has and has not started."""
        return [task for task in self.tasks.values() if task.started is None]

    @property
    def sources(self) -> list[str]:
        """Paths of the images it has started."""
        return [task.job.source for task in self.tasks.values() if task.started is not None]

    def wear(self) -> str:
        """Why a fresh process should take its place; empty when none need."""
        if self.resident - self.first > GROWTH_BYTES:
            return f"it holds {(self.resident - self.first) >> 20} MiB more than when it started"
        return f"it has done {self.done:,} images" if self.done >= IMAGES_PER_WORKER else ""

    def overdue(self, now: float) -> str:
        """Why it must be killed; empty when it need not."""
        if self.looked and now - self.looked > STALL_SECONDS:
            self._forgive(now - self.looked, now)
        self.looked = now
        if self.heard is None:
            self.heard = now
        if not self.ready and now - self.spawned > HANDSHAKE_SECONDS:
            return "did not answer the handshake"
        idle = all(task.started is None for task in self.tasks.values())
        if self.ready and idle and (self.tasks or self.leaving) and now - self.heard > ANSWER_SECONDS:
            return "did not answer"
        # A library that holds the interpreter's lock keeps the writer of the images before from its work.
        more = self.current.limit if self.current is not None else 0.0
        late = (
            task
            for task in self.tasks.values()
            if task.started is not None and now - task.started > task.limit + (more if task.writing else 0.0)
        )
        return next((f"{TOOK_LONGER} {task.limit:g} s" for task in late), "")

    def _forgive(self, seconds: float, now: float) -> None:
        self.spawned, self.heard = min(now, self.spawned + seconds), None
        for task in self.tasks.values():
            if task.started is not None:
                task.started = min(now, task.started + seconds)

    @property
    def empty(self) -> bool:
        """Whether it has nothing to work on and nothing behind it."""
        return all(task.writing for task in self.tasks.values())

    @property
    def has_room(self) -> bool:
        """Whether it takes another image: to work on, or to wait behind one (several, where they are small)."""
        queued = self.queued
        if self.current is None:
            queued = queued[1:]
        size = sum(task.job.size or QUEUE_BYTES for task in queued)
        full = size >= QUEUE_BYTES or len(queued) >= QUEUE_IMAGES
        # Filled up when half empty: several small images go out in one message.
        if 2 * size < QUEUE_BYTES and 2 * len(queued) <= QUEUE_IMAGES:
            self.filling = True
        elif full:
            self.filling = False
        return self.filling and not full

    def start(self, index: int, now: float, timeout: float | None) -> bool:
        """The worker opened image ``index``; whatever it had before is only being written. False if it has it not.
        ``timeout``: the time limit that the user set."""
        task = self.tasks.get(index)
        for other in self.tasks.values():
            other.writing = other.started is not None
        if task is None:
            return False
        task.started, task.limit, task.writing = now, timeout or DEFAULT_TIMEOUT, False
        self.recalling = False
        return True

    def give(self, task: Assigned) -> None:
        """It has been sent an image."""
        if not self.tasks:
            self.heard = None
        self.tasks[task.job.index] = task

    def send(self, task: Assigned, allowance: int) -> None:
        """Send it an image that may take ``allowance`` bytes, and what it was not told of the recipe before."""
        job = task.job
        assert self.link is not None
        number = next((number for number, known in enumerate(self.recipes) if known is job.recipe), None)
        if number is None:
            number = len(self.recipes)
            self.recipes.append(job.recipe)
            self.link.send(recipe=number, value=job.recipe.to_json())
        self.give(task)
        more: dict[str, object] = {"careful": True} if job.careful else {}
        if job.base:
            more["base"] = job.base
        if job.origin:
            more["origin"] = job.origin
        if job.trial:
            more["trial"] = True
        paths = {"source": job.source, "target": job.target, "temp": task.temp}
        self.link.send(task=job.index, recipe=number, allowance=allowance, **paths, **more)

    def tell_factors(self, factors: dict[str, float]) -> None:
        """Say by what predictions of memory are to be corrected from now on."""
        if self.ready and self.link is not None:
            self.link.send(factors=factors)

    def recall(self) -> None:
        """Ask for every image back that it has not started."""
        for task in self.queued:
            self.recalling = True
            if self.link is not None:
                self.link.send(recall=task.job.index)

    def end(self, *, now: bool) -> None:
        """Let it end: after what it has, or at once. One that is just being started ends as soon as it is."""
        if self.link is not None and now:
            self.link.kill("the run was stopped")
        elif self.link is not None:
            self._leave()

    def retire(self) -> None:
        """Let it end once nothing waits behind its image, if it is to go."""
        if self.retiring and not self.queued and self.link is not None:
            self._leave()

    def _leave(self) -> None:
        if self.link is not None:
            self.leaving, self.heard = True, None
            self.link.send(exit=True)


def status_before(job: Job) -> os.stat_result | None:
    """What lies at the target before the image is begun; None for nothing, or where a second write does no harm."""
    if not job.in_place and job.recipe.policy.overwrite is Overwrite.ALL:
        return None
    try:
        return os.stat(job.target, follow_symlinks=False)
    except OSError:
        return None
