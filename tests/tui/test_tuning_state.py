"""Promises of what the Tune tab measures and picks, without a screen or a worker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.formats import Format
from engine.reach import AVIF_STEPS
from engine.settings import Settings
from engine.tuning import Rung, Subject
from tui.tuning_state import FORMATS, Measure, Reach, Tuning, passes


def opened(settings: Settings | None = None, format: Format = Format.JPEG) -> Tuning:
    tuning = Tuning()
    tuning.begin("/a.jpg", settings or Settings())
    tuning.opened(Subject("/a.jpg", format, 600, 400, 3, 100_000, 92, "sRGB", format, 600, 400))
    return tuning


def rung(format: Format, quality: int, score: float | None = None) -> Rung:
    return Rung(format, quality, quality * 1000, quality if score is None else score, 50.0)


def fill(tuning: Tuning) -> list[Measure | Reach]:
    """Do all there is to do; scores are the qualities."""
    done = []
    while (job := tuning.next_job()) is not None:
        assert isinstance(job, Measure | Reach)
        done.append(job)
        tuning.finish(job, rung(job.format, job.quality if isinstance(job, Measure) else job.target))
    return done


def test_the_cheapest_rung_is_measured_first_and_the_target_last() -> None:
    done = fill(opened())
    qualities = [job.quality for job in done if isinstance(job, Measure)]
    assert qualities == sorted(qualities)
    assert len(qualities) >= 5
    assert done[-1] == Reach(Format.JPEG, 80)


def test_a_quality_the_user_asks_for_is_measured_before_the_rest() -> None:
    tuning = opened()
    tuning.step(1)
    wanted = tuning.chosen[1]
    assert tuning.next_job() == Measure(Format.JPEG, wanted)
    fill(tuning)
    assert tuning.row is not None
    assert tuning.row.quality == wanted
    assert tuning.row.rung is not None


def test_coming_back_to_a_format_measures_nothing_again() -> None:
    tuning = opened()
    fill(tuning)
    tuning.turn(Format.WEBP)
    assert fill(tuning)
    tuning.turn(Format.JPEG)
    assert fill(tuning) == []


@given(st.integers(30, 100), st.dictionaries(st.integers(1, 100), st.floats(0, 100), min_size=1))
def test_the_pick_is_the_smallest_that_passes(target: int, scores: dict[int, float]) -> None:
    tuning = opened()
    for quality, score in scores.items():
        tuning.learn(rung(Format.JPEG, quality, score))
    tuning.aim_at(target)
    passing = [quality for quality, score in scores.items() if score >= target]
    assert (tuning.best.quality if tuning.best else None) == min(passing, default=None)


def test_the_worst_place_counts_where_a_floor_is_set() -> None:
    good = Rung(Format.JPEG, 80, 1000, 85.0, 60.0)
    assert passes(good, opened().aim)
    assert not passes(good, opened(Settings(target_quality=80, worst_tile=70)).aim)


@given(st.lists(st.sampled_from(["left", "right", "up", "down", "measure", "webp", "avif", "jpeg", "aim", "compare"])))
def test_whatever_is_pressed_the_cursor_is_on_a_row(keys: list[str]) -> None:
    tuning = opened()
    for key in keys:
        match key:
            case "left" | "right":
                tuning.step(1 if key == "right" else -1)
            case "up" | "down":
                tuning.choose(tuning.cursor + (1 if key == "down" else -1))
            case "aim":
                tuning.aim_at(tuning.target + 3)
            case "compare":
                tuning.compare()
            case "measure":
                job = tuning.next_job()
                if job is not None:
                    quality = job.quality if isinstance(job, Measure) else job.target
                    tuning.finish(job, rung(job.format, quality))
            case _:
                tuning.turn(Format(key))
        rows = tuning.rows
        assert 0 <= tuning.cursor < len(rows)
        assert len({row.key for row in rows}) == len(rows)
        assert all(row.format == (FORMATS[at] if tuning.comparing else tuning.format) for at, row in enumerate(rows))
        assert tuning.row is not None
        assert tuning.row.key == tuning.chosen or tuning.comparing


@given(st.sampled_from(FORMATS), st.lists(st.sampled_from([-1, 1]), max_size=40))
def test_a_step_is_the_next_quality_that_makes_another_file(format: Format, steps: list[int]) -> None:
    tuning = opened(format=format)
    for by in steps:
        before = tuning.row
        assert before is not None
        tuning.step(by)
        after = tuning.row
        assert after is not None
        if format is Format.AVIF:
            assert after.quality in AVIF_STEPS
            between = [
                q for q in AVIF_STEPS if min(before.quality, after.quality) < q < max(before.quality, after.quality)
            ]
            assert between == []
        else:
            assert after.quality == max(1, min(100, before.quality + by))


def test_a_format_that_cannot_hold_the_image_is_an_answer() -> None:
    tuning = opened()
    tuning.compare()
    job = tuning.next_job()
    assert job is not None
    tuning.finish(job, Rung(job.format, 0, note="transparency would be lost"))
    assert tuning.rows[0].rung is not None
    assert tuning.next_job() != job
