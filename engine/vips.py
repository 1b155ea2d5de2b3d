"""The few settings of libvips that hold for a whole worker process, and its error messages in plain words."""

from __future__ import annotations

import pyvips

__all__ = ["plain", "setup"]

_LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Heif", "Tiff")
_LONGEST_MESSAGE = 120


def setup() -> str:
    """Prepare libvips; the version it has. Call once, with ``VIPS_CONCURRENCY=1`` already in the environment.

    Only the decoders for the formats of ``engine.formats`` stay usable; the operation cache is off because it would
    hold pictures and answer with old ones.
    """
    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in _LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
    pyvips.block_untrusted_set(True)
    return ".".join(str(pyvips.version(part)) for part in range(3))


def plain(error: pyvips.Error) -> str:
    """libvips' own message on one line: no operation name, nothing said twice, at most 120 characters."""
    said: list[str] = []
    for line in str(error).splitlines():
        words = "".join(letter if letter.isprintable() else "?" for letter in line.strip())
        if words and not words.startswith("unable to call") and words not in said:
            said.append(words)
    text = "; ".join(said) or "no reason given"
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
