"""Writes a palette PNG with exactly the palette its source had: no colour is chosen anew, so nothing can change.

libvips reads palettes as colours and can only write ones of its own making. So the colours are turned back into their
numbers by a perfect hash, the numbers are written as a grey PNG of the same depth, and the header is then said to be
of colour type 3, with the source's palette put in (PNG, third edition, sections 11.2.1 to 11.3.1).
"""

from __future__ import annotations

import random
import struct
import zlib

import pyvips

from engine.containers import PNG_SIGNATURE, walk_png

__all__ = ["encode_indexed", "png_chunk"]

_TABLE = 1 << 16
_TRIES = 1000
_LARGEST_WEIGHT = 1 << 14
"""Four such weights times 255 stay below 2**24, where 32-bit floats, in which libvips adds, are exact."""


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _palette(source: bytes) -> tuple[bytes, bytes]:
    """The PLTE and tRNS payloads."""
    kinds = {chunk.kind: chunk for chunk in walk_png(source) if chunk.kind in (b"PLTE", b"tRNS")}
    colours = kinds[b"PLTE"].payload(source) if b"PLTE" in kinds else b""
    return colours, kinds[b"tRNS"].payload(source) if b"tRNS" in kinds else b""


def _perfect_hash(colours: list[tuple[int, ...]]) -> tuple[tuple[int, ...], bytes] | None:
    """Weights whose weighted sum modulo 65,536 differs for all colours, and the table from sum to colour number.

    ``colours`` may hold repeats; the first of equal ones is taken. None when no weights were found.
    """
    numbers: dict[tuple[int, ...], int] = {}
    for number, colour in enumerate(colours):
        numbers.setdefault(colour, number)
    chance = random.Random(1)
    for _ in range(_TRIES):
        weights = tuple(chance.randrange(1, _LARGEST_WEIGHT) for _ in colours[0])
        keys = {sum(w * c for w, c in zip(weights, colour, strict=True)) % _TABLE: n for colour, n in numbers.items()}
        if len(keys) == len(numbers):
            table = bytearray(_TABLE)
            for key, number in keys.items():
                table[key] = number
            return weights, bytes(table)
    return None


def encode_indexed(image: pyvips.Image, source: bytes, bits: int, *, compression: int, keep: str) -> bytes | None:
    """The palette PNG of ``image`` (8-bit RGB or RGBA, made of the palette of the PNG ``source``), or None when the
    palette cannot be used. ``bits`` is the depth of the index: 1, 2, 4 or 8.
    """
    colours, opacity = _palette(source)
    entries = [tuple(colours[at : at + 3]) for at in range(0, len(colours) - 2, 3)][: 1 << bits]
    if not entries or image.bands not in (3, 4) or image.format != "uchar":
        return None
    if image.bands == 4:
        alphas = opacity.ljust(len(entries), b"\xff")
        entries = [(*entry, alphas[at]) for at, entry in enumerate(entries)]
    found = _perfect_hash(entries)
    if found is None:
        return None
    weights, table = found
    total = image.cast("uint").linear([float(w) for w in weights], [0.0] * image.bands)
    key = total[0]
    for band in range(1, image.bands):
        key = key + total[band]
    key = (key.cast("uint") & (_TABLE - 1)).cast("ushort")
    index = key.maplut(pyvips.Image.new_from_memory(table, _TABLE, 1, 1, "uchar"))
    if bits < 8:
        index = (index * (255 // ((1 << bits) - 1))).cast("uchar")
    index = index.copy(interpretation="b-w")
    grey = index.pngsave_buffer(compression=compression, bitdepth=bits, filter="none", keep="none", palette=False)
    return _as_palette(grey, source, colours[: 3 * len(entries)], opacity[: len(entries)], keep)


def _as_palette(grey: bytes, source: bytes, colours: bytes, opacity: bytes, keep: str) -> bytes:
    """The grey PNG with colour type 3 and the palette in front of its picture data."""
    chunks = walk_png(grey)
    header = bytearray(chunks[0].payload(grey))
    header[9] = 3
    parts = [PNG_SIGNATURE, png_chunk(b"IHDR", bytes(header))]
    if keep == "icc":
        parts += [source[chunk.start : chunk.end] for chunk in walk_png(source) if chunk.kind == b"iCCP"]
    parts.append(png_chunk(b"PLTE", colours))
    if opacity:
        parts.append(png_chunk(b"tRNS", opacity))
    parts += [grey[chunk.start : chunk.end] for chunk in chunks if chunk.kind in (b"IDAT", b"IEND")]
    return b"".join(parts)
