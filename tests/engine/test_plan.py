"""Promises of the plan: what is read, where results go, and what is refused before anything is written."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import folders
from engine.errors import PlanError
from engine.extent import Extent
from engine.formats import Format, format_for_extension
from engine.listing import count_tree, list_folder
from engine.names import output_names
from engine.plan import CHUNK, Plan, make_plan
from engine.settings import Settings


def make(root: Path, *names: str | bytes) -> Path:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x" * 10)
    return root


def scan(plan: Plan, notes: list[str] | None = None) -> dict[str, str]:
    """Source → target of the images, source → reason of what is left out."""
    found: dict[str, str] = {}
    for folder, entries in plan.scan((notes if notes is not None else []).append):
        for entry in entries:
            source = os.path.join(folder.source, entry.name)
            assert source not in found, "one image found twice"
            found[source] = entry.skip or os.path.join(folder.target, entry.target_name)
    return found


def planned(root: Path, **settings: object) -> dict[str, str]:
    """As ``scan`` with the default output, relative to root and its output."""
    plan = make_plan([str(root)], Settings().with_values(settings))
    return {os.path.relpath(s, root): t.removeprefix(f"{root}/optimized/") for s, t in scan(plan).items()}


def test_the_tree_is_kept(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b/c.png", "b/d/e.webp", "b/notes.txt", "f.GIF")
    assert planned(tmp_path) == {name: name for name in ("a.jpg", "b/c.png", "b/d/e.webp", "f.GIF")}


def test_scan_leaves_hidden_and_deep_files_out_unless_asked(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", ".b.jpg", ".c/d.jpg", "e/f.jpg")
    assert set(planned(tmp_path)) == {"a.jpg", "e/f.jpg"}
    assert set(planned(tmp_path, hidden=True)) == {"a.jpg", ".b.jpg", ".c/d.jpg", "e/f.jpg"}
    assert set(planned(tmp_path, recursive=False)) == {"a.jpg"}


def test_colliding_names_get_distinct_predictable_names(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "a.jpg", "a.webp", "b.png", "c.PNG", "c.jpg", "D.png", "d.jpg", "e.png", "e.png.webp")
    make(tmp_path, "e.jpg")
    assert planned(tmp_path, format="webp") == {
        "a.png": "a.png.webp",
        "a.jpg": "a.jpg.webp",
        "a.webp": "a.webp",
        "b.png": "b.webp",
        "c.PNG": "c.PNG.webp",
        "c.jpg": "c.jpg.webp",
        "D.png": "D.png.webp",
        "d.jpg": "d.jpg.webp",
        "e.png": "e.png-2.webp",
        "e.jpg": "e.jpg.webp",
        "e.png.webp": "e.png.webp",
    }


stems = st.sampled_from(["a", "A", "ä", "a\u0308", "a.png", "a-2", "a.png-2", "ß", "ss", "A.PNG.webp"])
names = st.builds(
    lambda stem, ext: stem + ext, stems, st.sampled_from([".png", ".PNG", ".jpg", ".webp", ".gif", ".tif"])
)


@given(st.lists(names, unique=True, max_size=25), st.none() | st.sampled_from(Format))
def test_output_names_are_always_distinct(names: list[str], format: Format | None) -> None:
    found = output_names(names, [format] * len(names))
    assert len(set(found)) == len(names)
    if format is not None:
        assert all(format_for_extension(os.path.splitext(name)[1]) is format for name in found)


@given(st.data(), st.lists(names, unique=True, max_size=12))
def test_output_names_do_not_depend_on_the_order(data: st.DataObject, names: list[str]) -> None:
    other = data.draw(st.permutations(names))
    first = dict(zip(names, output_names(names, [Format.WEBP] * len(names)), strict=True))
    assert first == dict(zip(other, output_names(other, [Format.WEBP] * len(other)), strict=True))


@given(st.lists(names.filter(lambda name: not name.endswith(".webp")), unique=True, max_size=20))
def test_converted_names_are_distinct_for_a_file_system_that_folds_case(names: list[str]) -> None:
    import unicodedata

    found = output_names(names, [Format.WEBP] * len(names))
    assert len({unicodedata.normalize("NFC", name).casefold() for name in found}) == len(names)


def test_our_output_is_marked_and_never_scanned(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    plan = make_plan([str(tmp_path)], Settings())
    plan.prepare()
    assert (tmp_path / "optimized" / folders.MARKER).is_file()
    make(tmp_path, "optimized/a.jpg", "moved/b.jpg")
    folders.mark_ours(str(tmp_path / "moved"))
    assert set(planned(tmp_path)) == {"a.jpg"}


@pytest.mark.parametrize("kind", ["folder with a file", "file", "link to a folder", "dangling link"])
def test_a_foreign_optimized_is_refused_with_a_sentence_that_names_o(tmp_path: Path, kind: str) -> None:
    make(tmp_path, "a.jpg", "other/b.jpg")
    target = tmp_path / "optimized"
    match kind:
        case "folder with a file":
            make(tmp_path, "optimized/own.txt")
        case "file":
            target.write_text("")
        case "link to a folder":
            target.symlink_to(tmp_path / "other")
        case "dangling link":
            target.symlink_to(tmp_path / "nothing")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(PlanError, match="-o"):
        make_plan([str(tmp_path)], Settings())
    assert sorted(os.listdir(tmp_path)) == before


def test_an_empty_optimized_is_taken(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    (tmp_path / "optimized").mkdir()
    make_plan([str(tmp_path)], Settings()).prepare()
    assert folders.ours(str(tmp_path / "optimized"))


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_output_inside_the_input_is_not_eaten_on_the_first_run_nor_the_second(
    tmp_path: Path, several: bool, foreign: bool
) -> None:
    root, other = make(tmp_path / "in", "a.jpg", "deep/b.jpg"), make(tmp_path / "more", "c.jpg")
    output = root / "deep" / "out"
    if foreign:
        make(output, "notes.txt")
    roots = [str(root), str(other)] if several else [str(root)]
    for _ in range(2):
        plan = make_plan(roots, Settings(output=str(output)))
        plan.prepare()
        found: list[str] = []
        for folder, entries in plan.scan():
            for entry in entries:
                found.append(entry.name)
                make(Path(folder.target), entry.target_name)  # results appear while the scan goes on
        assert sorted(found) == ["a.jpg", "b.jpg"] + (["c.jpg"] if several else [])


@pytest.mark.parametrize("output", ["", "..", "link", "../.."])
def test_output_that_holds_the_input_is_refused(tmp_path: Path, output: str) -> None:
    root = make(tmp_path / "x" / "in", "a.jpg")
    (root / "link").symlink_to(tmp_path / "x")
    with pytest.raises(PlanError, match="--in-place"):
        make_plan([str(root)], Settings(output=str(root / output)))


def test_an_output_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    root = make(tmp_path / "in", "a.jpg")
    make(tmp_path, "file")
    with pytest.raises(PlanError, match="is a file"):
        make_plan([str(root)], Settings(output=str(tmp_path / "file")))
    with pytest.raises(PlanError, match="cannot be made"):
        make_plan([str(root)], Settings(output=str(tmp_path / "file" / "below"))).prepare()
    with pytest.raises(PlanError, match="cannot be made"):
        make_plan([str(root)], Settings(output="/proc/nothing")).prepare()


@pytest.mark.parametrize("output", [None, "out"])
def test_an_output_folder_that_cannot_be_listed_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str | None
) -> None:
    root = make(tmp_path / "in", "a.jpg", "optimized/x")
    make(tmp_path / "out", "x")

    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(PlanError, match="cannot be read: Permission denied"):  # noqa: PT012
        patch.setattr(os, "scandir", refuse)
        make_plan([str(root)], Settings(output=output and str(tmp_path / output)))


def test_a_root_that_is_our_own_output_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    folders.mark_ours(str(tmp_path))
    notes: list[str] = []
    assert scan(make_plan([str(tmp_path)], Settings()), notes) == {}
    assert "holds results of imgopt-tui" in notes[0]


def test_a_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (str(tmp_path / "nothing"), "", "a\0b"):
        with pytest.raises(PlanError, match=r"no such file|is not a path"):
            make_plan([path], Settings())


def test_links_pipes_and_sockets_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "outside", "far.jpg", "folder/far.jpg")
    root = make(tmp_path / "in", "a.jpg")
    (root / "to-file.jpg").symlink_to(tmp_path / "outside" / "far.jpg")
    (root / "to-folder").symlink_to(tmp_path / "outside" / "folder")
    (root / "to-folder.jpg").symlink_to(tmp_path / "outside" / "folder")
    (root / "dangling.png").symlink_to("nothing.png")
    (root / "loop.png").symlink_to("loop.png")
    (root / "parent").symlink_to(root)
    (root / "folder.jpg").mkdir()
    os.mkfifo(root / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as plug:
        monkeypatch.chdir(root)
        plug.bind("plug.png")
    link, odd = "a symbolic link, which is not followed", "not a regular file"
    assert planned(root) == {
        "a.jpg": "a.jpg",
        "to-file.jpg": link,
        "dangling.png": link,
        "loop.png": link,
        "pipe.jpg": odd,
        "plug.png": odd,
    }


def test_names_that_are_not_text_survive(tmp_path: Path) -> None:
    raw = [b"\xff\xfe.jpg", b"new\nline.png", b"\x1b[31m.png", b"a.png[Q=1].png", b" .jpg", b"x" * 251 + b".jpg"]
    make(tmp_path, *raw)
    assert {os.fsencode(name) for name in planned(tmp_path)} == set(raw)


def test_a_folder_that_cannot_be_read_is_named_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.jpg", "shut/b.jpg", "z/c.jpg")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    notes: list[str] = []
    found = scan(make_plan([str(tmp_path)], Settings()), notes)
    assert [os.path.basename(name) for name in found] == ["a.jpg", "c.jpg"]
    assert len(notes) == 1
    assert notes[0].startswith(f"{tmp_path}/shut: this folder cannot be read (Permission denied)")


def test_a_tree_too_deep_for_a_path_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.jpg")
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    os.chdir(tmp_path)
    notes: list[str] = []
    assert len(scan(make_plan([str(tmp_path)], Settings()), notes)) == 1
    assert len(notes) == 1


def test_each_folder_is_scanned_once_whatever_roots_say(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "in/b/c.jpg", "in/.d/e.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    roots = [str(tmp_path / name) for name in ("in", "in/b", "link", "in/b/c.jpg", "in/b/../a.jpg")]
    assert len(scan(make_plan(roots, Settings()))) == 2


def test_a_root_inside_another_that_would_not_be_reached_is_scanned(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "in/b/c.jpg", "in/.d/e.jpg")
    roots = [str(tmp_path / "in"), str(tmp_path / "in" / "b"), str(tmp_path / "in" / ".d")]
    assert len(scan(make_plan(roots, Settings(recursive=False)))) == 3
    assert len(scan(make_plan(roots, Settings()))) == 3
    assert len(scan(make_plan([roots[0], f"{roots[2]}/e.jpg"], Settings()))) == 3


def test_several_roots_get_a_name_each_in_one_output(tmp_path: Path) -> None:
    roots = [str(make(tmp_path / name, "a.jpg")) for name in ("x/pics", "y/pics", "y/Pics")]
    found = scan(make_plan(roots, Settings(output=str(tmp_path / "out"))))
    assert [os.path.relpath(target, tmp_path / "out") for target in found.values()] == [
        "pics/a.jpg",
        "pics-2/a.jpg",
        "Pics-3/a.jpg",
    ]


def test_single_files_can_be_roots(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg", "c.odd", "sub/d.png")
    roots = [str(tmp_path / name) for name in ("a.jpg", "c.odd", "sub/d.png")]
    found = scan(make_plan(roots, Settings(output=str(tmp_path / "out"))))
    assert sorted(os.path.basename(name) for name in found) == ["a.jpg", "c.odd", "d.png"]


def test_in_place_results_stay_with_their_sources_and_replace_no_neighbour(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", "b.webp", "c.webp")
    plan = make_plan([str(tmp_path)], Settings(in_place=True, format="webp"))
    found = {os.path.basename(s): os.path.basename(t) for s, t in scan(plan).items()}
    assert found == {
        "a.png": "a.webp",
        "b.png": "'b.webp' exists already beside it",
        "b.webp": "b.webp",
        "c.webp": "c.webp",
    }


def test_converting_in_place_again_writes_no_second_copy(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", "b.jpg")
    plan = make_plan([str(tmp_path)], Settings(in_place=True, format="webp"))
    results = [os.path.basename(target) for target in scan(plan).values()]
    assert sorted(results) == ["a.webp", "b.jpg.webp", "b.png.webp"]
    make(tmp_path, *results)
    again = scan(plan)
    assert all("exists already" in target for source, target in again.items() if not source.endswith(".webp"))


def test_the_first_images_come_before_the_scan_ends(tmp_path: Path) -> None:
    make(tmp_path, *(f"{number}.jpg" for number in range(CHUNK + 1)), "later/x.jpg")
    opened: list[str] = []
    real = os.scandir

    def spy(path: str) -> Any:
        opened.append(path)
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", spy)
        chunks = make_plan([str(tmp_path)], Settings()).scan()
        _, first = next(chunks)
        assert len(first) == CHUNK
        assert opened == [str(tmp_path)]
        assert sum(len(found) for _, found in chunks) == 2


def test_the_tree_on_the_screen_leaves_our_output_and_links_out(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "A.png", "sub/c.jpg", "optimized/b.jpg", "x.txt", ".h.jpg")
    folders.mark_ours(str(tmp_path / "optimized"))
    (tmp_path / "link.jpg").symlink_to("b.jpg")
    assert [entry.name for entry in list_folder(str(tmp_path))] == ["sub", "A.png", "b.jpg"]
    assert count_tree(str(tmp_path), stop=lambda: False) == (3, 30)


def test_a_root_that_cannot_be_looked_at_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stale(path: str, **_: object) -> os.stat_result:
        raise OSError(errno.ESTALE, "stale")

    monkeypatch.setattr("engine.plan.os.stat", stale)
    with pytest.raises(PlanError, match="cannot be looked at: stale file handle"):
        make_plan([str(tmp_path)], Settings())


def test_a_look_at_a_part_gives_what_a_scan_of_all_gives_of_it(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "a.jpg", "b/c.png", "b/c.jpg", "b/d/e.png", "f/g.png", "b/.imgoptignore")
    (tmp_path / "b" / ".imgoptignore").write_text("e.png\n")
    plan = make_plan([str(tmp_path)], Settings(format="webp"))
    everything = scan(plan)

    def look(images: list[str], folders: list[str]) -> tuple[dict[str, str], list[str]]:
        entered: list[str] = []
        extent = Extent(
            [str(tmp_path / one) for one in images], [str(tmp_path / one) for one in folders], entered.append
        )
        found = {
            os.path.join(folder.source, each.name): os.path.join(folder.target, each.target_name)
            for folder, part in plan.look(lambda line: None, extent)
            for each in part
        }
        return found, [os.path.relpath(path, tmp_path) for path in entered]

    def part(*names: str) -> dict[str, str]:
        return {str(tmp_path / name): everything[str(tmp_path / name)] for name in names}

    assert look([], []) == (everything, [".", "b", "b/d", "f"])
    assert look(["b/c.png", "gone.png"], []) == (part("b/c.png"), [".", "b"])
    assert look(["b/d/e.png"], ["f"]) == (part("f/g.png"), [".", "b", "b/d", "f"])
    assert look(["a.jpg"], ["b"]) == (part("a.jpg", "b/c.png", "b/c.jpg"), [".", "b", "b/d"])
