"""Promises of where results go and what they may replace: ``--suffix``, ``--flat``, ``--overwrite``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import PlanError
from engine.flat import FlatNames
from engine.formats import Format
from engine.names import fold, output_names, with_suffix
from engine.plan import make_plan
from engine.policy import Overwrite
from engine.settings import Settings, setting
from engine.variants import sibling_bases, siblings, variants_of
from tests.engine.test_plan import make, planned
from tests.engine.test_run import fill
from tests.test_cli import call
from tui.options import parse

PARTS = st.sampled_from(["a", "b", "a-b", "A", "c"])
NAMES = st.sampled_from(["x.jpg", "x.png", "b-x.jpg", "X.jpg", "a-x.jpg", "x-480.jpg"])


def ran(*words: str | Path) -> dict[str, object]:
    """The summary of a run that failed nowhere."""
    run = call("run", *words, "--json", "-j", "1", "--effort", "fast")
    assert run.returncode == 0, run.stderr
    summary: dict[str, object] = json.loads(run.stdout)["summary"]
    return summary


def tree(root: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(st.text("ab.-", min_size=1, max_size=5), unique_by=fold, max_size=6),
    st.text("ab.-", min_size=1, max_size=5),
    st.sampled_from([None, Format.WEBP]),
)
def test_names_with_a_suffix_are_distinct(names: list[str], suffix: str, format: Format | None) -> None:
    names = [f"{name}.{extension}" for name in names for extension in ("jpg", "png")]
    found = [with_suffix(name, suffix) for name in output_names(names, [format] * len(names))]
    assert len({fold(name) for name in found}) == len(names)


@given(st.dictionaries(st.lists(PARTS, max_size=3).map(os.sep.join), st.sets(NAMES, min_size=1), max_size=6))
def test_names_in_one_folder_are_distinct_and_do_not_depend_on_the_order(folders: dict[str, set[str]]) -> None:
    variants = variants_of([Format.WEBP], [480])

    def named(order: list[str]) -> dict[tuple[str, str], str]:
        flat, images = FlatNames(), []
        for folder in order:
            mains = sorted(folders[folder], key=os.fsencode)
            mains = [name for at, name in enumerate(mains) if fold(name) not in set(map(fold, mains[:at]))]
            bases = sibling_bases(mains, [variants] * len(mains))
            for main, base in zip(mains, bases, strict=True):
                names = [main, *(name for _, name in siblings(variants, base, main))]
                images.append((folder, main, names))
                flat.claim("/out", folder, names)
        found: dict[tuple[str, str], str] = {}
        for folder, main, names in images:
            prefix = flat.prefix("/out", folder, names)
            assert prefix is not None
            found |= {(f"{folder}/{main}", name): prefix + name for name in names}
        return found

    found = named(sorted(folders))
    assert len({fold(name) for name in found.values()}) == len(found)
    assert named(sorted(folders, reverse=True)) == found


def test_only_names_that_collide_get_their_folders_in_front(tmp_path: Path) -> None:
    make(tmp_path, "x.jpg", "a/x.jpg", "a/b/y.jpg", "b/y.jpg", "c/z.jpg", "d/z.png", "d/b-y.jpg")
    found = planned(tmp_path, flat=True, format="webp")
    names = dict(found)
    assert names.pop("b/y.jpg").startswith("b-")  # b-y.webp is the name of another picture
    assert names.pop("d/b-y.jpg") == "b-y.webp"
    assert names == {
        "x.jpg": "x.webp",
        "a/x.jpg": "a-x.webp",
        "a/b/y.jpg": "a-b-y.webp",
        "c/z.jpg": "c-z.webp",
        "d/z.png": "d-z.webp",
    }
    part = planned(tmp_path, flat=True, format="webp", exclude=("a/", "d/", "/x.jpg"))
    assert part == {source: target for source, target in found.items() if source in part}, "as in a run over all"


def test_folder_names_too_long_for_a_file_name_give_way(tmp_path: Path) -> None:
    deep = "/".join(["n" * 100] * 3)
    make(tmp_path, f"{deep}/x.jpg", "x.jpg")
    assert len(planned(tmp_path, flat=True)[f"{deep}/x.jpg"]) < 20


# ── suffix ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_results_with_a_suffix_lie_beside_their_sources_and_are_never_read(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 1)
    fill(root / "sub", samples / "photo.jpg", 1)
    before = tree(root)
    assert ran(root, "-o", root, "--suffix", "-small")["done"] == 2
    after = tree(root)
    assert after.keys() - before.keys() == {"i0000-small.jpg", "sub/i0000-small.jpg"}
    assert before.items() <= after.items()
    again = ran(root, "-o", root, "--suffix", "-small")
    assert (again["found"], again["already"], tree(root)) == (2, 2, after)
    again = ran(root / "i0000.jpg", root / "i0000-small.jpg", "-o", root, "--suffix=-small")
    assert (again["found"], again["already"]) == (1, 1)
    (root / "i0000.jpg").write_bytes((samples / "small.jpg").read_bytes())
    changed = ran(root, "-o", root, "--suffix", "-small")
    assert (changed["skipped"], tree(root)["i0000-small.jpg"]) == (2, after["i0000-small.jpg"])
    assert ran(root, "-o", root, "--suffix", "-small", "-O", "all")["done"] == 1
    assert tree(root)["i0000-small.jpg"] != after["i0000-small.jpg"]


def test_siblings_get_the_suffix_too_and_not_beside_their_sources(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    beside = Settings(output=str(tmp_path), suffix="-s", widths=(480,))
    with pytest.raises(PlanError, match="--also and --widths"):
        make_plan([str(tmp_path)], beside)
    (_, (found,)) = next(make_plan([str(tmp_path)], Settings(suffix="-s", widths=(480,))).scan())
    assert (found.target_name, found.base) == ("a-s.jpg", "a-s")


@pytest.mark.parametrize("text", ["", "a/b", "a\nb", "\0", "x" * 65, "\udcff"])
def test_a_suffix_that_no_file_name_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not allowed"):
        setting("suffix").parse(text)


def test_a_suffix_may_begin_with_a_dash() -> None:
    assert parse(["run", "x", "--suffix", "-small", "-q", "80"]).set_suffix == "-small"
    assert parse(["run", "x", "--suffix=-small"]).set_suffix == "-small"


# ── overwrite ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "made_by_us", "replaced"),
    [
        ("ours", True, {"large.jpg", "tiny.jpg"}),
        ("ours", False, set()),
        ("never", True, set()),
        ("bigger", False, {"large.jpg"}),
        ("all", False, {"large.jpg", "tiny.jpg"}),
    ],
)
def test_existing_files_are_replaced_as_asked(
    asked: str, made_by_us: bool, replaced: set[str], tmp_path: Path, samples: Path
) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    root.mkdir()
    out.mkdir()
    if made_by_us:
        (out / ".imgopt-tui").touch()
    there = {"large.jpg": b"x" * 10**6, "tiny.jpg": b"x"}
    for name, data in there.items():
        (root / name).write_bytes((samples / "photo.jpg").read_bytes())
        (out / name).write_bytes(data)
    (root / "new.jpg").write_bytes((samples / "photo.jpg").read_bytes())
    summary = ran(root, "-o", out, "-O", asked)
    now = tree(out)
    assert {name for name, data in there.items() if now[name] != data} == replaced
    assert (summary["done"], summary["skipped"]) == (1 + len(replaced), 2 - len(replaced))
    if asked == "bigger":
        again = ran(root, "-o", out, "-O", asked)
        assert (again["done"], again["already"], tree(out)) == (0, 2, now)


def test_in_place_excludes_what_is_for_output_folders(tmp_path: Path) -> None:
    for words in (["-O", "all"], ["--suffix", "-s"], ["--flat"]):
        run = call("run", tmp_path, "--in-place", *words)
        assert (run.returncode, run.stderr.count(b"\n")) == (2, 1), words
        assert b"cannot be set together" in run.stderr


def test_flat_results_are_known_again_by_the_next_run_and_by_resume(tmp_path: Path, samples: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    for folder, sample in (("a", "photo.jpg"), ("b", "small.jpg")):
        fill(root / folder, samples / sample, 1)
    words: list[str | Path] = [root, "-o", out, "--flat", "--also", "webp"]
    assert ran(*words)["done"] == 2
    names = {"a-i0000.jpg", "a-i0000.webp", "b-i0000.jpg", "b-i0000.webp"}
    assert set(tree(out)) == {*names, ".imgopt-tui"}
    (out / "b-i0000.webp").unlink()
    again = ran(*words)
    assert (again["already"], again["done"], set(tree(out)) - {".imgopt-tui"}) == (1, 1, names)


# ── conversions in place ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_conversion_in_place_that_an_earlier_run_made_is_done_already(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.png", 2)
    (root / "mine.png").write_bytes((samples / "photo.png").read_bytes())
    (root / "mine.webp").write_bytes(b"somebody else's")
    words: list[str | Path] = [root, "--in-place", "--format", "webp", "-x", "*.webp"]
    first = ran(*words)
    assert (first["done"], first["already"], first["skipped"]) == (2, 0, 1)
    before = tree(root)
    again = ran(*words)
    assert (again["done"], again["already"], again["skipped"]) == (0, 2, 3)
    assert tree(root) == before
    # What only lies beside its source so far may be asked to take its place.
    replaced = ran(*words, "--replace")
    assert replaced["done"] == 2
    assert not {"i0000.png", "i0001.png"} & set(tree(root))
    assert before["mine.webp"] == tree(root)["mine.webp"]
    assert call("undo", "last").returncode == 0
    assert tree(root)["i0000.png"] == before["i0000.png"]


def test_workers_are_told_what_a_plan_found_out(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "out/b.jpg")
    for asked, found in ((Overwrite.OURS, Overwrite.NEVER), (Overwrite.BIGGER, Overwrite.BIGGER)):
        settings = Settings(output=str(tmp_path / "out"), overwrite=asked.value)
        assert make_plan([str(tmp_path / "in")], settings).recipe().policy.overwrite is found
    assert make_plan([str(tmp_path / "in")], Settings()).recipe().policy.overwrite is Overwrite.ALL
