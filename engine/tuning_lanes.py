"""Tuning inside a worker: requests come in as messages, and two threads answer them.

    take ──▶ slow lane    open, rung, reach: one after the other, each as long as an encode
        └──▶ quick lane   crop: at once, also while an encode is made
                └─ an encode that is not held any more ─▶ slow lane ─▶ back

In: ``{"tune": N, "op": NAME, …}``; ``stop`` takes request ``N`` back. Out: ``{"tune": N, "rung": {…}}`` for each encode
on the way, then ``{"tune": N, "end": …}`` or ``{"tune": N, "error": SENTENCE}``.
"""

from __future__ import annotations

import base64
import queue
import threading
import zlib
from collections.abc import Callable
from dataclasses import asdict, astuple
from typing import Any

from engine import resident
from engine.crops import cut, difference
from engine.errors import WouldLose
from engine.formats import Format
from engine.job import Recipe
from engine.ladder import Key, Ladder, Stopped
from engine.pipeline import failure
from engine.quality import QualityTarget
from engine.tuning import Rung

__all__ = ["TuningLanes"]

Message = dict[str, Any]


def _key(value: list[Any]) -> Key:
    return Format(value[0]), value[1], value[2]


class TuningLanes:
    """See the module's docstring."""

    def __init__(self, send: Callable[..., None]) -> None:
        """``send`` takes a message's parts, in any thread."""
        self._send = send
        self._slow: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._quick: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._ladder: Ladder | None = None
        for lane in (self._slow, self._quick):
            threading.Thread(target=self._work, args=(lane,), name="tuning", daemon=True).start()

    def take(self, message: Message) -> None:
        """One message of the parent."""
        match message["op"]:
            case "stop":
                self._stopped.add(message["tune"])
            case "crop":
                self._quick.put(message)
            case _:
                self._slow.put(message)

    def _work(self, lane: queue.SimpleQueue[Message]) -> None:
        while True:
            message = lane.get()
            number = message["tune"]
            try:
                if number in self._stopped:
                    raise Stopped
                value = getattr(self, f"_{message['op']}")(message)
            except Stopped:
                self._send(tune=number, end=None)
            except Exception as error:
                told = error.with_option() if isinstance(error, WouldLose) else error
                self._send(tune=number, error=failure(told).reason)
            else:
                if value is not None:
                    self._send(tune=number, end=value)
            if lane is self._slow:
                self._stopped.discard(number)

    @property
    def _image(self) -> Ladder:
        assert self._ladder is not None, "open comes first"
        return self._ladder

    def _open(self, message: Message) -> Message:
        self._ladder = None
        resident.trim()
        self._ladder = Ladder(message["path"], Recipe.from_json(message["recipe"]), message["allowance"])
        return {"subject": asdict(self._ladder.subject), "identity": astuple(self._ladder.identity)}

    def _rung(self, message: Message) -> Message:
        rung = self._image.rung(Format(message["format"]), message["quality"])
        self._tell(message, rung)
        return asdict(rung)

    def _reach(self, message: Message) -> Message:
        number = message["tune"]
        target = QualityTarget(*message["target"])
        rung = self._image.reach(
            Format(message["format"]), target, lambda rung: self._tell(message, rung), lambda: number in self._stopped
        )
        return asdict(rung)

    def _tell(self, message: Message, rung: Rung) -> None:
        self._send(tune=message["tune"], rung=asdict(rung))

    def _crop(self, message: Message) -> Message | None:
        """None when an encode must be made first; the answer comes after that."""
        ladder, how = self._image, (tuple(message["box"]), message["zoom"])
        source = ladder.source()
        if message["rung"] is None:
            pixels = cut(source, *how)
        else:
            shown = ladder.shown(_key(message["rung"]))
            if shown is None:
                self._slow.put({**message, "op": "again"})
                return None
            pixels = difference(source, shown, *how, message["gain"]) if message["gain"] else cut(shown, *how)
        rgb = base64.b64encode(zlib.compress(pixels.rgb, 1)).decode("ascii")
        return {"pixels": [pixels.left, pixels.top, pixels.width, pixels.height, pixels.zoom, rgb]}

    def _again(self, message: Message) -> None:
        self._image.again(_key(message["rung"]))
        self._quick.put({**message, "op": "crop"})
