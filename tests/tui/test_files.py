import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.folder_settings import FolderSettings
from tests.tui.driving import FakeDisk, opened
from tui.disk import Disk
from tui.file_tree import FileTree, Node
from tui.files_pane import PORTION

ROOT = "/srv/media/2026"


def tree_of(names: int) -> tuple[FileTree, Node]:
    tree = FileTree([ROOT])
    tree.rows[0].is_folder = True
    tree.open(tree.rows[0])
    tree.add(tree.rows[0], [Node(f"{ROOT}/{at}", str(at), at % 2 == 0, 1) for at in range(names)])
    return tree, tree.rows[0]


def test_marks_inside_a_marked_folder_are_not_roots_of_their_own() -> None:
    tree, root = tree_of(4)
    tree.toggle(tree.rows[2])
    tree.toggle(tree.rows[1])
    assert tree.roots() == (f"{ROOT}/1", f"{ROOT}/0")
    tree.toggle(root)
    assert tree.roots() == (ROOT,)
    assert tree.mark(tree.rows[4]) == "."


def test_closing_and_opening_brings_back_the_same_lines() -> None:
    tree, root = tree_of(6)
    inner = tree.rows[1]
    tree.open(inner)
    tree.add(inner, [Node(f"{inner.path}/x", "x", False, 2)])
    before = list(tree.rows)
    tree.close(root)
    assert tree.rows == [root]
    tree.open(root)
    assert tree.rows == before
    assert tree.parent(2) == 1


async def test_marked_folders_are_what_the_run_gets() -> None:
    async with opened(attach=False, roots=[ROOT]) as it:
        it.app.main.files.model.rows[0].is_folder = True
        it.app.main.files._open(it.app.main.files.model.rows[0])
        await it.until_text("c.jpg")
        await it.pilot.press("down", "space", "down", "space", "r")
        await it.until(lambda: it.started)
        assert it.started == [(f"{ROOT}/a", f"{ROOT}/c.jpg")]
        await it.until_text("[2 Batches]", "RUN")


@pytest.mark.parametrize("read", [True, False])
async def test_a_folder_with_settings_of_its_own_says_so_where_they_are_read(tmp_path: Path, read: bool) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "imgopt-tui.toml").touch()
    own = FolderSettings(project_files=read)
    async with opened(attach=False, roots=[str(tmp_path)], disk=Disk(), own=own) as it:
        rows = it.app.main.files.model.rows
        await it.until(lambda: len(rows) == 3 and all(row.counted for row in rows))
        assert [row.settings for row in rows] == ["", "imgopt-tui.toml", ""]
        it.app.main.files.redraw()
        await it.until_text(" a  imgopt-tui.toml" if read else " a   ")


async def test_without_marks_the_run_gets_the_given_folders() -> None:
    async with opened(attach=False, roots=[ROOT]) as it:
        await it.pilot.press("r")
        await it.until(lambda: it.started)
        assert it.started == [(ROOT,)]


async def test_twenty_thousand_files_in_one_folder_leave_the_loop_free() -> None:
    disk = FakeDisk(folders={"/tmp": [f"f{at}.jpg" for at in range(20_000)]})
    turns = 0
    portions: list[tuple[int, int]] = []

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with opened(attach=False, roots=["/tmp"], disk=disk) as it:
        model = it.app.main.files.model
        add = model.add

        def added(parent: Node, nodes: Iterable[Node]) -> None:
            new = list(nodes)
            portions.append((len(new), turns))
            add(parent, new)

        model.add = added  # type: ignore[method-assign]  # watches, changes nothing
        counter = asyncio.create_task(count_turns())
        await it.until(lambda: it.app.main.files.total == 20_001)
        await it.pilot.press("G")
        await it.until_text("f19999.jpg")
        counter.cancel()
    assert portions, "the folder was read before the test looked"
    assert max(size for size, _ in portions) <= PORTION
    assert len({turn for _, turn in portions}) == len(portions), "other work gets its turn between two portions"


async def test_a_folder_that_cannot_be_read_says_so() -> None:
    async with opened(attach=False, roots=["/tmp"], disk=FakeDisk()) as it:
        await it.until_text("Permission denied")


async def test_hidden_names_appear_on_request_and_a_typed_path_becomes_the_root() -> None:
    disk = FakeDisk(folders={"/tmp": [".secret.jpg", "a.jpg"], "/usr": ["lib/"]})
    async with opened(attach=False, roots=["/tmp"], disk=disk) as it:
        await it.until_text("a.jpg")
        assert ".secret.jpg" not in it.text
        await it.pilot.press("full_stop")
        await it.until_text(".secret.jpg")
        await it.pilot.press("colon", *"/usr", "enter")
        await it.until_text("lib")
        await it.pilot.press("colon", *"/nowhere", "enter")
        await it.until_text("there is no /nowhere")


def test_lines_are_those_of_a_tree_built_anew_whatever_was_opened_and_filtered() -> None:
    tree, root = tree_of(40)
    folder = tree.rows[1]
    tree.open(folder)
    inner = [Node(f"{folder.path}/{name}", name, name.endswith("d"), 2) for name in ("xd", "a5", "b")]
    tree.add(folder, inner)
    tree.open(inner[0])
    tree.add(inner[0], [Node(f"{inner[0].path}/55", "55", False, 3)])
    for words in ("5", ""):
        tree.narrow(words)
        for node in (folder, root):
            before = list(tree.rows)
            tree.close(node)
            tree.add(inner[0], [])
            tree.open(node)
            assert tree.rows == before
        names = [node.name for node in tree.rows[1:] if not node.is_folder]
        assert names == [name for name in names if words in name]
        assert ("b" in names) == (not words)
    tree.close(root)
    tree.add(inner[0], [Node(f"{inner[0].path}/late", "late", False, 3)])
    tree.open(root)
    assert [node.name for node in tree.rows[:6]] == [ROOT, "0", "xd", "55", "late", "a5"]


def test_a_pattern_marks_lines_and_folders_say_that_some_are_inside() -> None:
    tree, root = tree_of(4)
    tree.add(root, [Node(f"{ROOT}/{name}", name, False, 1, 10) for name in ("A.PNG", "b.png", "c.jpg")])
    assert tree.mark_matching("*.png") == 2
    assert tree.mark_matching("*.png") == 0
    assert tree.mark_matching("2026/c.*") == 1
    assert tree.roots() == (f"{ROOT}/A.PNG", f"{ROOT}/b.png", f"{ROOT}/c.jpg")
    assert tree.marked_size() == (3, 30)
    assert tree.mark(root) == "-"
    tree.unmark_all()
    assert tree.mark(root) == " "


async def test_files_are_filtered_marked_by_pattern_and_gone_to_by_key() -> None:
    disk = FakeDisk(folders={"/tmp": ["a.jpg", "b.png", "c.png"], "/usr": ["lib/"]})
    async with opened(attach=False, roots=["/tmp"], disk=disk) as it:
        await it.until_text("a.jpg")
        await it.pilot.press("slash", *"png", "enter")
        await it.until_text("/png  1 of 3")
        assert "a.jpg" not in it.text
        await it.pilot.press("slash", *["backspace"] * 3, "enter", "asterisk", *"*.png", "enter")
        await it.until_text("2 lines marked by *.png", "2 marks, 2 images, 2.0K: r runs what is marked")
        await it.pilot.press("L", *["backspace"] * 4, *"/nowhere", "enter")
        await it.until_text("there is no /nowhere")
        await it.pilot.press(*["backspace"] * 8, *"/usr", "enter")
        await it.until_text("lib", "/usr")
