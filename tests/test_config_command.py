"""Promises of ``imgopt-tui config``: what it shows, writes, lets edit and checks, with good, bad and missing files."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from pathlib import Path

import pytest

from engine import config, machine
from engine.config import example
from engine.layers import Options
from engine.settings import SCHEMA
from engine.settings_file import read_settings
from tui.__main__ import main
from tui.config_command import COMMANDS
from tui.config_edit import edit
from tui.config_options import ACTIONS

FILE = "imgopt-tui.toml"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with ``a/x.jpg`` in it."""
    folder = tmp_path / "work"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x.jpg").touch()
    monkeypatch.chdir(folder)
    return folder


def user(text: str) -> Path:
    path = config.user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Call:
    """The exit code and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        capsys.readouterr()
        self.code = main(["config", *arguments])
        self.out, self.err = capsys.readouterr()

    def line(self, key: str) -> str:
        """What is shown of a setting, with single spaces."""
        [found] = [line for line in self.out.splitlines() if line.startswith(f"{key} ")]
        return " ".join(found.split()[1:])


def test_show_says_of_every_setting_what_it_is_and_where_it_comes_from(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("preset = 'archive'\n[presets.shop]\nlong_edge = 900\n[run]\nworkers = 3\n")
    (work / FILE).write_text("[limits]\nmax_frames = 7\n")
    below = work / "a" / FILE
    below.write_text("preset = 'shop'\n[encode]\nmetadata = 'copyright'\n[run]\nworkers = 9\n")
    shown = Call(capsys, "show", "a/x.jpg", "--effort", "fast")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines() if line[0] != "#"] == [entry.key for entry in SCHEMA]
    assert shown.line("encode.effort") == "fast command line (--effort)"
    assert shown.line("encode.metadata") == f"copyright {below}"
    assert shown.line("encode.long_edge") == f"900 preset shop, chosen by {below}"
    assert shown.line("encode.target_quality") == f"90 preset archive, chosen by {mine}"
    assert shown.line("run.workers") == f"3 {mine}"
    assert shown.line("limits.max_frames") == f"7 {work / FILE}"
    assert shown.line("encode.quality_jpeg") == "not set default"
    whole = Call(capsys, "--preset", "web", "--no-project-files")
    assert whole.line("encode.long_edge") == "not set default"
    assert whole.line("encode.quality_jpeg") == "82 preset web, chosen by command line"
    assert whole.line("limits.max_frames") == "1000 default"


def test_show_for_programs_says_the_same_in_the_shape_of_the_schema(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("[encode]\nwidths = [480, 960]\n")
    (work / "a" / FILE).write_text("[encode]\nquality = 70\n")
    value = json.loads(Call(capsys, "show", "a", "--json", "-x", "*.gif").out)
    jsonschema = pytest.importorskip("jsonschema")
    schema = {**json.loads(machine.schema_text()), "$ref": "#/$defs/config"}
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)
    assert value["path"] == str(work / "a")
    assert [(each["path"], each["used"]) for each in value["files"]] == [
        (str(mine), True),
        (str(work / FILE), False),
        (str(work / "a" / FILE), True),
    ]
    found = {each["key"]: (each["value"], each["source"], each["from"]) for each in value["settings"]}
    assert found["encode.widths"] == ([480, 960], "user file", str(mine))
    assert found["encode.quality"] == (70, "project file", str(work / "a" / FILE))
    assert found["scan.exclude"] == (["*.gif"], "command line", "--exclude")
    assert found["encode.effort"] == ("balanced", "default", None)


def test_what_applies_when_nothing_is_set_is_shown_as_the_numbers_it_comes_to(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Call(capsys)
    assert shown.line("encode.quality_webp") == "80 preset web, as nothing else is set"
    assert "(does not exist)" in shown.out
    for other in (["-q", "70"], ["--target-quality", "80"], ["--lossless"]):
        assert Call(capsys, *other).line("encode.quality_webp") == "not set default"


@pytest.mark.parametrize("path", ["nothing.jpg", "", "a/nothing"])
def test_show_of_what_is_not_there_is_a_sentence(path: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Call(capsys, "show", path)
    assert (shown.code, shown.out) == (2, "")
    assert "no such file or folder" in shown.err


def test_every_problem_of_every_file_is_listed_and_the_code_is_2(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("[encode]\nquality = 0\n[presets.p]\neffort = 'slow'\n")
    (work / "a" / FILE).write_text(
        "preset = 'no'\n[encode]\nwidth = 3\nlong_edge = 4\n[more]\n[output]\noutput = '/'\n"
    )
    checked = Call(capsys, "check", "a/x.jpg")
    assert (checked.code, checked.err) == (2, "")
    for path, key, said in (
        (mine, "encode.quality", "from 1 to 100"),
        (mine, "presets.p.effort", "one of"),
        (work / "a" / FILE, "preset", "there are web"),
        (work / "a" / FILE, "encode.long_edge", "together with encode.width"),
        (work / "a" / FILE, "more", "sections are"),
        (work / "a" / FILE, "output.output", "cannot be set by a project file"),
    ):
        assert re.search(rf"^{path}: {re.escape(key)}: .*{said}", checked.out, re.MULTILINE), key
    assert len(checked.out.splitlines()) == 6
    shown = Call(capsys, "show", "a/x.jpg")
    assert (shown.code, shown.out) == (2, "")


def test_files_that_are_good_or_not_there_are_said_to_be(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Call(capsys, "check")
    assert (nothing.code, nothing.out) == (0, "")
    assert f"yours would be {config.user_file()}" in nothing.err
    mine = user("[encode]\nquality = 70\n")
    assert Call(capsys, "check").out == f"{mine}: nothing is wrong\n"
    assert Call(capsys, "check", str(mine)).out == f"{mine}: nothing is wrong\n"
    missing = Call(capsys, "check", "other.toml")
    assert (missing.code, missing.out) == (2, "other.toml: does not exist\n")
    (work / "other.toml").write_text("[output]\noutput = '/srv'\n")
    assert Call(capsys, "check", "other.toml").code == 0
    os.rename("other.toml", FILE)
    assert Call(capsys, "check", FILE).code == 2


def test_init_writes_what_changes_nothing_and_never_over_a_file_unless_told(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Call(capsys).out.splitlines()[2:]
    assert Call(capsys, "init").out == f"{config.user_file()}\n"
    assert config.user_file().read_text() == example()
    assert Call(capsys).out.splitlines()[2:] == before
    mine = user("# mine\n")
    again = Call(capsys, "init")
    assert (again.code, again.out, mine.read_text()) == (2, "", "# mine\n")
    assert f"{mine}: is there already and stays as it is" in again.err
    assert Call(capsys, "init", "--force").code == 0
    assert (mine.read_text(), mine.with_name("config.toml.bak").read_text()) == (example(), "# mine\n")
    assert Call(capsys, "init", "--project").out == f"{work / FILE}\n"
    assert Call(capsys, "path", "--project").out == f"{work / FILE}\n"
    assert Call(capsys, "path").out == f"{mine}\n"


def test_init_that_cannot_write_says_so(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.user_file().parent.parent.mkdir(parents=True, exist_ok=True)
    config.user_file().parent.write_text("a file where the folder would be")
    ended = Call(capsys, "init")
    assert ended.code == 2
    assert "cannot be written" in ended.err


@pytest.mark.parametrize("project", [False, True])
def test_each_line_of_the_written_file_is_allowed_once_the_hash_is_off(project: bool, tmp_path: Path) -> None:
    text = example(project=project)
    path = tmp_path / "file.toml"
    for number, line in enumerate(lines := text.splitlines()):
        if re.match(r"#\w+ = |# preset = ", line):
            path.write_text("\n".join([*lines[:number], line.lstrip("# "), *lines[number + 1 :]]))
            assert read_settings(path, project=project).problems == (), line
            assert tomllib.loads(path.read_text()).keys() >= {"encode"}


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script in the place of an editor; what it says is done to the file, with ``$1`` for its name."""
    script = tmp_path / "an editor.sh"
    monkeypatch.setenv("VISUAL", f"sh '{script}'")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return script


def test_edit_takes_what_is_good_and_keeps_the_rest_of_the_file(
    work: Path, editor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("# mine\n[encode]\nquality = 70\n")
    editor.write_text('sed -i s/70/71/ "$1"\n')
    assert Call(capsys, "edit").code == 0
    assert mine.read_text() == "# mine\n[encode]\nquality = 71\n"
    editor.write_text(": nothing\n")
    assert "nothing was changed" in Call(capsys, "edit").err
    editor.write_text('sed -i "s/^#effort/effort/" "$1"\n')
    assert Call(capsys, "edit", "--project").code == 0
    assert config.load(Options({}, {})).effort == "balanced"
    assert (work / FILE).read_text() == example(project=True).replace("#effort", "effort")


@pytest.mark.parametrize("new", [b"[encode]\nquality = 0\n", b"[encode\n", b"preset = 'no'\n", b"\xff"])
def test_edit_keeps_the_old_file_where_the_new_one_is_bad_and_says_where_the_new_one_is(
    new: bytes, work: Path, editor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("# mine\n")
    (work / "new").write_bytes(new)
    editor.write_text('cp new "$1"\n')
    ended = Call(capsys, "edit")
    assert (ended.code, mine.read_text()) == (2, "# mine\n")
    draft = re.search(r"stays as it is; what was edited is in (.+)$", ended.err, re.MULTILINE)
    assert draft
    assert Path(draft[1]).read_bytes() == new


def test_edit_goes_back_into_the_editor_until_it_is_good(
    work: Path, editor: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = user("# mine\n")
    editor.write_text(
        'if grep -q quality "$1"; then sed -i s/0/50/ "$1"; else printf "[encode]\\nquality=0" > "$1"; fi\n'
    )
    asked: list[str] = []

    def again() -> bool:
        asked.append(capsys.readouterr().err)
        return True

    assert edit(mine, again) == 0
    assert len(asked) == 1
    assert "encode.quality: 0 is not allowed: use a whole number from 1 to 100" in asked[0]
    assert mine.read_text() == "[encode]\nquality=50"


def test_edit_writes_nothing_when_the_editor_fails_or_somebody_else_was_quicker(
    work: Path, editor: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = user("# mine\n")
    editor.write_text('echo "# other" > "$1"; exit 3\n')
    failed = Call(capsys, "edit")
    assert (failed.code, mine.read_text()) == (1, "# mine\n")
    assert "ended with 3" in failed.err
    editor.write_text(f"echo '# other' > \"$1\"; echo '# theirs' > '{mine}'\n")
    assert Call(capsys, "edit").code == 1
    assert mine.read_text() == "# theirs\n"
    monkeypatch.setenv("VISUAL", "/nothing/there")
    assert "cannot be started" in Call(capsys, "edit").err
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", "/nothing")
    ended = Call(capsys, "edit")
    assert ended.code == 2
    assert "set it to an editor" in ended.err


def test_a_project_file_of_somebody_else_is_named_and_not_used(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / FILE).write_text("[encode]\nquality = 1\n")
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(work / FILE, 12345, 12345)
    shown = Call(capsys)
    assert shown.line("encode.quality") == "not set default"
    assert f"{work / FILE} (belongs to somebody else, so it is not used)" in shown.out
    assert "belongs to somebody else" in Call(capsys, "check").out


def test_help_lists_every_action(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in ACTIONS)
    assert set(ACTIONS) == set(COMMANDS)


def test_a_word_that_is_nearly_an_action_is_taken_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    ended = Call(capsys, "chekc")
    assert ended.code == 2
    assert "did you mean check?" in ended.err
    assert Call(capsys, "path", "-q", "70").code == 2
