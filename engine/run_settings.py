"""The settings that say with what means a run works. Part of ``Settings``."""

from __future__ import annotations

from dataclasses import dataclass

from engine.floor import Floor
from engine.priority import IoClass
from engine.scan_settings import ScanSettings
from engine.schema import Kind, declare
from engine.states import Hangup

__all__ = ["RunSettings"]


@dataclass(frozen=True, slots=True)
class RunSettings(ScanSettings):
    """The section ``run``, beside the section ``scan``."""

    workers: int | None = declare(
        None,
        "run",
        Kind.WHOLE,
        "worker processes; not set: ¾ of the usable CPUs, at least 2, at most 24",
        low=1,
        high=256,
        flags=("-j", "--workers"),
    )
    memory_limit: int | None = declare(
        None,
        "run",
        Kind.SIZE,
        "memory of all processes together; not set: 60 % of the limit or 80 % of what is available",
        low=128 * 1024**2,
        high=2**50,
        flags=("--memory-limit",),
    )
    timeout: float | None = declare(
        None,
        "run",
        Kind.SECONDS,
        "time limit of one image; not set: 60 s, or ten times what its format and size predict",
        low=1,
        high=86_400,
        unit="s",
        flags=("--timeout",),
    )
    batch_size: int = declare(
        75, "run", Kind.WHOLE, "images in a batch", low=1, high=10_000, unit="images", flags=("--batch-size",)
    )
    min_free: Floor | None = declare(
        None,
        "run",
        Kind.FLOOR,
        "room to leave free where results, backups and records go; not set: 64M, at most 5 % of a file system",
        flags=("--min-free",),
    )
    on_full: str = declare(
        "auto",
        "run",
        Kind.CHOICE,
        "when there is no room; pause: wait for it, stop: end with exit code 4, auto: pause where somebody looks on",
        choices=("auto", "pause", "stop"),
        flags=("--on-full",),
    )

    fail_fast: bool = declare(
        False, "run", Kind.FLAG, "end at the first image that fails, with exit code 4", flags=("--fail-fast",)
    )
    nice: int | None = declare(
        None,
        "run",
        Kind.WHOLE,
        "priority of the workers, 0 to 19 (19: only what others leave); not set: that of the command itself",
        low=0,
        high=19,
        flags=("--nice",),
    )
    ionice: str = declare(
        IoClass.NORMAL.value,
        "run",
        Kind.CHOICE,
        "priority of the workers at the disk, on Linux; low: after all others, idle: only while nobody else uses it",
        choices=tuple(each.value for each in IoClass),
        flags=("--ionice",),
    )
    on_hangup: str = declare(
        Hangup.FINISH.value,
        "run",
        Kind.CHOICE,
        "when its terminal closes; finish: go on, pause: until attach lets it go on, stop: after the images in work",
        choices=tuple(each.value for each in Hangup),
        flags=("--on-hangup",),
    )
