"""Promises of ``runs --prune``: old runs leave the list, and nothing that undo or a later run needs goes with them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.child import environment
from engine.forgetting import choose_old
from engine.history import RUNNING, PastRun
from engine.journal_file import JournalFile
from engine.places import journal_file
from tests.conftest import ROOT
from tests.engine.test_run import fill
from tests.test_cli import call
from tests.test_machine import holds
from tui.__main__ import main

PAST = PastRun(1, "a", 0.0, 1.0, "finished", (), (), "", False, {}, "")


@given(
    st.lists(st.tuples(st.sampled_from([RUNNING, "finished", "interrupted"]), st.booleans()), max_size=8),
    st.integers(0, 9),
    st.none() | st.integers(0, 9),
)
def test_no_run_goes_that_works_holds_originals_or_is_new_enough(
    kinds: list[tuple[str, bool]], keep: int, before: int | None
) -> None:
    runs = [replace(PAST, id=str(at), started=9.0 - at, phase=phase) for at, (phase, _) in enumerate(kinds)]
    holding = {str(at) for at, (_, keeps) in enumerate(kinds) if keeps}
    chosen = choose_old(runs, keep=keep, before=before, holding=holding)
    over = [run for run in runs if run.phase != RUNNING]
    wanted = [run for at, run in enumerate(over) if at >= keep and (before is None or run.started < before)]
    assert sorted(run.id for run in (*chosen.go, *chosen.stay)) == sorted(run.id for run in wanted)
    assert {run.id for run in chosen.stay} <= holding
    assert not {run.id for run in chosen.go} & holding


def listed() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(call("runs", "--json").stdout)
    return found


def test_runs_leave_the_list_and_what_they_did_stays_known(tmp_path: Path, samples: Path) -> None:
    plain = fill(tmp_path / "plain", samples / "photo.jpg", 2)
    own = fill(tmp_path / "own", samples / "photo.jpg", 2)
    call("run", plain)
    call("run", own, "--in-place")
    assert len(listed()) == 2
    pruned = call("runs", "--prune", "--keep", "0", "--yes", "--json")
    value = json.loads(pruned.stdout)
    holds(value, "prunedRuns")
    (left,) = listed()
    assert ([left["run"]], left["inPlace"], len(value["pruned"])) == (value["stay"], True, 1)
    assert b"originals are kept for undo" in pruned.stderr
    file = JournalFile(journal_file())
    (number,) = (row["number"] for row in file.runs())
    for table in ("results", "samples", "log", "listed"):
        assert {row[0] for row in file.query(f"SELECT run FROM {table}", ())} <= {number}
    file.close()
    again = json.loads(call("run", plain, "--json").stdout)["summary"]
    assert (again["already"], again["done"]) == (2, 0)
    assert call("undo", "last").returncode == 0
    assert all(path.read_bytes() == (samples / "photo.jpg").read_bytes() for path in own.glob("*.jpg"))


@pytest.mark.parametrize(
    "words", [["--prune"], ["--keep", "3"], ["--yes"], ["--prune", "--older-than", "soon"], ["--prune", "--keep", "-1"]]
)
def test_pruning_without_saying_which_is_refused_in_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_nobody_is_asked_where_nobody_answers_and_nothing_goes(tmp_path: Path, samples: Path) -> None:
    call("run", fill(tmp_path / "in", samples / "small.jpg", 1))
    run = call("runs", "--prune", "--keep", "0")
    assert (run.returncode, b"add --yes" in run.stderr, len(listed())) == (2, True, 1)
    assert call("runs", "--prune", "--older-than", "1h", "--yes").returncode == 0
    assert len(listed()) == 1


def test_on_a_terminal_only_yes_deletes(tmp_path: Path, samples: Path) -> None:
    call("run", fill(tmp_path / "in", samples / "small.jpg", 1))
    for answer, left in ((b"n\n", 1), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        try:
            words = [sys.executable, "-m", "tui", "runs", "--prune", "--keep", "0"]
            with subprocess.Popen(
                words, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, cwd=ROOT, env=environment()
            ) as asked:
                os.write(ours, answer)
                asked.communicate()
        finally:
            os.close(ours)
            os.close(theirs)
        assert len(listed()) == left
