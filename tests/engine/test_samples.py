"""Promises of what a run leaves behind for reports."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.job import Outcome, Sibling, Status
from engine.journal_file import JournalFile
from engine.journal_tables import ResultRow
from engine.outcome_row import outcome_of, result_row
from engine.places import journal_file
from engine.quality import Measured
from engine.run import Run
from engine.samples import Sample, Sampler
from engine.settings import Settings
from tests.engine.test_run import finish

OLD = """
CREATE TABLE runs(
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, pid INTEGER, started REAL NOT NULL, ended REAL, phase TEXT,
  roots TEXT NOT NULL, paths TEXT NOT NULL, output TEXT NOT NULL, in_place INTEGER NOT NULL, settings TEXT NOT NULL,
  records TEXT NOT NULL, resumes TEXT, report TEXT);
CREATE TABLE results(
  run INTEGER NOT NULL, number INTEGER NOT NULL, path BLOB NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
  why TEXT NOT NULL, original INTEGER NOT NULL, optimized INTEGER NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY(run, number)) WITHOUT ROWID;
INSERT INTO results VALUES(1, 0, x'61', 'done', '', '', 10, 5, 0.5);
PRAGMA user_version=1;
"""
"""What version 1 of the tables was, as far as it changed."""


@given(st.lists(st.floats(0, 5_000), max_size=300), st.integers(2, 20))
def test_samples_are_bounded_and_evenly_apart_however_long_a_run_takes(times: list[float], most: int) -> None:
    sampler, kept = Sampler(1.0, most), set[int]()
    for at in sorted(times):
        if (tick := sampler.due(at)) is not None:
            kept.add(tick)
        kept = {tick for tick in kept if tick % sampler.stride == 0}
    assert len(kept) <= most
    assert not times or kept
    wanted = {int(at) - int(at) % sampler.stride for at in times}
    assert kept <= wanted


def test_the_journal_thins_out_what_it_has(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "journal.sqlite")
    samples = [Sample(tick, tick * 2.0, 50.0, 1, 2, 3, 4, 5) for tick in range(9)]
    file.put_samples(1, samples, 1)
    assert file.samples(1) == samples
    file.put_samples(1, [], 4)
    assert [sample.tick for sample in file.samples(1)] == [0, 4, 8]
    file.close()


def test_an_outcome_comes_back_from_its_row_as_it_was() -> None:
    sibling = Sibling("a-480.webp", 9, 480, 320, "webp", 80, 71.5)
    outcome = Outcome(
        Status.DONE, target="/out/\udcff.jpg", siblings=(sibling,), measured=Measured(80.25, 3, 70.0, 64, 0)
    )
    row = result_row(1, 2, "/in/\udcff.jpg", 0, 1.5, outcome)
    assert (row.path, row.target, row.score) == (b"/in/\xff.jpg", b"/out/\xff.jpg", 80.25)
    assert outcome_of(row) == outcome


def test_a_journal_of_the_version_before_is_brought_up_and_keeps_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    JournalFile(path).close()
    database = sqlite3.connect(path)
    database.executescript(
        "DROP TABLE runs; DROP TABLE results; DROP TABLE samples; DROP TABLE log; DROP TABLE listed;" + OLD
    )
    database.close()
    file = JournalFile(path)
    assert list(file.results(1)) == [ResultRow(1, 0, b"a", "done", "", "", 10, 5, 0.5)]
    file.put([ResultRow(1, 1, b"b", "done", "", "", 10, 5, 0.5, at=2.5)], [], [])
    assert [row.at for row in file.results(1)] == [0.0, 2.5]
    file.close()


async def test_a_run_leaves_its_images_facts_and_how_the_machine_was(tmp_path: Path, samples: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "a.jpg").write_bytes((samples / "photo.jpg").read_bytes())
    await finish(Run([str(root)], Settings(workers=1, format="webp")))
    file = JournalFile.reading(journal_file())
    (row,) = file.results(1)
    assert (row.target, row.source_format, row.target_format) == (bytes(root / "optimized" / "a.webp"), "jpeg", "webp")
    assert row.slot == 0
    assert row.at >= row.seconds > 0
    assert min(row.width, row.height, row.quality) > 0
    looked = file.samples(1)
    assert looked[0].limit > looked[0].memory > 0
    file.close()
