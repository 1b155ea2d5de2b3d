"""The runner's protocol: frames of JSON over a Unix socket.

A frame is its length in four bytes (big-endian) and that many bytes of ASCII JSON. The server greets with
``{"hello": PROTOCOL, "info": {…}, "over": BOOL}``; a client sends ``{"id": N, "call": NAME, "with": {…}}`` and gets
``{"id": N, "value": …}`` or ``{"id": N, "error": TEXT}``. ``updates`` answers when there is something newer than the
version the client has, so one reply is outstanding and a client that stops reading fills nobody's memory.
"""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from engine.compact_json import compact
from engine.errors import RunnerError
from engine.view import Gauges, Phase, Totals, Update, WorkerRow

__all__ = ["PROTOCOL", "from_json", "read_frame", "to_json", "update_from_json", "update_to_json", "write_frame"]

PROTOCOL = 1
"""Raised when a frame changes its meaning; ``cancel`` keeps its form in every version."""
MAX_FRAME_BYTES = 16 * 1024**2
T = TypeVar("T")


def to_json(value: Any) -> dict[str, Any]:
    """A frozen value as a JSON-ready dict."""
    return asdict(value)


def from_json(kind: type[T], value: Mapping[str, Any]) -> T:
    """The reverse of ``to_json`` for a flat value; unknown keys are dropped so that a newer peer may add some."""
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # T is always a dataclass here
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in value.items() if key in known})


async def read_frame(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next frame; raises EOFError at the end of the stream, RunnerError for one that is not ours."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size > MAX_FRAME_BYTES:
            raise RunnerError("the other side sent a frame that is too large")
        value = json.loads(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise EOFError from None
    except ValueError:
        raise RunnerError("the other side does not speak this protocol") from None
    if not isinstance(value, dict):
        raise RunnerError("the other side does not speak this protocol")
    return value


async def write_frame(writer: asyncio.StreamWriter, value: Mapping[str, Any]) -> None:
    """Send a frame and wait until the stream takes more; raises ConnectionError when the other side is gone."""
    body = compact(value).encode("ascii")
    writer.write(len(body).to_bytes(4, "big") + body)
    await writer.drain()


def update_to_json(update: Update) -> dict[str, Any]:
    """An update as JSON; the state bytes are compressed."""
    states = update.states
    value = to_json(replace(update, states=None, changes=()))
    value["changes"] = update.changes
    if states is not None:
        value["states"] = base64.b64encode(zlib.compress(states, 1)).decode("ascii")
    return value


def update_from_json(value: Mapping[str, Any]) -> Update:
    """The reverse of ``update_to_json``."""
    states = value.get("states")
    update = from_json(Update, value)
    return replace(
        update,
        phase=Phase(value["phase"]),
        totals=from_json(Totals, value["totals"]),
        gauges=from_json(Gauges, value["gauges"]),
        workers=tuple(from_json(WorkerRow, worker) for worker in value["workers"]),
        changes=tuple((index, state) for index, state in value["changes"]),
        states=None if states is None else zlib.decompress(base64.b64decode(states)),
    )
