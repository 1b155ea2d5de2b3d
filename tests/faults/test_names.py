"""Awkward names, links, devices and output folders that lead to originals cost nothing, and nothing is written outside
the output; a write there is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.judge import Judge
from tests.faults.names import names, written_outside
from tests.faults.outputs import outputs
from tests.faults.table import Bench
from tests.faults.tracing import CHANGING, STRACE, injected


@pytest.mark.timeout(300)
def test_awkward_names_links_and_devices_cost_nothing(tmp_path: Path, judge: Judge) -> None:
    rows = names(Bench(tmp_path, long=False, judge=judge))
    assert [loss for row in rows for loss in row.losses] == []
    assert int(rows[0].note.split()[0]) >= 30, "hardly any of them was done"


@pytest.mark.timeout(300)
def test_output_folders_that_lead_to_originals_are_refused_or_cost_nothing(tmp_path: Path, judge: Judge) -> None:
    assert [loss for row in outputs(Bench(tmp_path, long=False, judge=judge)) for loss in row.losses] == []


@pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed")
def test_a_write_that_a_link_leads_outside_is_seen(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    log = os.fspath(tmp_path / "log")
    words = "import os, sys; os.chdir(sys.argv[1]); open('here', 'w').close(); open('link/there', 'w').close()"
    words += "; os.rename(os.path.abspath('here'), os.path.abspath('.') + '/../gone')"
    traced = injected(log=log, calls=CHANGING)
    subprocess.run([*traced, sys.executable, "-c", words, str(inside)], check=True)
    found = {(loss.path, loss.what.split()[0]) for loss in written_outside(log, [os.fspath(inside)])}
    assert (os.fspath(outside / "there"), "openat") in found
    assert (os.fspath(tmp_path / "gone"), "rename") in found
