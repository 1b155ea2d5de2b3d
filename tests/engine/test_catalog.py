"""Promises of the columns that hold a run's images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog import Catalog, Folder
from engine.job import Outcome, Status
from engine.view import ImageState, Window
from engine.window import page


def catalog_of(names: list[str]) -> Catalog:
    catalog = Catalog()
    folder = catalog.add_folder(Folder("/in/sub", "/out/sub", "sub"))
    for number, name in enumerate(names):
        catalog.add(folder, name, 100 + number, name)
    return catalog


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name and b"/" not in name)))
def test_every_name_comes_back_byte_for_byte(raw: list[bytes]) -> None:
    names = [name.decode("utf-8", "surrogateescape") for name in raw]
    catalog = catalog_of(names)
    assert [catalog.name(index) for index in range(len(catalog))] == names
    assert [catalog.source(index) for index in range(len(catalog))] == [f"/in/sub/{name}" for name in names]


def test_a_finished_row_says_everything_of_its_outcome() -> None:
    catalog = catalog_of(["a.png", "b.png"])
    outcome = Outcome(Status.KEPT, "small", "/out/sub/b.png", 500, 400, "png", "webp", 30, 20, 80, 1.5, 7_000)
    catalog.finish(1, 3, outcome)
    (row,) = page(catalog, Window(1, 1), []).rows
    assert (row.state, row.slot, row.reason) == (ImageState.KEPT, 3, "small")
    assert (row.original_size, row.optimized_size, row.needs, row.quality) == (500, 400, 7_000, 80)
    assert (row.source_format, row.target_format, row.width, row.height) == ("png", "webp", 30, 20)
    assert (row.source, row.target, row.path) == ("/in/sub/b.png", "/out/sub/b.png", "sub/b.png")
    assert (catalog.status(0), catalog.status(1)) == (None, Status.KEPT)
    assert (row.stages, row.peak, row.options) == ((), 0, "")


def test_a_row_says_how_long_each_stage_took_and_how() -> None:
    catalog = catalog_of(["a.png", "b.png"])
    stages = (0.1, 0.0, 1.5, 0.3, 0.1)
    outcome = Outcome(Status.DONE, seconds=2.0, peak_bytes=90 << 20, stages=stages, options="effort=4")
    catalog.finish(1, 0, outcome)
    (row,) = page(catalog, Window(1, 1), []).rows
    assert row.stages == pytest.approx(stages, abs=0.01)
    assert (row.peak, row.options) == (90 << 20, "effort=4")


def test_an_image_to_be_done_again_is_as_new() -> None:
    catalog = catalog_of(["a.png"])
    catalog.finish(0, 1, Outcome(Status.FAILED, "broken", original_size=100, optimized_size=100))
    catalog.reset(0)
    assert (catalog.status(0), catalog.reason(0), catalog.optimized(0)) == (None, "", 0)
    catalog.finish(0, 1, Outcome(Status.DONE, original_size=100, optimized_size=50))
    assert (catalog.status(0), catalog.reason(0)) == (Status.DONE, "")


def test_a_window_filters_sorts_and_cuts() -> None:
    catalog = catalog_of([f"{letter}.png" for letter in "dbca"])
    catalog.finish(2, 0, Outcome(Status.FAILED, "x"))
    assert [row.path for row in page(catalog, Window(sort="path"), []).rows] == [f"sub/{x}.png" for x in "abcd"]
    assert [row.index for row in page(catalog, Window(sort="in", descending=True, count=2), []).rows] == [3, 2]
    found = page(catalog, Window(states=(ImageState.FAILED,), count=0), [])
    assert (found.total, found.rows) == (1, ())
    assert [row.index for row in page(catalog, Window(text="B.P"), []).rows] == [1]
    assert page(catalog, Window(offset=-5, count=10**9, sort="nonsense"), []).total == 4


def test_columns_take_at_most_a_hundred_bytes_an_image_beside_the_name() -> None:
    import tracemalloc

    tracemalloc.start()
    catalog = catalog_of([f"{number:08}" for number in range(50_000)])
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / len(catalog) < 100 + 8 + 64  # the list of names in this test costs the rest
