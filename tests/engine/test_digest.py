"""Promises of the sums in reports."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from engine.digest import BIGGEST, MOST_GROUPS, NAMES, POINTS, digest
from engine.journal_tables import ResultRow


def row(
    number: int, path: str, original: int = 1000, optimized: int = 400, status: str = "done", **more: object
) -> ResultRow:
    facts = {"source_format": "png", "target_format": "webp", "slot": 0, **more}
    fixed = (1, number, os.fsencode(path), status, str(facts.pop("reason", "")), "", original, optimized, 0.5)
    return ResultRow(*fixed, **facts)  # type: ignore[arg-type]  # test facts are written out by name


sizes = st.integers(0, 10**9)


@given(
    st.lists(
        st.tuples(sizes, sizes, st.sampled_from(("done", "kept", "skipped", "failed")), st.text("ab/", max_size=9))
    )
)
def test_every_grouping_sums_up_to_the_total(images: list[tuple[int, int, str, str]]) -> None:
    rows = [
        row(n, os.path.normpath(f"/r/{folder}/{n}.png"), a, b, status)
        for n, (a, b, status, folder) in enumerate(images)
    ]
    found = digest(rows, ["/r"], 75, 512)
    written = [each for each in rows if each.status in ("done", "kept")]
    for groups in (found.folders, found.formats, (found.total,)):
        assert sum(group.images for group in groups) == len(written)
        assert sum(group.bytes_in for group in groups) == sum(each.original for each in written)
        assert sum(group.saved for group in groups) == sum(each.original - each.optimized for each in written)
    assert all(0 <= group.disk_in - group.bytes_in < 512 * max(1, group.images) for group in found.folders)
    assert sum(found.counts.values()) == len(rows) == sum(batch.images for batch in found.batches)
    assert sum(reason.images for reason in found.reasons) == len(rows) - len(written)
    saved = sorted((each.original - each.optimized for each in written if each.original > each.optimized), reverse=True)
    assert [image.original - image.optimized for image in found.biggest] == saved[:BIGGEST]


def test_a_small_file_that_shrinks_frees_no_block() -> None:
    total = digest([row(0, "/r/a", 4000, 100), row(1, "/r/b", 4097, 4096)], ["/r"], 75, 4096).total
    assert (total.saved, total.disk_in - total.disk_out) == (3901, 4096)


def test_many_folders_are_summed_up_in_those_above_and_the_smallest_of_too_many_in_one() -> None:
    rows = [row(n, f"/r/year{n % 3}/day{n}/a.png") for n in range(100)]
    assert sorted(group.name for group in digest(rows, ["/r"], 75).folders) == ["year0", "year1", "year2"]
    found = digest([row(n, f"/r/{n}/a.png", 1000 + n) for n in range(100)], ["/r"], 75).folders
    assert len(found) == MOST_GROUPS
    assert (found[0].name, found[-1].name, found[-1].images) == ("99", "(71 others)", 71)


def test_the_folder_given_is_named_in_full_and_those_below_it_from_there() -> None:
    rows = [row(0, "/r/pics/1.png"), row(1, "/r/pics/pics/1.png")]
    assert {group.name for group in digest(rows, ["/r/pics"], 75).folders} == {"/r/pics", "pics"}


def test_images_of_several_roots_are_told_apart() -> None:
    rows = [row(0, "/a/x/1.png"), row(1, "/b/x/1.png"), row(2, "/b/1.png")]
    assert {group.name for group in digest(rows, ["/a", "/b"], 75).folders} == {"/a/x", "/b/x", "/b"}


def test_a_batch_lasts_from_its_first_start_to_its_last_end() -> None:
    rows = [row(0, "/r/a", at=2.0), row(1, "/r/b", at=9.0), row(2, "/r/c", at=4.0, status="failed", slot=1)]
    first, second = digest(rows, ["/r"], 2).batches
    assert (first.begin, first.end, first.images, first.saved) == (1.5, 9.0, 2, 1200)
    assert (second.number, second.begin, second.failed) == (2, 3.5, 1)
    assert digest(rows, ["/r"], 2).workers == {1: 2, 2: 1}


def test_lists_stay_short_however_many_images_there_are() -> None:
    rows = [row(n, f"/r/{n}.png", 1000 + n, status="failed" if n % 2 else "done", reason="no") for n in range(9_000)]
    found = digest(rows, ["/r"], 75)
    assert len(found.points) <= POINTS
    assert max(int(os.path.basename(point.path)[:-4]) for point in found.points) > 8_900, "over the whole run"
    assert (len(found.biggest), found.biggest[0].path) == (BIGGEST, "/r/8998.png")
    assert (found.reasons[0].images, len(found.reasons[0].paths)) == (4_500, NAMES)
