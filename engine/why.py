"""Why an image ended as it did, for programs; the reason beside it is for people."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Why"]


class Why(StrEnum):
    """Only what something is decided by."""

    NONE = ""
    DONE_ALREADY = "done already"
    """An earlier run did it with the same settings, and its result stands."""
    OWN_LOSSY = "own lossy result"
    """It was encoded with loss by us, and the original it was made from is not kept."""
    QUARANTINED = "quarantined"
    """It crashed or hung workers before."""
    CRASHED = "crashed"
    """Its worker crashed with it, or was ended because it took too long."""
    BAD_SETTINGS = "bad settings"
    """A project file that holds for it has problems."""
    NAME_TAKEN = "name taken"
    """A file that is not to be replaced has the name of its result."""
    CANCELLED = "cancelled"
    """Somebody who watched the run did not want it."""
