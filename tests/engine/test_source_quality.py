"""The estimate of a file's own quality: exact for libjpeg, mozjpeg and libwebp, near for tables of other makers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.containers import Chunk
from engine.policy import Limits
from engine.probe import probe
from engine.source_quality import jpeg_quality, vp8_quality
from tests.engine.test_codec import DATA, photo

QUALITIES = (5, 30, 49, 50, 60, 75, 82, 90, 95, 99, 100)


def _quality(data: bytes) -> int:
    return probe(data, Limits()).quality


@pytest.mark.parametrize("table", [0, 3])
@pytest.mark.parametrize("quality", QUALITIES)
def test_jpeg_quality_is_read_exactly_from_the_usual_tables(table: int, quality: int) -> None:
    how: dict[str, Any] = {"trellis_quant": True, "optimize_scans": True, "interlace": True} if table else {}
    assert _quality(photo().jpegsave_buffer(Q=quality, quant_table=table, **how)) == quality


@pytest.mark.parametrize("quality", [30, 50, 75, 90])
@pytest.mark.parametrize("table", [2, 4])
def test_jpeg_quality_is_near_with_tables_of_another_shape(table: int, quality: int) -> None:
    assert abs(_quality(photo().jpegsave_buffer(Q=quality, quant_table=table)) - quality) <= 4


@pytest.mark.parametrize("quality", [20, 40, 60, 75, 80, 90])
def test_webp_quality_is_read_from_the_quantizers(quality: int) -> None:
    assert abs(_quality(photo(320, 240).webpsave_buffer(Q=quality)) - quality) <= 1


def test_what_is_lossless_or_animated_has_no_quality() -> None:
    assert _quality(photo().webpsave_buffer(lossless=True)) == 0
    assert _quality(photo().pngsave_buffer()) == 0
    assert _quality((DATA / "sharp-fixtures__animated-loop-3.webp").read_bytes()) == 0


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_bring_an_estimate_to_fail(noise: bytes) -> None:
    table = Chunk(b"\xdb", 0, 0, len(noise), len(noise))
    assert 0 <= jpeg_quality(noise, [table]) <= 100
    frame = b"\0\0\0\x9d\x01\x2a" + noise
    assert 0 <= vp8_quality(frame, Chunk(b"VP8 ", 0, 0, len(frame), len(frame))) <= 100


def test_real_files_have_an_estimate() -> None:
    for path in sorted(Path(DATA).glob("*.jpg")):
        assert 1 <= _quality(path.read_bytes()) <= 100, path.name
