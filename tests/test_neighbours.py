"""Promises to programs that hand over batches: what they are told meanwhile, and what they get in the end."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.task import OptimizationResult
from tests.test_cli import call
from tests.test_machine import holds, sound
from tui.batch_command import Progress


def result(path: str, *, success: bool) -> OptimizationResult:
    return OptimizationResult(path, path, 1, 1, success, None if success else "no")


@given(st.lists(st.tuples(st.floats(0, 0.4), st.booleans()), min_size=1, max_size=200))
def test_progress_comes_at_most_ten_times_a_second_and_the_last_line_is_the_end(
    steps: list[tuple[float, bool]],
) -> None:
    now, times, out = 0.0, [], io.StringIO()
    progress = Progress(len(steps), out, lambda: now)
    for position, (step, success) in enumerate(steps):
        now += step
        before = out.tell()
        progress(position, result(f"/{position}", success=success))
        times += [now] * (out.tell() > before)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == len(times)
    assert all(sum(begin <= at < begin + 1 for at in times) <= 10 for begin in times)
    for line in lines:
        assert line["failed"] == sum(not success for _, success in steps[: line["completed"]])
    assert (lines[-1]["completed"], lines[-1]["percent"]) == (len(steps), 100)


def test_a_batch_says_how_far_it_is_on_stderr_and_nothing_else_on_stdout(tmp_path: Path, samples: Path) -> None:
    odd = os.fsdecode(b"\xff.jpg")
    os.link(samples / "small.jpg", tmp_path / odd)
    both: list[dict[str, object]] = [{"input_path": str(samples / "small.jpg"), "output_path": str(tmp_path / "1.jpg")}]
    both.append({"input": str(samples / "none.jpg"), "output": str(tmp_path / "2.jpg")})
    both.append(
        {"input": str(tmp_path / odd), "output": str(tmp_path / "3.webp"), "settings": {"outputFormat": "webp"}}
    )
    done = call("optimize-batch", "-", stdin=json.dumps(both).encode())
    holds(sound(done.stdout), "optimizedBatch")
    holds(json.loads(done.stdout)[1], "optimizedForSidecar")
    lines = [sound(line) for line in done.stderr.splitlines()]
    for line in lines:
        holds(line, "progress")
    assert (lines[-1]["completed"], lines[-1]["failed"], lines[-1]["total"]) == (3, 1, 3)
    assert call("optimize-batch", "-", "-Q", stdin=json.dumps(both).encode()).stderr == b""
