"""The settings that say when a folder that is watched has something to do. Part of ``Settings``."""

from __future__ import annotations

from dataclasses import dataclass

from engine.run_settings import RunSettings
from engine.schema import Kind, declare

__all__ = ["WatchSettings"]


@dataclass(frozen=True, slots=True)
class WatchSettings(RunSettings):
    """The section ``watch``, beside those of every run."""

    settle: float = declare(
        2.0,
        "watch",
        Kind.SECONDS,
        "how long a new or changed file must lie still before it is done",
        low=0.1,
        high=3600,
        unit="s",
        flags=("--settle",),
    )
    rescan: float | None = declare(
        None,
        "watch",
        Kind.SECONDS,
        "look through the whole tree so often as well, for folders of other machines (NFS, SMB), which tell nothing; "
        "not set: every 30 s where this system does not tell of changes, else never",
        low=1,
        high=86_400,
        unit="s",
        flags=("--rescan",),
    )
    catch_up: bool = declare(
        True,
        "watch",
        Kind.FLAG,
        "begin with what is there already and not done yet",
        flags=("--catch-up", "--no-catch-up"),
    )
