"""What the pool knows of one worker and of the images it has been given."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from engine.deaths import TOOK_LONGER
from engine.job import Job, Outcome, Status
from engine.link import WorkerLink

HANDSHAKE_SECONDS = 30.0
QUEUE_BYTES = 256 * 1024
"""Bytes of sources that wait at a worker: enough work to outlast a round trip to the parent."""
QUEUE_IMAGES = 16
"""Images that wait at a worker at most; one where their size is not known."""

__all__ = ["Assigned", "Slot", "inode", "replaced_outcome"]


@dataclass(slots=True)
class Assigned:
    """One image at a worker."""

    job: Job
    temp: str
    """File name of the temp it would leave behind."""
    inode: tuple[int, int] | None
    """Device and inode of the source at dispatch, in place only: another one later proves that it was replaced."""
    needs: int = 0
    """Bytes of memory predicted from its header; 0 before that is read."""
    started: float | None = None
    """By the pool's clock; None while it waits behind another."""
    limit: float = 0.0
    """Seconds it may take."""
    writing: bool = False
    """The worker has gone on to the next image and only the write is left."""


@dataclass(slots=True)
class Slot:
    """One worker's place in the pool; a replacement worker gets a new one with the same number."""

    number: int
    token: str
    """Random part of its temps' names."""
    spawned: float
    link: WorkerLink | None = None
    """None until the process runs."""
    ready: bool = False
    retiring: bool = False
    recalling: bool = False
    filling: bool = True
    """Whether it is being given images until its queue is full."""
    recipes: dict[int, int] = field(default_factory=dict)
    """``id`` of a recipe → its number at this worker."""
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

    def overdue(self, now: float) -> str:
        """Why it must be killed; empty when it need not."""
        if not self.ready and now - self.spawned > HANDSHAKE_SECONDS:
            return "did not answer the handshake"
        late = (task for task in self.tasks.values() if task.started is not None and now - task.started > task.limit)
        return next((f"{TOOK_LONGER} {task.limit:g} s" for task in late), "")

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

    def start(self, index: int, now: float, limit: float) -> bool:
        """The worker opened image ``index``; whatever it had before is only being written. False if it has it not."""
        task = self.tasks.get(index)
        for other in self.tasks.values():
            other.writing = other.started is not None
        if task is None:
            return False
        task.started, task.limit, task.writing = now, limit, False
        self.recalling = False
        return True

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
            self.link.send(exit=True)

    def retire(self) -> None:
        """Let it end once nothing waits behind its image, if it is to go."""
        if self.retiring and not self.queued and self.link is not None:
            self.link.send(exit=True)


def inode(path: str) -> tuple[int, int] | None:
    """Device and inode of what lies at ``path``; None for nothing."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def replaced_outcome(job: Job) -> Outcome:
    """For an image whose worker died after the rename and before it could say so."""
    size = os.stat(job.source).st_size
    reason = "replaced; its worker died right after"
    return Outcome(Status.DONE, reason, job.target, original_size=job.size, optimized_size=size)
