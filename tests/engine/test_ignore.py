"""Promises of ignore patterns: they match what git matches."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from engine.ignore import Rules

PARTS = [
    *(
        "a",
        "b",
        ".",
        "-",
        "!",
        "#",
        " ",
        "*",
        "?",
        "/",
        "**",
        "/**/",
        "**/",
        "/**",
        "[ab]",
        "[!a]",
        "[^b.]",
        "[a-c]",
        "\\*",
    ),
    *("\\?", "\\a", "\\[", "[]]", "[[:alpha:]]", "[!*]", "[*?]", "[\\]a]", "[a-]", "]"),
]
_CHANCE = re.compile(r"[^/]\*\*")
"""Before 2.41 git compares pointers into two texts where ``**`` follows anything but a slash: its answer is chance."""
patterns = (
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join).filter(lambda text: not _CHANCE.search(text))
)
PATHS = [
    *(
        "a",
        "b",
        "ab",
        "a.b",
        "a/b",
        "a/a/b",
        "b/a",
        "b/a/ab",
        "-",
        "!",
        "a b",
        "[",
        "a[b]",
        "#",
        "^",
        "a-",
        ".a",
        "a/.b",
    ),
    *("b/b/b/a", "]", "aa", "a/aa/b", "*", "?", "\\a"),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("no git to compare with")
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def by_git(repository: Path, lines: list[str]) -> set[str]:
    (repository / ".gitignore").write_bytes("\n".join(lines).encode())
    ask = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "--stdin", "-z"]
    text = "\0".join(PATHS).encode()
    found = subprocess.run(ask, cwd=repository, input=text, capture_output=True, check=False).stdout
    return set(filter(None, found.decode().split("\0")))


def by_rules(lines: list[str]) -> set[str]:
    """As a walk would find it: what is in an ignored folder is ignored."""
    rules, ignored = Rules(lines), set()
    for path in PATHS:
        above = [path[:at] for at, char in enumerate(path) if char == "/"]
        if any(rules.verdict(folder, folder=True) for folder in above) or rules.verdict(path):
            ignored.add(path)
    return ignored


@example(["**/b"])
@example(["a/**"])
@example(["a/**/b"])
@example(["a/", "!a/b"])
@example(["*", "!*/", "!*.b"])
@example(["[!a]"])
@example(["[a-b]b"])
@example(["[[:alpha:]]"])
@example(["\\!"])
@example(["a\\ "])
@example(["/a/*"])
@example(["["])
@example(["a[b"])
@how(max_examples=80)
@given(st.lists(patterns, max_size=4))
def test_patterns_match_what_git_matches(repository: Path, lines: list[str]) -> None:
    assert by_rules(lines) == by_git(repository, lines)


def test_names_that_are_no_text_and_line_breaks_are_matched() -> None:
    assert Rules(["*.jpg"]).verdict(os.fsdecode(b"a/\xff\n.jpg")) is True
    assert Rules(["*.jpg", "!keep*"]).verdict("x/keep.jpg") is False
    assert Rules(["", "# all", "   "]).verdict("# all") is None
