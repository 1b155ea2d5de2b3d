"""Gives an animated WebP what its encoder drops: frames that are alike, their delays, and the flag for transparency.

libwebp drops a frame that looks like the one before it and lets that one stand longer. Here the time is divided again:
behind the frame comes one that is transparent throughout, so that the picture stays and the count of frames, and when
each of them begins, are the source's own. Where all frames are alike it writes a still, which becomes the first frame.

libvips writes a delay of 10 ms or less as 100 ms, which is how long every browser shows such a frame of either format.
From a GIF that stays; from a WebP the delays are written as they were.

libwebp says that an animation is transparent only when some frame's own pixels are; where the frames leave a part of
the canvas empty, readers would take that for black. (RFC 9649, sections 2.7.1 and 2.7.1.1.)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pyvips import Image

from engine.containers import walk_webp

__all__ = ["Timing", "frame_delays", "with_all_frames"]

_ANIMATION, _ALPHA = 0x02, 0x10
"""VP8X flags."""
_DISPOSE = 1
"""ANMF: clear the frame's rectangle after it."""
_HEAD = 16
"""Bytes of an ANMF payload before its picture."""
_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})


@dataclass(frozen=True, slots=True)
class Timing:
    """How the frames follow each other."""

    encoded: Sequence[int]
    """Milliseconds of each frame as libvips was to write them."""
    wanted: Sequence[int]
    """Milliseconds of each frame as they are to be."""
    loop: int
    """How often the animation is shown; 0: without end."""

    @classmethod
    def of(cls, image: Image, source_delays: Sequence[int]) -> Timing:
        """Of the image that was encoded; ``source_delays`` is empty unless the source is a WebP."""
        delays = image.get("delay") if image.get_typeof("delay") else []
        encoded = [100 if delay <= 10 else delay for delay in delays]
        return cls(encoded, source_delays or encoded, image.get("loop") if image.get_typeof("loop") else 0)


def frame_delays(data: bytes) -> list[int]:
    """Milliseconds of each frame."""
    chunks, _ = walk_webp(data)
    return [_delay(chunk.payload(data)) for chunk in chunks if chunk.kind == b"ANMF"]


def _delay(frame: bytes) -> int:
    return int.from_bytes(frame[12:15], "little")


def with_all_frames(data: bytes, timing: Timing, width: int, height: int, *, alpha: bool) -> bytes | None:
    """``data`` of ``width`` × ``height`` pixels with the frames of ``timing``; None when its own do not add up to it.

    ``alpha``: whether the frames that were encoded have an alpha channel.
    """
    parts = [(chunk.kind, chunk.payload(data)) for chunk in walk_webp(data)[0]]
    if not any(kind == b"ANMF" for kind, _ in parts):
        parts = _animated(parts, timing, width, height)
    frames, place = 0, 0
    body = b"WEBP"
    for kind, payload in parts:
        if kind != b"ANMF":
            body += _chunk(kind, payload)
            continue
        count = _share(timing.encoded[place:], _delay(payload))
        if not count:
            return None
        body += _divided(payload, timing.wanted[place : place + count])
        place, frames = place + count, frames + 1
    if place != len(timing.wanted):
        return None
    result = bytearray(b"RIFF" + struct.pack("<I", len(body)) + body)
    # The filled-in frames are transparent too.
    result[20] |= _ALPHA if alpha or frames < place else 0
    return bytes(result)


def _animated(still: list[tuple[bytes, bytes]], timing: Timing, width: int, height: int) -> list[tuple[bytes, bytes]]:
    """The chunks of an animation whose one frame is that still, standing as long as all frames together."""
    flags = next((payload[0] for kind, payload in still if kind == b"VP8X"), 0)
    size = _three(width - 1) + _three(height - 1)
    frame = b"\0" * 6 + size + _three(sum(timing.encoded)) + b"\0"
    frame += b"".join(_chunk(kind, payload) for kind, payload in still if kind in _PIXELS)
    rest = [(kind, payload) for kind, payload in still if kind not in _PIXELS and kind != b"VP8X"]
    before = [part for part in rest if part[0] == b"ICCP"]
    after = [part for part in rest if part[0] != b"ICCP"]
    header = bytes([flags | _ANIMATION, 0, 0, 0]) + size
    shown = b"\0\0\0\0" + struct.pack("<H", min(timing.loop, 65_535))
    return [(b"VP8X", header), *before, (b"ANIM", shown), (b"ANMF", frame), *after]


def _share(delays: Sequence[int], whole: int) -> int:
    """How many of ``delays`` make up ``whole``; 0 when none do."""
    total = 0
    for count, delay in enumerate(delays, start=1):
        total += delay
        if total >= whole:
            return count if total == whole else 0
    return 0


def _divided(frame: bytes, delays: Sequence[int]) -> bytes:
    """One ANMF chunk as several; what is cleared after the frame is cleared after the last of them."""
    if len(delays) == 1:
        return _chunk(b"ANMF", frame[:12] + _three(delays[0]) + frame[15:])
    dispose = frame[15] & _DISPOSE
    parts = [_chunk(b"ANMF", frame[:12] + _three(delays[0]) + bytes([frame[15] & ~_DISPOSE]) + frame[_HEAD:])]
    wide, high = (int.from_bytes(frame[at : at + 3], "little") + 1 for at in (6, 9))
    if not dispose:
        wide = high = 1
    clear = _transparent(wide, high)
    for index, delay in enumerate(delays[1:], start=2):
        flags = dispose if index == len(delays) else 0
        head = frame[:6] + _three(wide - 1) + _three(high - 1) + _three(delay) + bytes([flags])
        parts.append(_chunk(b"ANMF", head + clear))
    return b"".join(parts)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _transparent(width: int, height: int) -> bytes:
    """The chunk of a picture that shows nothing."""
    picture = Image.black(width, height, bands=4).copy(interpretation="srgb")
    data: bytes = picture.webpsave_buffer(lossless=True, exact=True, keep="none")
    return next(data[chunk.start : chunk.end] for chunk in walk_webp(data)[0] if chunk.kind == b"VP8L")


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) & 1)
