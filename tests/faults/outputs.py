"""Output folders that lead to the originals, or lie among them."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.names import short_state, written_outside
from tests.faults.oracle import Loss, Tree
from tests.faults.running import run_whole
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, injected
from tests.faults.trees import plant

REFUSED = 2
"""Exit code of a run that was not begun."""


def _refused(bench: Bench) -> tuple[int, list[Loss]]:
    """Commands that would write onto originals, or into folders of somebody else."""
    root = plant(bench.samples(6), bench.base / "refused" / "in")
    (bench.base / "refused" / "link").symlink_to(root)
    (bench.base / "refused" / "file").touch()
    (root / "optimized").mkdir()
    (root / "optimized" / "theirs.txt").touch()
    tree = Tree(bench.base / "refused", bench.base / "pristine", bench.judge)
    ways = [
        ("input", ["-o", os.fspath(root)]),
        ("parent", ["-o", os.fspath(root.parent)]),
        ("root", ["-o", "/"]),
        ("dots", ["-o", os.fspath(root / "below" / "..")]),
        ("link", ["-o", os.fspath(root.parent / "link")]),
        ("file", ["-o", os.fspath(root.parent / "file")]),
        ("below-a-file", ["-o", os.fspath(root.parent / "file" / "out")]),
        ("theirs", []),
        ("empty", ["-o", ""]),
    ]
    ways = ways if bench.long else ways[4:5]
    losses: list[Loss] = []
    for name, words in ways:
        ran = run_whole(["run", os.fspath(root), *words, "--json"], bench.base / "s")
        if ran.code != REFUSED or len(ran.lines) != 1:
            losses.append(Loss("refusal", name, f"exit code {ran.code}, said {ran.lines}"))
        losses += tree.losses(replaced=False, over=True)
    return len(ways), losses


def _nested(bench: Bench) -> list[Loss]:
    """An output folder among the sources is not read by the second run."""
    root = plant(bench.samples(6), bench.base / "nested" / "in")
    output = root / "below" / "out"
    tree = Tree(root, bench.base / "pristine", bench.judge)
    losses: list[Loss] = []
    planned: dict[str, str] = {}
    for _ in range(2):  # the second knows what is done, and names no result for it
        ran = run_whole(["run", os.fspath(root), "-o", os.fspath(output), "--json"], bench.base / "s")
        planned |= {result["optimized_path"]: result["original_path"] for result in ran.results}
        losses += [*tree.unreported(ran.results), *tree.losses(replaced=False, over=True, also=planned)]
        losses += tree.bad_results(planned)
    return losses


def _linked(bench: Bench) -> tuple[int, list[Loss]]:
    """Links put into an output folder of ours since its last run: a folder's leads to the originals, a file's too."""
    root = plant(bench.samples(6), bench.base / "linked" / "in")
    output = bench.base / "linked" / "out"
    words = ["run", os.fspath(root), "-o", os.fspath(output), "--json"]
    tree = Tree(root, bench.base / "pristine", bench.judge)
    first = run_whole(words, bench.base / "s")
    below = [result for result in first.results if "/below/" in result["original_path"]]
    for result in below:
        os.unlink(result["optimized_path"])
    os.rmdir(output / "below")
    (output / "below").symlink_to(root / "below")
    name = Path(first.results[0]["original_path"]).name
    os.unlink(output / name)
    (output / name).symlink_to(root / name)
    log = os.fspath(bench.base / "linked-log")
    before = injected(log=log, calls=CHANGING, more=["--seccomp-bpf"]) if STRACE else []
    with short_state() as state:
        again = run_whole(words, state, before=before)
        losses = written_outside(log, [os.fspath(output), os.fspath(state)])
    losses += [*tree.losses(replaced=False, over=True), *tree.unreported(again.results)]
    ends = {result["original_path"]: result["status"] for result in again.results}
    losses += [
        Loss("report", result["original_path"], "not reported as failed")
        for result in below
        if ends[result["original_path"]] != "failed"
    ]
    return len(again.results), losses


def outputs(bench: Bench) -> list[Row]:
    """All three."""
    ways, losses = _refused(bench)
    rows = [Row("output onto originals or others' files", "commands that must be refused", ways, losses)]
    rows.append(Row("output among the sources", "run twice", 2, _nested(bench)))
    results, losses = _linked(bench)
    rows.append(Row("links in the output folder that lead to originals", "results", results, losses))
    return rows
