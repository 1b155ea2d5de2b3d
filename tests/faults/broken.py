"""Broken images that nobody here has seen: made from whole ones by a seeded dice, a kind of damage at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Damage = Callable[[bytes, random.Random], bytes]
HEADER = 64
"""Bytes at the front in which a change is most likely to be taken for a size, a length or an offset."""


def _truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.choice((chance.randrange(len(data)), len(data) - chance.randint(1, 16)))]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _header(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    at = chance.randrange(2, min(HEADER, len(out) - 4))
    size = chance.choice((1, 2, 4))
    out[at : at + size] = chance.choice(
        (bytes(size), b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), chance.randbytes(size))
    )
    return bytes(out)


def _hole(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    size = chance.choice((16, 512, len(data) // 2))
    return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 200) :]


def _doubled(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    piece = data[at : at + chance.randint(4, 400)]
    return data[:at] + piece + data[at:]


def _noise(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(4, HEADER)] + chance.randbytes(chance.randrange(2000))


def _followed(data: bytes, chance: random.Random) -> bytes:
    return data + chance.choice((chance.randbytes(20_000), data, b"\0" * 5000, b"PK\3\4" + chance.randbytes(100)))


DAMAGES: dict[str, Damage] = {
    "truncated": _truncated,
    "flipped": _flipped,
    "header": _header,
    "hole": _hole,
    "cut": _cut_out,
    "doubled": _doubled,
    "noise": _noise,
    "followed": _followed,
}
"""Name of a kind of damage → what does it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken file."""

    path: Path
    damage: str


def break_all(sources: Sequence[Path], folder: Path, *, each: int, seed: int) -> list[Broken]:
    """``each`` files of every kind of damage from every source, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for source in sources:
        data = source.read_bytes()
        for damage, do in DAMAGES.items():
            for number in range(each):
                chance = random.Random(f"{seed} {source.name} {damage} {number}")
                path = folder / f"{source.stem}-{damage}-{number}{source.suffix}"
                path.write_bytes(do(data, chance))
                made.append(Broken(path, damage))
    return made
