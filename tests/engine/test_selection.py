"""Promises of what a scan takes: patterns, ignore files, depth, size and age."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.plan import make_plan
from engine.settings import Settings
from engine.since import Since

FILES = ("a.jpg", "b.png", "one/a.jpg", "one/two/a.jpg", "one/two/three/b.png", "thumbs/a.jpg", "raw/one/c.jpg")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for place, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100 * (place + 1))
    return tmp_path


def taken(root: Path, **values: object) -> set[str]:
    plan = make_plan([str(root)], Settings().with_values(values))
    return {os.path.join(folder.relative, each.name) for folder, found in plan.scan() for each in found}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, set(FILES)),
        ({"exclude": ["*.png", "thumbs/"]}, {"a.jpg", "one/a.jpg", "one/two/a.jpg", "raw/one/c.jpg"}),
        ({"exclude": ["/one"]}, {"a.jpg", "b.png", "thumbs/a.jpg", "raw/one/c.jpg"}),
        ({"exclude": ["*.jpg", "!one/a.jpg"]}, {"b.png", "one/a.jpg", "one/two/three/b.png"}),
        ({"include": ["*.png"]}, {"b.png", "one/two/three/b.png"}),
        ({"include": ["two/"]}, {"one/two/a.jpg", "one/two/three/b.png"}),
        ({"include": ["one/"], "exclude": ["two"]}, {"one/a.jpg", "raw/one/c.jpg"}),
        ({"max_depth": 1}, {"a.jpg", "b.png"}),
        ({"max_depth": 2}, {"a.jpg", "b.png", "one/a.jpg", "thumbs/a.jpg"}),
        ({"recursive": False, "max_depth": 9}, {"a.jpg", "b.png"}),
        ({"min_size": 600}, {"thumbs/a.jpg", "raw/one/c.jpg"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "files",
)
def test_options_choose_what_is_taken(tree: Path, values: dict[str, object], names: set[str]) -> None:
    assert taken(tree, **values) == names


def test_ignore_files_hold_for_their_folder_the_deeper_before_the_upper_and_options_before_both(tree: Path) -> None:
    (tree / ".imgoptignore").write_text("# ours\n*.png\n/raw/\n")
    (tree / "one" / "two" / ".imgoptignore").write_text("!b.png\n/a.jpg\n")
    assert taken(tree) == {"a.jpg", "one/a.jpg", "one/two/three/b.png", "thumbs/a.jpg"}
    assert taken(tree, ignore_files=False) == set(FILES)
    assert taken(tree, exclude=["!*.png", "thumbs"]) == {"a.jpg", "b.png", "one/a.jpg", "one/two/three/b.png"}


def test_an_ignore_file_that_cannot_be_read_is_named_and_leaves_out_nothing(tree: Path) -> None:
    (tree / ".imgoptignore").mkdir()
    lines: list[str] = []
    plan = make_plan([str(tree)], Settings())
    assert sum(len(found) for _, found in plan.scan(lines.append)) == len(FILES)
    assert [".imgoptignore: this ignore file cannot be read" in line for line in lines] == [True]


def test_only_what_changed_since(tree: Path, tmp_path: Path) -> None:
    for name in FILES[1:]:
        os.utime(tree / name, (time.time() - 3 * 86_400,) * 2)
    os.utime(tree / "b.png", (time.time() - 86_400,) * 2)
    assert taken(tree, newer="12h") == {"a.jpg"}
    assert taken(tree, newer="2d") == {"a.jpg", "b.png"}
    assert taken(tree, newer=str(tree / "b.png")) == {"a.jpg", "b.png"}
    assert taken(tree, newer="2001-01-01") == set(FILES)
    with pytest.raises(ValueError, match="an age such as 12h"):
        Settings().with_values({"newer": "3 fortnights"})


def test_an_age_keeps_its_distance_and_a_date_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Since.parse("1w").moment(7 * 86_400.0 + 5) == 5
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert Since.parse("1970-01-02T01:00").moment(0) == 90_000
    monkeypatch.undo()
    time.tzset()


def test_what_is_left_out_does_not_change_the_names_of_the_rest(tree: Path) -> None:
    (tree / "a.png").write_bytes(b"x")
    for values in ({}, {"exclude": ["a.png"]}, {"min_size": 50}):
        plan = make_plan([str(tree)], Settings(format="webp").with_values(values))
        names = {each.name: each.target_name for folder, found in plan.scan() for each in found if not folder.relative}
        assert names["a.jpg"] == "a.jpg.webp"
