"""Promises of the names that siblings of a result get."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.formats import Format
from engine.names import fold
from engine.variants import Variant, sibling_bases, siblings, variants_of

VARIANTS = variants_of([Format.WEBP, Format.AVIF], [480, 960])
NAMES = st.lists(
    st.builds(
        lambda stem, end: stem + end,
        st.sampled_from(["a", "A", "b", "a-480", "a-480-480", "a.jpg", "a.jpg-480", "é", "e\u0301"]),
        st.sampled_from([".jpg", ".JPG", ".png", ".webp", ".avif", ""]),
    ),
    unique_by=fold,
    max_size=12,
)


def all_names(mains: list[str]) -> list[str]:
    bases = sibling_bases(mains, [VARIANTS] * len(mains))
    pairs = zip(mains, bases, strict=True)
    return [*mains, *(name for main, base in pairs for _, name in siblings(VARIANTS, base, main))]


def test_every_width_comes_in_every_format_and_the_other_formats_in_full_size() -> None:
    assert [name for _, name in siblings(VARIANTS, "photo", "photo.jpg")] == [
        "photo-480.jpg",
        "photo-480.webp",
        "photo-480.avif",
        "photo-960.jpg",
        "photo-960.webp",
        "photo-960.avif",
        "photo.webp",
        "photo.avif",
    ]


def test_the_format_an_image_has_already_is_no_sibling() -> None:
    assert variants_of([], []) == ()
    found = siblings(variants_of([Format.JPEG, Format.WEBP], [100]), "photo", "photo.JPEG")
    assert found == [
        (Variant(None, 100), "photo-100.JPEG"),
        (Variant(Format.WEBP, 100), "photo-100.webp"),
        (Variant(Format.WEBP), "photo.webp"),
    ]


def test_two_sources_of_one_stem_keep_their_whole_names() -> None:
    assert sibling_bases(["a.jpg", "a.png", "b.png"], [VARIANTS] * 3) == ["a.jpg", "a.png", "b"]


def test_a_sibling_takes_no_other_results_name() -> None:
    assert sibling_bases(["a.jpg", "a-480.jpg"], [VARIANTS] * 2) == ["a.jpg", "a-480"]


@given(NAMES)
def test_all_names_of_a_folder_are_distinct_where_case_and_unicode_forms_fold(mains: list[str]) -> None:
    names = [fold(name) for name in all_names(mains)]
    assert len(set(names)) == len(names)


@given(NAMES, st.integers())
def test_the_order_of_the_listing_does_not_matter(mains: list[str], seed: int) -> None:
    shuffled = list(mains)
    random.Random(seed).shuffle(shuffled)
    assert dict(zip(mains, sibling_bases(mains, [VARIANTS] * len(mains)), strict=True)) == dict(
        zip(shuffled, sibling_bases(shuffled, [VARIANTS] * len(shuffled)), strict=True)
    )
