"""Promises of the command line, called as a process."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.engine.test_run import fill
from tui.run_output import Pace

TOOL = [sys.executable, "-W", "error", "-m", "tui"]
FIELDS = {
    "original_path",
    "optimized_path",
    "original_size",
    "optimized_size",
    "success",
    "error",
    "savedBytes",
    "compressionRatio",
}
"""The contract's."""
RECORD = FIELDS | {"status", "reason", "sourceFormat", "format", "width", "height", "quality", "seconds"}
"""Of one image of a run."""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}


def call(*given: str | bytes | Path, cwd: Path | None = None, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command: list[Any] = [*TOOL[:-1], "tui.__main__", *given]
    return subprocess.run(command, env=environment(), cwd=cwd, input=stdin, capture_output=True, timeout=60)


def test_run_prints_its_report_on_stdout_and_nothing_on_stderr(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    run = call("run", root)
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(b"3 done, 0 kept, 0 skipped, 0 failed")


def test_json_is_one_object_with_summary_and_results(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 3)
    (root / "bad.png").write_bytes(b"nothing")
    (root / "link.png").symlink_to("i0000.jpg")
    run = call("run", root, "--json", "-o", tmp_path / "out", "--format", "webp", "-q", "50", "-j", "2")
    value = json.loads(run.stdout)
    assert run.returncode == 1
    assert set(value) == {"schema", "summary", "results"}
    assert all(set(result) == RECORD for result in value["results"])
    found = {os.path.basename(result["original_path"]): result for result in value["results"]}
    assert {name: result["status"] for name, result in found.items()} == {
        "i0000.jpg": "done",
        "i0001.jpg": "done",
        "i0002.jpg": "done",
        "bad.png": "failed",
        "link.png": "skipped",
    }
    assert found["i0000.jpg"]["optimized_path"] == str(tmp_path / "out" / "i0000.webp")
    assert (tmp_path / "out" / "i0000.webp").stat().st_size == found["i0000.jpg"]["optimized_size"]
    assert (value["summary"]["done"], value["summary"]["failed"]) == (3, 1)


def test_ndjson_is_a_line_for_each_image_then_the_summary(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 4)
    lines = [json.loads(line) for line in call("run", root, "--ndjson").stdout.splitlines()]
    assert len(lines) == 5
    assert all(set(line) == RECORD | {"schema"} for line in lines[:4])
    assert lines[4]["summary"]["processed"] == 4


def test_a_reader_that_leaves_does_not_stop_the_run(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 200)
    command = [*TOOL[:-1], "tui.__main__", "run", str(root), "--ndjson"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.stdout.close()
        assert run.wait(30) in (0, 1)
    assert len(list((root / "optimized").glob("*.jpg"))) == 200


def test_quiet_says_only_what_changed_in_a_line_and_what_failed(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    run = call("run", root, "-Q")
    assert (run.returncode, run.stderr, run.stdout.count(b"\n")) == (0, b"", 1)
    assert run.stdout.startswith(b"2 done, 0 failed, saved ")
    assert call("run", root, "-Q").stdout == b"", "nothing new"
    (root / "bad.jpg").write_bytes(b"")
    fill(root / "more", samples / "small.jpg", 1)
    run = call("run", root, "-QQ")
    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr.count(b"\n") == 1
    assert b"bad.jpg: failed: " in run.stderr


def test_verbose_names_every_image_and_twice_says_how_it_was_made(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    shutil.copy(samples / "tight.jpg", root)
    said = call("run", root, "-v").stderr.decode().splitlines()
    assert sorted(line.split(": ")[1] for line in said) == ["i0000.jpg", "i0001.jpg", "tight.jpg"]
    assert any(re.search(r"i0000.jpg: done: .* -> .* \(\d+\.\d% saved\)$", line) for line in said)
    assert any("tight.jpg: kept: " in line for line in said)
    said = call("run", root, "-vv", "--json", "--format", "webp").stderr.decode().splitlines()
    assert any(re.search(r"jpeg -> webp 80, 64 x 48, \d\.\d\d s, worker \d", line) for line in said)
    assert "done already" in call("run", root, "-vv", "--format", "webp").stderr.decode()


@given(st.lists(st.floats(0, 90_000), max_size=200))
def test_a_log_gets_a_line_a_minute_at_most_and_later_one_in_five(times: list[float]) -> None:
    pace, said = Pace(), [0.0]
    for at in sorted(times):
        if pace.due(at):
            assert at // 60 > said[-1] // 60
            assert at < 900 or at // 300 > said[-1] // 300
            said.append(at)
        elif at >= 60:
            assert at - said[-1] < (60 if said[-1] < 600 else 300)


def test_the_command_of_on_finish_gets_the_summary_also_after_failures_and_its_own_is_said(
    tmp_path: Path, samples: Path
) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    (root / "bad.jpg").write_bytes(b"")
    run = call("run", root, "-QQ", "--on-finish", "cat; exit 3")
    assert (run.returncode, run.stdout) == (1, b"")
    lines = run.stderr.splitlines()
    assert json.loads(lines[-2])["summary"]["failed"] == 1
    assert lines[-1] == b"imgopt-tui: the command of --on-finish ended with 3: cat; exit 3"


def test_a_table_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    run = call("run", root, "--csv", tmp_path / "none" / "t.csv")
    assert (run.returncode, run.stderr.count(b"\n")) == (2, 1)
    assert not (root / "optimized").exists()
    run = call("run", root, "-n", "--csv", tmp_path / "t.csv")
    assert (run.returncode, run.stderr.count(b"\n")) == (2, 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a system without /dev/full")
def test_a_table_that_cannot_be_written_at_the_end_is_said_and_the_run_stands(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    run = call("run", root, "--json", "--csv", "/dev/full", "--on-finish", "cat >&2")
    assert run.returncode == 1
    assert json.loads(run.stdout)["summary"]["done"] == 1
    assert b"/dev/full: the CSV cannot be written: no space left" in run.stderr
    assert b'"exitCode": 1' in run.stderr


def test_a_dry_run_lists_and_touches_nothing(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 2)
    run = call("run", root, "-n", "--json")
    assert run.returncode == 0
    assert [result["status"] for result in json.loads(run.stdout)["results"]] == ["planned", "planned"]
    assert b"i0000.jpg -> " in call("run", root, "-n").stdout
    assert sorted(os.listdir(root)) == ["i0000.jpg", "i0001.jpg"]


@pytest.mark.parametrize(
    "given",
    [
        ["run"],
        ["run", "IN", "--nonsense"],
        ["run", "IN", "-q", "0"],
        ["run", "IN", "--in-place", "-o", "x"],
        ["run", "nothing"],
        ["run", "IN", "--json", "--ndjson"],
        ["run", "IN", "-o", "IN"],
        ["run", "IN", "--config", "nothing.toml"],
        ["optimize", "a"],
        ["optimize", "a", "b", "no json"],
        ["optimize-batch", "{"],
        ["optimize-batch", "nothing.json"],
        ["optimize-batch", "[[[[" * 20_000],
        ["optimize-batch", "5"],
        ["optimize-batch", "[]", "-j", "0"],
        ["IN", "--nonsense"],
    ],
    ids=lambda given: " ".join(given)[:30],
)
def test_wrong_usage_is_exit_2_with_one_sentence(tmp_path: Path, samples: Path, given: list[str]) -> None:
    fill(tmp_path / "in", samples / "small.jpg", 1)
    run = call(*(str(tmp_path / "in") if word == "IN" else word for word in given), cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.startswith(b"imgopt-tui: ")
    assert b"Traceback" not in run.stderr
    assert os.listdir(tmp_path / "in") == ["i0000.jpg"]


def test_nothing_found_is_exit_3_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image", encoding="utf-8")
    run = call("run", tmp_path)
    assert (run.returncode, run.stdout) == (3, b"")
    assert run.stderr == b"imgopt-tui: no images were found\n"
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.alone
def test_an_interrupted_run_ends_with_its_code_and_whole_files(
    tmp_path: Path, samples: Path, number: signal.Signals, code: int
) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 600)
    command = [*TOOL[:-1], "tui.__main__", "run", str(root), "--ndjson"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        run.send_signal(number)
        sent = time.monotonic()
        rest = run.stdout.read()
        assert run.stderr is not None
        errors = run.stderr.read()
        assert run.wait(20) == code
        assert time.monotonic() - sent < 6
    lines = [json.loads(line) for line in (first + rest).splitlines()]
    assert b"Traceback" not in errors
    summary = lines[-1]["summary"]
    assert summary["phase"] == "stopped"
    assert summary["remaining"] == 600 - summary["processed"] > 0
    assert len(list((root / "optimized").glob("*.jpg"))) == summary["processed"] == len(lines) - 1
    assert not [path for path in root.rglob(".imgopt-*") if path.name.endswith(".tmp")]


def on_terminal(*given: str) -> tuple[bytes, bytes]:
    """stdout and what a terminal on stderr got."""
    master, slave = pty.openpty()
    command = [*TOOL[:-1], "tui.__main__", *given]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=slave, stdin=slave) as run:
        os.close(slave)
        seen = b""
        while run.poll() is None or select.select([master], [], [], 0)[0]:
            if select.select([master], [], [], 0.05)[0]:
                try:
                    seen += os.read(master, 65536)
                except OSError:
                    break
        assert run.stdout is not None
        output = run.stdout.read()
    os.close(master)
    return output, seen


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 20)
    output, seen = on_terminal("run", str(root), "--json")
    assert json.loads(output)["summary"]["done"] == 20
    assert b"images" in seen
    assert b"\r" in seen
    assert call("run", root, "--json").stderr == b""
    assert on_terminal("run", str(root), "-QQ") == (b"", b"")


def test_awkward_names_are_escaped_for_people(tmp_path: Path) -> None:
    names = [b"\xff\xfe.jpg", b"esc\x1b[31m.jpg", b"line\nbreak.jpg", "rtl\u202egpj.jpg".encode()]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"nothing")
    run = call("run", tmp_path)
    assert run.stderr.count(b"\n") == 4
    for bad in (b"\x1b", b"\xff", "\u202e".encode()):
        assert bad not in run.stderr
    for good in (rb"\xff\xfe.jpg", rb"esc\x1b[31m.jpg", rb"line\x0abreak.jpg", rb"rtl\u202egpj.jpg"):
        assert good in run.stderr


def test_optimize_takes_and_prints_the_contracts_json(tmp_path: Path, samples: Path) -> None:
    settings = json.dumps({"quality": {"global": 60}, "outputFormat": "webp", "resize": {"mode": "width", "size": 20}})
    run = call("optimize", samples / "photo.jpg", tmp_path / "a.jpg", settings)
    result = json.loads(run.stdout)
    assert (run.returncode, run.stderr) == (0, b"")
    assert set(result) == FIELDS
    assert result["optimized_path"] == str(tmp_path / "a.webp")
    assert (tmp_path / "a.webp").stat().st_size == result["optimized_size"]
    run = call("optimize", tmp_path / "none.jpg", tmp_path / "b.jpg")
    assert (run.returncode, json.loads(run.stdout)["success"]) == (1, False)


@pytest.mark.parametrize("way", ["argument", "file", "stdin", "wrapped"])
def test_a_batch_comes_from_argument_file_or_stdin_and_one_bad_task_is_one_failed_result(
    tmp_path: Path, samples: Path, way: str
) -> None:
    tasks: list[object] = [
        {"input_path": str(samples / "small.jpg"), "output_path": str(tmp_path / "1.jpg")},
        {"input": str(samples / "small.png"), "output": str(tmp_path / "2.png"), "settings": {"outputFormat": "webp"}},
        {"input_path": str(samples / "small.jpg"), "output_path": str(tmp_path / "3.jpg"), "settings": {"quality": 0}},
        "nonsense",
    ]
    text = json.dumps({"tasks": tasks} if way == "wrapped" else tasks)
    (tmp_path / "tasks.json").write_text(text)
    given = {"file": str(tmp_path / "tasks.json"), "stdin": "-"}.get(way, text)
    run = call("optimize-batch", given, stdin=text.encode() if way == "stdin" else b"")
    results = json.loads(run.stdout)
    assert run.returncode == 1
    assert [result["success"] for result in results] == [True, True, False, False]
    assert "settings.quality.global" in results[2]["error"]
    assert results[1]["path"] == str(tmp_path / "2.webp")
    assert (results[1]["format"], type(results[1]["compression_ratio"])) == ("webp", str)


def test_settings_files_count_and_their_problems_are_all_named(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.jpg", 1)
    (tmp_path / "imgopt-tui.toml").write_text('[encode]\nformat = "webp"\n')
    assert call("run", root, "-Q", cwd=tmp_path).returncode == 0
    assert (root / "optimized" / "i0000.webp").is_file()
    (tmp_path / "imgopt-tui.toml").write_text('[encode]\nformat = "bmp"\nquality = 0\n[x]\n')
    run = call("run", root, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr.count(b"\n")) == (2, b"", 3)
    shutil.rmtree(root)


def test_small_commands_answer() -> None:
    assert call("--version").stdout.startswith(b"imgopt-tui ")
    assert call("config", "--example").stdout == (ROOT / "config.example.toml").read_bytes()
    assert call("config").returncode == 0
    assert call("ps").stdout == b""
    run = call("stop")
    assert (run.returncode, run.stderr) == (1, b"imgopt-tui: no run is going on\n")


def test_lossless_with_a_package_missing_is_refused_before_anything_is_written(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "small.png", 1)
    hide = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'oxipng' else real(name, *more)\n"
        "from tui.__main__ import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", hide, "run", str(root), "--lossless"]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60)
    assert run.returncode == 2
    assert run.stderr == "imgopt-tui: --lossless needs the package pyoxipng: pip install 'imgopt-tui[all]'\n"
    assert not (root / "optimized").exists()


def test_lossless_and_a_size_limit_reach_the_workers(tmp_path: Path, samples: Path) -> None:
    root = fill(tmp_path / "in", samples / "photo.jpg", 1)
    shutil.copyfile(samples / "photo.png", root / "b.png")
    run = call("run", root, "--lossless", "--json")
    assert run.returncode == 0
    assert [result["status"] for result in json.loads(run.stdout)["results"]] == ["done", "done"]
    run = call("run", root, "--max-size", "1K", "--json")
    reasons = [result["reason"] for result in json.loads(run.stdout)["results"]]
    assert all("--max-size" in reason for reason in reasons)
    assert call("run", root, "--lossless", "-q", "80").returncode == 2
