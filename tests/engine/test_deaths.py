"""Promises of what becomes of an image whose worker died."""

from __future__ import annotations

from engine.deaths import OUTSIDE_KILLS, Deaths
from engine.link import WorkerLink


def dead(code: int, killed_for: str = "") -> WorkerLink:
    kind: type[WorkerLink] = type("Dead", (WorkerLink,), {"returncode": code})
    link = kind(lambda *_: None, lambda _: None, lambda _: None)
    link.killed_for = killed_for
    return link


def test_a_crash_gets_one_more_try() -> None:
    deaths = Deaths(lambda: 0)
    assert deaths.verdict(1, dead(-11), "died") == ""
    assert "2 times" in deaths.verdict(1, dead(-11), "died")


def test_signals_from_outside_get_many_and_do_not_make_a_crash_the_last() -> None:
    deaths = Deaths(lambda: 0)
    assert not any(deaths.verdict(1, dead(-9), "died") for _ in range(OUTSIDE_KILLS - 1))
    assert not deaths.alone(1)
    assert deaths.verdict(1, dead(-11), "died") == ""
    assert deaths.verdict(1, dead(-15), "died")


def test_the_kernels_own_kill_for_memory_gets_one_try_alone() -> None:
    kills = 7
    deaths = Deaths(lambda: kills)
    assert deaths.verdict(1, dead(-9), "died") == ""
    assert not deaths.alone(1)
    kills += 1
    assert deaths.verdict(1, dead(-9), "died") == ""
    assert deaths.alone(1)
    kills += 1
    assert "memory" in deaths.verdict(1, dead(-9), "died")
    assert deaths.verdict(2, dead(-9), "died") == ""


def test_a_time_limit_gets_none() -> None:
    assert "--timeout" in Deaths(lambda: 0).verdict(1, dead(-9, "took longer than 60 s"), "took longer than 60 s")
