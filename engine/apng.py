"""An animated PNG taken apart: its loop count and its frames, each with what says when and where it is shown.

    IHDR … acTL … [fcTL] IDAT … (fcTL fdAT…)… IEND        (PNG, third edition, section 11.3.6.2)

A file whose animation chunks do not fit together is Declined: viewers disagree about what it shows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.containers import PNG_SIGNATURE, Chunk
from engine.errors import Declined
from engine.indexed import png_chunk

__all__ = ["Animation", "Frame", "read_apng"]

_UNSOUND = "an animated PNG whose frames do not fit together"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    control: bytes
    """Size, place, delay, disposal and blending: the fcTL payload without its sequence number."""
    still: bytes
    """The frame's own pixels as a PNG."""


@dataclass(frozen=True, slots=True)
class Animation:
    """What an animated PNG shows."""

    plays: int
    """0: for ever."""
    default_shown: bool
    """Whether the picture that other viewers show is the first frame."""
    frames: tuple[Frame, ...]


def _ordered(data: bytes, chunks: tuple[Chunk, ...]) -> list[Chunk]:
    """The animation's chunks with IDAT; Declined when their sequence numbers do not count up."""
    parts = [chunk for chunk in chunks if chunk.kind in (b"acTL", b"fcTL", b"fdAT", b"IDAT")]
    if [chunk.kind for chunk in parts].count(b"acTL") != 1 or parts[0].kind != b"acTL" or parts[0].length != 8:
        raise Declined(_UNSOUND)
    numbered = [chunk for chunk in parts if chunk.kind in (b"fcTL", b"fdAT")]
    if any(int.from_bytes(data[c.body : c.body + 4], "big") != at for at, c in enumerate(numbered)):
        raise Declined(_UNSOUND)
    if any(chunk.length != 26 if chunk.kind == b"fcTL" else chunk.length < 4 for chunk in numbered):
        raise Declined(_UNSOUND)
    return parts[1:]


def read_apng(data: bytes, chunks: tuple[Chunk, ...]) -> Animation:
    """The animation of a PNG that has one; Declined when its parts do not fit together."""
    parts = _ordered(data, chunks)
    count, plays = struct.unpack_from(">II", data, next(c for c in chunks if c.kind == b"acTL").body)
    header = chunks[0].payload(data)
    before = [chunk for chunk in chunks if chunk.kind in (b"PLTE", b"tRNS")]
    shared = b"".join(data[chunk.start : chunk.end] for chunk in before)
    controls: list[bytes] = []
    bodies: list[list[bytes]] = []
    default_shown = parts[0].kind == b"fcTL"
    for part in parts:
        if part.kind == b"fcTL":
            controls.append(data[part.body + 4 : part.body + 26])
            bodies.append([])
        elif part.kind == b"fdAT" and bodies:
            bodies[-1].append(data[part.body + 4 : part.body + part.length])
        elif part.kind == b"IDAT" and default_shown and len(bodies) == 1:
            bodies[0].append(part.payload(data))
        elif part.kind == b"fdAT" or default_shown or bodies:
            raise Declined(_UNSOUND)
    if not controls or len(controls) != count or not all(bodies):
        raise Declined(_UNSOUND)
    pairs = zip(controls, bodies, strict=True)
    frames = tuple(Frame(control, _still(control, b"".join(body), header, shared)) for control, body in pairs)
    if default_shown and frames[0].control[:16] != header[:8] + b"\0" * 8:
        raise Declined(_UNSOUND)
    return Animation(plays, default_shown, frames)


def _still(control: bytes, body: bytes, header: bytes, shared: bytes) -> bytes:
    wide, high, x, y = struct.unpack_from(">IIII", control)
    most_wide, most_high = struct.unpack_from(">II", header)
    if not wide or not high or x + wide > most_wide or y + high > most_high:
        raise Declined(_UNSOUND)
    own = png_chunk(b"IHDR", control[:8] + header[8:])
    return PNG_SIGNATURE + own + shared + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
