"""Promises of two runs at once: one tree is worked on by one run, and no lock outlives its owner."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import runner
from engine.errors import PlanError, RunnerError
from engine.locks import MOST_ROOTS, TreeLocks
from engine.plan import make_plan
from engine.settings import Settings
from tests.engine.test_run import fill
from tests.engine.test_runner import end
from tests.test_cli import TOOL, environment

IN_PLACE = Settings(in_place=True)
HOLD = (
    "import sys; from engine.locks import TreeLocks; from engine.plan import make_plan; from engine.settings import *\n"
    "locks = TreeLocks(); locks.take(make_plan(sys.argv[1:], Settings(in_place=True)))\n"
    "print('held', flush=True); sys.stdin.read()"
)


def take(settings: Settings, *roots: Path) -> TreeLocks:
    locks = TreeLocks()
    assert locks.take(make_plan([str(root) for root in roots], settings)) == ""
    return locks


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("a/b/c", "a/d", "ab", "out"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("a/1.jpg", "a/2.jpg", "a/b/3.jpg"):
        (tmp_path / name).write_bytes(b"image")
    return tmp_path


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a/1.jpg"), ("a/1.jpg", "a")]
)
def test_overlapping_trees_are_worked_on_by_one_run(tree: Path, first: str, second: str) -> None:
    held = take(IN_PLACE, tree / first)
    with pytest.raises(PlanError, match="at work here or on a folder that holds it"):
        take(IN_PLACE, tree / second)
    held.release()
    take(IN_PLACE, tree / second).release()


@pytest.mark.parametrize(("first", "second"), [("a/b", "a/d"), ("a", "ab"), ("a/1.jpg", "a/2.jpg"), ("a/1.jpg", "a/b")])
def test_trees_beside_each_other_are_worked_on_together(tree: Path, first: str, second: str) -> None:
    held = take(IN_PLACE, tree / first), take(IN_PLACE, tree / second)
    for locks in held:
        locks.release()


def test_readers_share_a_tree_and_no_two_share_an_output(tree: Path) -> None:
    out, other = Settings(output=str(tree / "out")), Settings(output=str(tree / "ab"))
    held = take(out, tree / "a"), take(other, tree / "a")
    with pytest.raises(PlanError, match="out"):
        take(out, tree / "a" / "b")
    with pytest.raises(PlanError, match="a: "):
        take(IN_PLACE, tree / "a")
    for locks in held:
        locks.release()


def test_roots_of_one_run_are_no_obstacle_to_each_other_and_many_need_few_descriptors(tree: Path) -> None:
    roots = []
    for number in range(MOST_ROOTS + 1):
        roots.append(tree / "a" / "d" / f"{number}")
        roots[-1].mkdir()
    take(IN_PLACE, tree / "a" / "b", tree / "a" / "1.jpg", tree / "a" / "d").release()
    held = take(IN_PLACE, *roots)
    assert len(held._fds) < 3 * MOST_ROOTS
    with pytest.raises(PlanError):
        take(IN_PLACE, roots[-1])
    held.release()


def test_a_lock_ends_with_its_owner_however_it_ended_and_names_it_before(tree: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tree / "a")]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(PlanError, match=f"process {owner.pid} is at work" if sys.platform == "linux" else "run"):
            take(IN_PLACE, tree / "a" / "b")
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        take(IN_PLACE, tree / "a" / "b").release()


def test_children_do_not_inherit_a_lock(tree: Path) -> None:
    held = take(IN_PLACE, tree / "a")
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, close_fds=False) as child:
        assert child.stdout is not None
        child.stdout.readline()
        held.release()
        take(IN_PLACE, tree / "a").release()


def test_a_file_system_without_locks_is_told_and_no_obstacle(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    problem = TreeLocks().take(make_plan([str(tree / "a")], IN_PLACE))
    assert problem == f"{tree / 'a'} cannot be locked: No locks available"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not open a folder above")
def test_a_folder_above_that_may_not_be_opened_is_no_obstacle(tree: Path) -> None:
    outer = tree / "a"
    for folder in (tree, *tree.parents):
        if folder.stat().st_mode & 0o005 != 0o005 and folder != folder.parent:
            folder.chmod(0o755)
    outer.chmod(0o711)
    command = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", HOLD, str(outer / "b")]
    run = subprocess.run(command, env=environment(), input=b"", capture_output=True, check=False)
    assert run.stdout == b"held\n", run.stderr


async def test_a_second_run_is_refused_by_name_from_the_command_line_and_the_dashboard(
    tree: Path, samples: Path
) -> None:
    root = fill(tree / "work", samples / "photo.jpg", 400)
    first = await runner.launch([str(root)], IN_PLACE)
    try:
        run_id = first.info.run_id
        await first.pause()
        with pytest.raises(RunnerError, match=f"run {run_id} .process {first.info.pid}. is at work"):
            await runner.launch([str(tree)], IN_PLACE)
        command = [*TOOL[:-1], "tui.__main__", "run", str(root), "--in-place"]
        run = await asyncio.create_subprocess_exec(*command, env=environment(), stderr=asyncio.subprocess.PIPE)
        _, said = await run.communicate()
        assert run.returncode == 2
        assert f"end it with: imgopt-tui stop {run_id}" in said.decode()
        assert said.count(b"\n") == 1
    finally:
        await end(first)
