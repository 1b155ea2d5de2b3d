import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.child import command, environment
from tui.demo import DemoError, make_demo

COUNT = 60
DECODE = """
import json, sys
import pyvips
facts = []
for path in json.load(sys.stdin):
    pages = {"n": -1} if path.endswith(".gif") else {}
    image = pyvips.Image.new_from_file(path, access="sequential", fail_on="warning", **pages)
    image.avg()
    facts.append([image.width, image.get_page_height(), image.hasalpha(), image.get_n_pages()])
print(json.dumps(facts))
"""


def silent(line: str) -> None:
    """Nobody listens."""


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 by path below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_demo(str(folder), count=COUNT, say=silent)
    return folder


def test_as_many_images_as_asked_for_and_no_two_alike(demo: Path) -> None:
    found = digests(demo)

    assert len(found) == COUNT
    assert len(set(found.values())) == COUNT


def test_a_small_tree_of_several_formats(demo: Path) -> None:
    paths = [path for path in demo.rglob("*") if path.is_file()]

    assert {path.suffix for path in paths} == {".jpg", ".png", ".webp", ".gif"}
    assert {path.relative_to(demo).parts[0] for path in paths} == {"Holiday", "Shop", "Website"}


def test_every_image_decodes_and_some_have_alpha_or_frames(demo: Path) -> None:
    paths = sorted(str(path) for path in demo.rglob("*") if path.is_file())
    done = subprocess.run(
        [sys.executable, "-c", DECODE],
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        env=environment(pixels=True),
        check=True,
    )
    facts = json.loads(done.stdout)

    assert all(
        299 <= max(width, height) <= 1601
        for path, (width, height, _, _) in zip(paths, facts, strict=True)
        if not path.endswith(".gif")
    )
    assert any(alpha for _, _, alpha, _ in facts)
    assert any(frames > 1 for _, _, _, frames in facts)


def test_the_same_again_every_time(demo: Path, tmp_path: Path) -> None:
    make_demo(str(tmp_path / "again"), count=COUNT, say=silent)

    assert digests(tmp_path / "again") == digests(demo)


def test_another_seed_makes_other_images(demo: Path, tmp_path: Path) -> None:
    maker = [*command("tui.demo_maker"), str(tmp_path), "--count", "10", "--seed", "2"]
    subprocess.run(maker, cwd="/", env=environment(pixels=True), check=True)

    assert not set(digests(tmp_path).values()) & set(digests(demo).values())


def test_one_line_is_said(tmp_path: Path) -> None:
    said: list[str] = []

    make_demo(str(tmp_path), count=1, say=said.append)

    assert len(said) == 1
    assert str(tmp_path) in said[0]


def test_a_folder_that_cannot_be_written_is_named_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(DemoError, match=r"the demo's images cannot be made in .*file"):
        make_demo(str(tmp_path / "file"), count=1, say=silent)


def test_the_parent_never_imports_pyvips(tmp_path: Path) -> None:
    code = (
        "import sys; from tui.demo import make_demo;"
        f"make_demo({str(tmp_path)!r}, count=2, say=print); assert 'pyvips' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, capture_output=True)
