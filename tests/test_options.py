"""Promises of the command line's options beside what they set: suggestions, limits, one image through a pipe."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from engine.journal_file import JournalFile
from engine.places import journal_file
from tests.engine.test_run import fill
from tests.test_cli import call
from tui.__main__ import main
from tui.examples import EXAMPLES
from tui.grammar import COMMANDS
from tui.options import parse


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["rnu", "x"], "run"),
        (["statsu"], "status"),
        (["run", ".", "--qualty", "80"], "--quality"),
        (["run", ".", "--exlude=*.gif"], "--exclude"),
        (["report", "--htlm"], "--html"),
        (["--dmeo"], "--demo"),
    ],
)
def test_what_was_meant_is_suggested(
    given: list[str], meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(given) == 2
    said = capsys.readouterr().err
    assert f"(did you mean {meant}?)" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "missing"), [(["undo"], "RUN"), (["completions"], "SHELL"), (["optimize"], "IN, OUT")]
)
def test_what_a_command_cannot_do_without_is_named_and_no_more(
    given: list[str], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 2
    assert f"are required: {missing};" in capsys.readouterr().err


def test_help_shows_what_turns_off_what_is_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = capsys.readouterr().out
    for option in ("--backup", "--recursive", "--ignore-files"):
        assert re.search(rf"^  --no{option[1:]} +turns {option} off$", said, re.MULTILINE)


def test_a_path_that_is_not_there_is_named_also_without_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "Picturs")]) == 2
    assert capsys.readouterr().err.endswith("Picturs: no such file or folder\n")


def test_a_file_that_is_called_nearly_like_a_command_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "rnu").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse(["rnu"]).paths == ["rnu"]
    assert parse(["./rnu"]).paths == ["./rnu"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_short_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: imgopt-tui {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_a_short_help_with_examples_that_it_takes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "-h"] if command else ["-h"])
    short = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([command, "--help"] if command else ["--help"])
    full = capsys.readouterr().out
    assert len(short.splitlines()) <= min(90, len(full.splitlines()))
    for words, what in EXAMPLES[command]:
        line = " ".join(f"imgopt-tui {command} {words}".split())
        for text in (short, full):
            assert line in text
            assert what in text
        given = shlex.split(line)[1:]
        end = next((at for at, word in enumerate(given) if word in ("<", ">", "|")), len(given))
        assert parse(given[:end]).command == command


@pytest.mark.parametrize("help", ["-h", "--help"])
@pytest.mark.parametrize("action", ["show", "init", "path", "edit", "check"])
def test_every_action_of_config_has_help(action: str, help: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", action, help])
    assert ended.value.code == 0
    assert f"usage: imgopt-tui config {action}" in capsys.readouterr().out


def test_fail_fast_ends_a_run_with_4_at_the_first_image_that_fails(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 40)
    (root / "a.jpg").write_bytes(b"nothing")
    run = call("run", root, "--fail-fast", "-j", "1", "--json")
    summary = json.loads(run.stdout)["summary"]
    assert (run.returncode, summary["failed"], summary["phase"]) == (4, 1, "stopped")
    assert summary["remaining"] > 0
    assert b"--fail-fast ends the run" in run.stderr
    assert call("run", root, "-QQ").returncode == 1


def test_filters_reach_a_run(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    shutil.copy(samples / "small.png", root)
    for folder in ("keep", "thumbs"):
        fill(root / folder, samples / "small.jpg", 1)
    options = ["-x", "thumbs/", "--include", "*.jpg", "--max-depth", "2", "--min-size", "1", "--newer", "2001-01-01"]
    results = json.loads(call("run", root, "-n", "--json", *options).stdout)["results"]
    names = sorted(os.path.relpath(each["original_path"], root) for each in results)
    assert names == ["i0000.jpg", "i0001.jpg", "keep/i0000.jpg"]


def test_one_image_goes_from_stdin_to_stdout(tmp_path: Path, samples: Path) -> None:
    data = (samples / "photo.jpg").read_bytes()
    run = call("run", "-", "--format", "webp", "-q", "60", stdin=data, cwd=tmp_path)
    assert (run.returncode, run.stderr, run.stdout[8:12]) == (0, b"", b"WEBP")
    assert len(run.stdout) < len(data)
    tight = (samples / "tight.jpg").read_bytes()
    assert call("run", "-", "--metadata", "keep", stdin=tight).stdout == tight, "the better file, not nothing"
    run = call("run", "-", stdin=b"nothing")
    assert (run.returncode, run.stdout, run.stderr.count(b"\n")) == (1, b"", 1)
    assert os.listdir(tmp_path) == []
    for more in (["x.jpg"], ["--in-place"], ["-o", "out"], ["--also", "avif"], ["-n"]):
        run = call("run", "-", *more, stdin=data, cwd=tmp_path)
        assert (run.returncode, run.stdout, run.stderr.count(b"\n")) == (2, b"", 1), more


def listed(*paths: Path, end: str = "\n") -> bytes:
    return b"".join(os.fsencode(path) + end.encode() for path in paths)


def test_a_list_of_files_is_done_and_its_tree_kept(tmp_path: Path, samples: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    for folder in ("a/b", "a/c", "d"):
        fill(root / folder, samples / "small.jpg", 2)
    (root / "a" / "b" / "line\nbreak.jpg").write_bytes((samples / "small.jpg").read_bytes())
    chosen = [root / "a/b/i0000.jpg", root / "a/b/line\nbreak.jpg", root / "d/i0001.jpg"]
    run = call("run", "--files-from", "-", "-0", "-o", out, "--json", stdin=listed(*chosen, end="\0"))
    summary = json.loads(run.stdout)["summary"]
    assert (run.returncode, run.stderr, summary["found"]) == (0, b"", 3)
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.jpg")) == [
        "a/b/i0000.jpg",
        "a/b/line\nbreak.jpg",
        "d/i0001.jpg",
    ]
    names = tmp_path / "names"
    names.write_bytes(listed(Path("c/i0000.jpg"), Path("c/none.jpg"), Path("../d/i0000.jpg")))
    run = call("run", root / "a", "--files-from", names, "-n", "--json", cwd=root / "a")
    assert [each["original_path"] for each in json.loads(run.stdout)["results"]] == [str(root / "a/c/i0000.jpg")]
    assert b"2 of the files listed are left out" in run.stderr


def test_a_run_over_a_list_goes_on_with_that_list(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    call("run", root, "--files-from", "-", stdin=listed(root / "i0001.jpg", root / "i0002.jpg"))
    file = JournalFile(journal_file())
    file._db.execute("UPDATE runs SET ended=NULL, phase=NULL, report=NULL")
    file.close()
    summary = json.loads(call("resume", "--json").stdout)["summary"]
    assert (summary["found"], summary["already"]) == (2, 2)


@pytest.mark.parametrize(
    ("given", "code"), [([], 2), (["-0", "x"], 2), (["--files-from", "none"], 2), (["--files-from", "/dev/null"], 3)]
)
def test_no_files_and_no_list_is_said_in_one_sentence(
    given: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *given]) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_what_follows_two_dashes_is_a_path_whatever_it_begins_with() -> None:
    from tui.options import parse

    parsed = parse(["run", "-q", "80", "--", "-a.jpg", "--b", "c", "-"])
    assert (parsed.paths, parsed.set_quality) == (["./-a.jpg", "./--b", "c", "-"], "80")
    assert parse(["--", "-a"]).paths == ["./-a"]
