"""Puts the gain map of an Ultra HDR picture behind its re-encoded primary, turned and scaled as that was."""

from __future__ import annotations

from pyvips import Image

from engine import gainmap
from engine.containers import walk_jpeg
from engine.decode import scaled, turned
from engine.probe import Facts

__all__ = ["with_gain_map"]

QUALITY = 95
"""JPEG quality of a gain map that had to be turned or scaled; libultrahdr's own default."""


def with_gain_map(primary: bytes, width: int, height: int, source: bytes, facts: Facts, *, upright: bool) -> bytes:
    """The Ultra HDR file of ``primary``, which is ``source`` re-encoded at ``width`` × ``height`` pixels when seen
    upright; with ``upright`` its pixels were turned.

    A gain map that is neither turned nor scaled keeps its bytes. Raises pyvips.Error for a damaged one.
    """
    found = gainmap.find(source, walk_jpeg(source))
    gain = gainmap.cleaned(source[found.start : found.end])
    orientation = facts.orientation if upright else 1
    if orientation != 1 or (width, height) != (facts.width, facts.height):
        across, down = width / facts.width, height / facts.height
        lying = not upright and facts.orientation >= 5
        gain = _fitted(gain, orientation, *((down, across) if lying else (across, down)))
    return gainmap.attach(primary, gain, gainmap.version_segment(source))


def _fitted(gain: bytes, orientation: int, across: float, down: float) -> bytes:
    image = Image.jpegload_buffer(gain, access="sequential", fail_on="error").copy_memory()
    image = turned(image, orientation)
    image = scaled(image, max(1, round(image.width * across)), max(1, round(image.height * down)))
    data = image.jpegsave_buffer(Q=QUALITY, subsample_mode="off", optimize_coding=True, keep="icc")
    return gainmap.with_parameters(data, gainmap.parameters(gain))
