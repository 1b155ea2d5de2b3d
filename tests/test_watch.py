"""Promises of ``imgopt-tui watch`` as a process: nothing missed, nothing twice, also after a kill; how it ends and what
it says."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from engine.backup import AREA, is_backup
from engine.run import Run
from engine.settings import Settings
from engine.watch import Watch
from tests.test_cli import TOOL, call, environment
from tests.test_machine import holds, sound
from tui.run_output import Output
from tui.watch_command import Pace, follow

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux'")
COMMAND = [*TOOL[:-1], "tui.__main__", "watch"]
QUICK = ("--settle", "0.1", "-j", "2")


class Process:
    """A watch at work; its lines are waited for."""

    def __init__(self, *given: str | Path, begins: bytes = b"watching") -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*COMMAND, *given], env=environment(), stdout=pipe, stderr=pipe)
        self.said: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._told = threading.Condition()
        self._thread.start()
        if begins:
            self.until(begins)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._told:
                self.said.append(line)
                self._told.notify()

    def until(self, words: bytes) -> bytes:
        """The first line with these words, once it was said."""
        with self._told:
            assert self._told.wait_for(lambda: any(words in line for line in self.said), 30), self.said
        return next(line for line in self.said if words in line)

    @property
    def lines(self) -> IO[bytes]:
        """What it prints."""
        assert self.process.stdout is not None
        return self.process.stdout

    def results(self, count: int) -> list[dict[str, Any]]:
        """So many images that are through."""
        return [sound(self.lines.readline()) for _ in range(count)]

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        self._thread.join(20)
        return code


@contextlib.contextmanager
def watching(*given: str | Path, begins: bytes = b"watching") -> Iterator[Process]:
    """Waits for the words that it ``begins`` with."""
    it = Process(*given, begins=begins)
    try:
        yield it
    finally:
        it.process.kill()
        it.process.wait()
        it.lines.close()
        it._thread.join(20)
        assert it.process.stderr is not None
        it.process.stderr.close()


def drop(root: Path, sample: Path, images: int) -> dict[str, bytes]:
    """Images that differ, put into new folders in three ways: written, written in pieces, renamed. Their originals by
    their paths below the root."""
    data = sample.read_bytes()
    originals: dict[str, bytes] = {}
    for number in range(images):
        path = root / f"d{number % 7}" / f"i{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        content = data + number.to_bytes(2, "big")
        if number % 3 == 0:
            path.with_suffix(".part").write_bytes(content)
            path.with_suffix(".part").rename(path)
        else:
            with open(path, "wb", buffering=0) as file:
                file.write(content[: 500 * (number % 3)])
                file.write(content[500 * (number % 3) :])
        if number % 11 == 0:
            path = path.rename(path.with_name(f"renamed{number}.jpg"))
        originals[str(path.relative_to(root))] = content
    return originals


def backups(root: Path) -> Counter[bytes]:
    """Contents of the originals that are kept, and how often each is."""
    return Counter(path.read_bytes() for path in (root / AREA).rglob("*") if is_backup(path.name))


def test_images_dropped_while_it_is_killed_and_started_again_are_done_once_each(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    with watching(root, *QUICK, "--in-place", "--ndjson") as it:
        dropper = threading.Thread(target=lambda: originals.update(drop(root, samples / "small.jpg", 200)))
        originals: dict[str, bytes] = {}
        dropper.start()
        assert {one["status"] for one in it.results(40)} == {"done"}
        it.process.kill()
        dropper.join()
    with watching(root, *QUICK, "--in-place", "--ndjson") as it:
        late = root / "late.jpg"
        late.write_bytes((samples / "small.jpg").read_bytes())
        originals["late.jpg"] = late.read_bytes()
        while it.results(1)[0]["original_path"] != str(late):
            pass
        while sum(backups(root).values()) < len(originals):
            it.results(1)
        assert it.end() == 0
        summary = sound(it.lines.read().splitlines()[-1])["summary"]
        assert (summary["failed"], summary["remaining"]) == (0, 0)
    assert backups(root) == Counter(originals.values()), "each original is kept once: each image was replaced once"
    assert {str(path.relative_to(root)) for path in root.rglob("*.jpg") if AREA not in path.parts} == set(originals)
    assert all((root / name).read_bytes() != content for name, content in originals.items())
    assert not list(root.rglob(".imgopt-*.tmp"))


def test_a_burst_into_an_output_folder_is_printed_once_each_by_the_schema(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    with watching(root, *QUICK, "--json") as it:
        originals = drop(root, samples / "small.jpg", 150)
        (root / "bad.png").write_bytes(b"nothing")
        os.link(root / "bad.png", root / os.fsdecode(b"\xff.png"))
        results = it.results(len(originals) + 2)
        for one in results[:5]:
            holds(one, "line")
        assert len({one.get("original_path_b64", one["original_path"]) for one in results}) == len(originals) + 2
        assert Counter(one["status"] for one in results) == {"done": len(originals), "failed": 2}
        (root / "bad.png").write_bytes((samples / "small.png").read_bytes())  # only now is it tried again
        assert [one["status"] for one in it.results(1)] == ["done"]
        (root / "late.jpg").write_bytes((samples / "small.jpg").read_bytes())
        assert [os.path.basename(one["original_path"]) for one in it.results(1)] == ["late.jpg"]
        assert it.end() == 0
        holds(sound(it.lines.readline()), "line")
    out = root / "optimized"
    assert all((out / name).stat().st_size < len(content) for name, content in originals.items())


def test_another_run_on_the_tree_is_refused_and_undo_works_after_the_end(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(samples / "small.jpg", root / "a.jpg")
    before = (root / "a.jpg").read_bytes()
    with watching(root, *QUICK, "--in-place", "-v") as it:
        run = it.until(b"run ").split()[-1].decode()
        it.until(b"a.jpg: done")
        for command in ("watch", "run"):
            refused = call(command, root, "--in-place")
            assert refused.returncode == 2
            assert f"run {run} (process {it.process.pid}) is at work here".encode() in refused.stderr
        (listed,) = json.loads(call("ps", "--json").stdout)
        assert (listed["run"], listed["processed"], listed["percent"]) == (run, 1, 100)
        assert b"wait for its end" in call("undo", run).stderr
        workers = psutil.Process(it.process.pid).children()
        assert it.end() == 0
        assert not psutil.wait_procs(workers, timeout=5)[1]
    assert call("undo", run).returncode == 0
    assert (root / "a.jpg").read_bytes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_at_once_when_it_is_idle(tmp_path: Path, number: int, code: int) -> None:
    with watching(tmp_path, *QUICK) as it:
        assert it.end(number) == code
        assert b"Traceback" not in b"".join(it.said)


def test_stop_ends_it_and_a_folder_that_goes_away_too_with_a_sentence(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    with watching(root, *QUICK) as it:
        assert call("stop").returncode == 0
        assert it.process.wait(20) == 0
    with watching(root, *QUICK) as it:
        root.rename(tmp_path / "away")
        assert it.process.wait(20) == 4
        it.until(str(root).encode())
    missing = call("watch", root)
    assert (missing.returncode, missing.stderr) == (2, f"imgopt-tui: {root}: no such file or folder\n".encode())


async def test_run_follows_run_and_nothing_is_lost_between_them(
    tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    originals = drop(tmp_path, samples / "small.jpg", 9)
    settings = Settings(settle=0.1, workers=2)
    with Watch([str(tmp_path)], settings, most_images=2) as tree:
        finished, done = tree.finished, 0

        def count(*what: Any) -> None:
            nonlocal done
            finished(*what)
            done += 1
            if done == len(originals):
                tree.stop()

        tree.finished = count  # type: ignore[method-assign, assignment]  # to know when the last image is through
        assert await follow(tree, partial(Run, [str(tmp_path)], settings, watch=tree), Output(as_ndjson=True)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("summary" not in line for line in lines) == len(originals)
    assert len({line["summary"]["run"] for line in lines if "summary" in line}) > 1
    assert {str(path.relative_to(tmp_path / "optimized")) for path in (tmp_path / "optimized").rglob("*.jpg")} == set(
        originals
    )


def test_a_log_gets_a_line_when_all_is_through_and_one_a_minute_while_more_comes() -> None:
    pace = Pace()
    busy = [second for second in range(600) if pace.due(float(second), second * 5, busy=True)]
    assert busy == list(range(61, 600, 60))
    assert pace.due(700.0, 4000, busy=False)
    assert not pace.due(800.0, 4000, busy=False)
    assert not pace.due(705.0, 4001, busy=False)
    assert pace.due(710.0, 4001, busy=False)
    assert Pace().due(0.0, 1, busy=False)
