"""Loading asyncio without TLS: no connection of ours leaves the machine by asyncio, and loading TLS takes as long as
half of asyncio itself."""

from __future__ import annotations

import sys

__all__ = ["load_asyncio"]


def load_asyncio() -> None:
    """Load asyncio, in the form it has where Python was built without TLS; does nothing when either is here already.
    Others can load ``ssl`` afterwards as always."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # how Python is told that there is no such module
    try:
        import asyncio  # noqa: F401  # to have it loaded is all that is wanted
    finally:
        del sys.modules["ssl"]
